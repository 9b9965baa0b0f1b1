"""Resampling with soxr at its best quality: the same samples come out, whole or in blocks."""

from __future__ import annotations

import numpy as np
import soxr

from .sound import Audio, Samples


class StreamResampler:
    """Resample a stream block by block; the blocks joined equal the whole resampled at once.

    `push` takes and returns (channels, n) float32; `flush` returns the tail. n samples in give
    round(n * out_rate / in_rate) out. Equal rates pass through.
    """

    def __init__(self, in_rate: int, out_rate: int, channels: int) -> None:
        self.channels = channels
        self._stream = None
        if in_rate != out_rate:
            self._stream = soxr.ResampleStream(in_rate, out_rate, channels, dtype="float32", quality="VHQ")

    def push(self, block: Samples) -> Samples:
        return self._run(block, last=False)

    def flush(self) -> Samples:
        return self._run(np.zeros((self.channels, 0), np.float32), last=True)

    def _run(self, block: Samples, last: bool) -> Samples:
        if self._stream is None:
            return block
        out = self._stream.resample_chunk(np.ascontiguousarray(block.T), last=last)
        return np.ascontiguousarray(out.T)


def resample(audio: Audio, rate: int) -> Audio:
    """The same sound at another rate (Hz), linear phase, no delay."""
    if rate == audio.rate:
        return audio
    stream = StreamResampler(audio.rate, rate, audio.channels)
    return Audio(np.concatenate([stream.push(audio.samples), stream.flush()], axis=1), rate)
