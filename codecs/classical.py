"""Codecs of everyday life under one protocol, in memory and without their delay.

What comes back is the input as a listener at the far end would hear it: same rate, length and channels.
Each channel is coded by itself. Which codecs there are depends on the installed PyAV and soundfile wheels.
"""

from __future__ import annotations

from functools import cache

import av
import numpy as np
import soundfile

from ..core.audio import Audio, Samples, exactly, resample
from ..core.errors import AudioError, MissingPart, UsageError
from .classical_modes import MODES, Mode


class ClassicalCodec:
    """One codec of the table.

    name, summary: for lists. kbps: the bitrates that it offers, for one channel; empty when the coding rate
    sets it. rate: its coding rate in Hz, None when it follows the input's.
    """

    def __init__(self, mode: Mode) -> None:
        self.name, self.summary = mode.name, mode.summary
        self.kbps: tuple[float, ...] = mode.kbps
        self.rate = mode.rates[0] if len(mode.rates) == 1 else None
        self._mode = mode

    def coding_rate(self, rate: int, kbps: float | None = None) -> int:
        """The rate (Hz) at which sound of `rate` Hz is coded: the next one up, or the highest there is."""
        offered = self._mode.rates_at.get(self._chosen(kbps) or 0, self._mode.rates)
        return min((own for own in offered if own >= rate), default=offered[-1])

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        """`audio` after coding and decoding, the delay removed; `kbps` one of the bitrates, default the highest.

        Raises UsageError for a bitrate that is not offered, AudioError for samples that cannot be coded.
        """
        chosen = self._chosen(kbps)
        length = audio.samples.shape[1]
        if length == 0:
            return audio
        coded = resample(audio, self.coding_rate(audio.rate, kbps))
        channels = [self._channel(samples, coded.rate, chosen) for samples in coded.samples]
        back = resample(Audio(np.stack([samples for samples, _ in channels]), channels[0][1]), audio.rate)
        return Audio(exactly(back.samples, length), audio.rate)

    def encode(self, audio: Audio, kbps: float | None = None) -> bytes:
        """A file of the mono mix, in the codec's usual container. Raises as `resynth` does."""
        coded = resample(audio.mono(), self.coding_rate(audio.rate, kbps))
        return self._encoded(coded.samples[0], coded.rate, self._chosen(kbps))

    def measured_kbps(self, audio: Audio, kbps: float | None = None) -> float:
        """The bitrate that the mono mix really takes, without the container; 0 for an empty one."""
        data = self.encode(audio, kbps)
        samples, rate = self._decoded(data)
        return self._mode.coder.payload(data) * 8 * rate / samples.size / 1000 if samples.size else 0.0

    def _chosen(self, kbps: float | None) -> float | None:
        if kbps is None:
            return max(self.kbps, default=None)
        if kbps not in self.kbps:
            offered = f"one of {', '.join(f'{k:g}' for k in self.kbps)}" if self.kbps else "no choice of bitrate"
            raise UsageError(f"{self.name} has {offered}, not {kbps:g} kbit/s.")
        return kbps

    def _channel(self, samples: Samples, rate: int, kbps: float | None) -> tuple[Samples, int]:
        """(n,) through the codec: as many seconds, at the decoder's rate, which comes with it."""
        out, out_rate = self._decoded(self._encoded(samples, rate, kbps))
        delay = self._mode.delay_at.get(rate, self._mode.delay)
        return exactly(out[delay:], round(samples.size * out_rate / rate)), out_rate

    def _encoded(self, samples: Samples, rate: int, kbps: float | None) -> bytes:
        if not np.isfinite(samples).all():
            raise AudioError(f"{self.name} cannot code samples that are NaN or Inf.")
        try:
            return self._mode.coder.encode(samples, rate, kbps)
        except (av.error.FFmpegError, soundfile.LibsndfileError) as error:
            raise AudioError(f"{self.name} could not encode this sound at {rate} Hz: {error}") from error

    def _decoded(self, data: bytes) -> tuple[Samples, int]:
        try:
            return self._mode.coder.decode(data)
        except (av.error.FFmpegError, soundfile.LibsndfileError) as error:
            raise AudioError(f"{self.name} could not decode what it had encoded: {error}") from error


_MODES = {mode.name: mode for mode in MODES}


def names() -> list[str]:
    """The codecs whose encoder and decoder are installed."""
    return [name for name in _MODES if _present(name)]


def open(name: str) -> ClassicalCodec:
    """A codec by name. Raises UsageError for an unknown name, MissingPart when the wheels lack its encoder."""
    if name not in _MODES:
        raise UsageError(f"There is no classical codec {name!r}; known: {', '.join(names())}.")
    if not _present(name):
        raise MissingPart(f"The installed PyAV and soundfile packages hold no encoder for {name!r}.")
    return ClassicalCodec(_MODES[name])


@cache
def _present(name: str) -> bool:
    return _MODES[name].coder.present()
