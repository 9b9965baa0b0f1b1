"""The fingerprint of content: 50 words of 32 bits a second, the signs of mel-energy differences in band and time.

After Haitsma and Kalker ("A Highly Robust Audio Fingerprinting System", ISMIR 2002), with bands, window and lag
chosen for speech through low-rate codecs on the training speakers: 33 overlapping mel bands of 100-3000 Hz, frames
of 128 ms every 20 ms, and a lag of four frames. Bit b of word k is the sign of
(E[k+4, b+1] - E[k+4, b]) - (E[k, b+1] - E[k, b]) with E the log energy of a frame and band. The word 0 stands for
"nothing to hear here". Level, band limits and filters that change slowly leave the bits alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from ..core.errors import AudioError, UsageError
from ..core.spectral import hann, hz_to_mel

Words = NDArray[np.uint32]
Floats = NDArray[np.float32]

RATE = 16_000
"""Hz of the samples that are fingerprinted."""
WORDS_PER_SECOND = 50
BITS = 32

_FRAME = 2048
_HOP = RATE // WORDS_PER_SECOND
_LAG = 4
_LOW, _HIGH, _WIDTH = 100.0, 3000.0, 1.5
_SLOWEST, _FASTEST = 0.5, 2.0
# Mean square below which a frame is silence (-85 dB of full scale), and the floor under a band's energy.
_SILENCE, _FLOOR = 10**-8.5, 1e-12
_BATCH = 512  # frames transformed at once
_WINDOW = (hann(_FRAME) / np.sqrt(np.sum(hann(_FRAME) ** 2) * _FRAME / 2)).astype(np.float32)
_WEIGHTS = (2 ** np.arange(BITS, dtype=np.uint64)).astype(np.uint32)


@dataclass(frozen=True)
class Match:
    """A record that holds the content of a query.

    offset_seconds: where in the record the query's first sample lies. bit_error_rate: over the `seconds` that were
    compared. p_value: bound for the best of all comparisons that were made, in (0, 1].
    """

    record_id: str
    offset_seconds: float
    bit_error_rate: float
    seconds: float
    p_value: float


class FingerprintStream:
    """Fingerprint of a stream: the words of all `push` joined are those of the whole.

    speed: how much faster than the original the sound plays (pitch and time); tempo: the same in time alone. The
    words are those of the original, 50 for each of its seconds. Raises UsageError outside 0.5 to 2.
    """

    def __init__(self, speed: float = 1.0, tempo: float = 1.0) -> None:
        if not (_SLOWEST <= speed <= _FASTEST and _SLOWEST <= tempo <= _FASTEST):
            raise UsageError(f"Fingerprints follow speed and tempo from 0.5 to 2, not {speed:g} and {tempo:g}.")
        self._bank = _bank(speed)
        self._step = _HOP / (speed * tempo)
        self._frames = 0
        self._start = 0  # place in the stream of the first sample kept
        self._samples = np.zeros(0, np.float32)
        self._energies = np.zeros((0, BITS + 1), np.float32)
        self._heard = np.zeros(0, bool)

    def push(self, block: Floats) -> Words:
        """(n,) float32 at 16 kHz -> the words that are now known, (k,)."""
        if block.ndim != 1:
            raise AudioError(f"A fingerprint is made of one channel, (n,), not of shape {block.shape}.")
        self._samples = np.concatenate([self._samples, block.astype(np.float32, copy=False)])
        words = [self._batch(starts) for starts in self._ready()]
        return np.concatenate([np.zeros(0, np.uint32), *words])

    def _ready(self) -> list[NDArray[np.int64]]:
        """Batches of the starts of the frames that are whole, in samples from the stream's start."""
        last = self._start + self._samples.size - _FRAME
        count = int(last / self._step) + 2 if last >= 0 else 0
        starts = np.rint(np.arange(self._frames, count) * self._step).astype(np.int64)
        starts = starts[starts <= last]
        return [starts[i : i + _BATCH] for i in range(0, starts.size, _BATCH)]

    def _batch(self, starts: NDArray[np.int64]) -> Words:
        frames = np.lib.stride_tricks.sliding_window_view(self._samples, _FRAME)[starts - self._start]
        power = np.abs(rfft(frames * _WINDOW, axis=1)) ** 2
        energies = np.concatenate([self._energies, np.log(power @ self._bank + _FLOOR)])
        heard = np.concatenate([self._heard, np.square(frames).mean(axis=1) > _SILENCE])
        words = _words(energies, heard)
        self._energies, self._heard = energies[-_LAG:], heard[-_LAG:]
        self._frames += starts.size
        kept = round(self._frames * self._step) - self._start
        self._samples, self._start = self._samples[kept:], self._start + kept
        return words


def fingerprint(samples: Floats, *, speed: float = 1.0, tempo: float = 1.0) -> Words:
    """Words of (n,) float32 samples at 16 kHz; none under 0.21 s.

    With speed or tempo (see FingerprintStream) those of the original before it was played faster or slower.
    """
    return FingerprintStream(speed, tempo).push(samples)


def _words(energies: Floats, heard: NDArray[np.bool_]) -> Words:
    slopes = np.diff(energies, axis=1)
    bits = slopes[_LAG:] > slopes[:-_LAG]
    words = bits @ _WEIGHTS
    # The one word in 2**32 that would read as silence.
    words = np.maximum(words, 1)
    return np.where(heard[_LAG:] & heard[:-_LAG], words, 0).astype(np.uint32)


def _bank(speed: float) -> Floats:
    """Triangles on the mel scale, (bins, 33), in the place that `speed` moves them to."""
    edges = np.linspace(hz_to_mel(_LOW), hz_to_mel(_HIGH), BITS + 3)
    bins = hz_to_mel(np.linspace(0.0, RATE / 2, _FRAME // 2 + 1) / speed)
    away = np.abs(bins[:, None] - edges[None, 1:-1]) / ((edges[1] - edges[0]) * _WIDTH)
    bank: Floats = np.maximum(0.0, 1.0 - away).astype(np.float32)
    return bank
