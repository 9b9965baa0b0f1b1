"""Steps for the place of a recording: noise, recorded beds, rooms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import fftconvolve

from ..core.audio import Audio, Samples, resample
from ..core.errors import DataError
from . import rooms
from .augment_step import Beds, Step, rms

# Power falls with frequency to this exponent.
_COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0, "blue": -1.0}


@dataclass(frozen=True)
class Noise(Step):
    """Gaussian noise, `colour` white, pink, brown or blue, `snr` dB below the sound (both over the whole clip)."""

    colour: str
    snr: float

    def wrong(self) -> str:
        return "" if self.colour in _COLOURS else f"the colours are {', '.join(_COLOURS)}"

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        noise = rng.standard_normal(audio.samples.shape, dtype=np.float32)
        return _mixed(audio, _coloured(noise, _COLOURS[self.colour], audio.rate), self.snr)


@dataclass(frozen=True)
class Bed(Step):
    """The recording `name` of the beds from a random place on, looped, `snr` dB below the sound."""

    name: str
    snr: float

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        if self.name not in beds:
            raise DataError(f"The chain needs the recording {self.name!r}, which is not among the beds.")
        bed = beds[self.name].mono()
        length, own = audio.samples.shape[1], bed.samples.shape[1]
        if own == 0:
            return audio
        # Only as much as is needed is resampled, with one second to spare.
        start, needed = int(rng.integers(own)), int(length * bed.rate / audio.rate) + bed.rate
        piece = Audio(bed.samples[:, np.arange(start, start + needed) % own], bed.rate)
        return _mixed(audio, resample(piece, audio.rate).samples[:, :length], self.snr)


@dataclass(frozen=True)
class Room(Step):
    """The shoebox room `number` (see rooms.shape), direct sound where it was, level kept."""

    number: int

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        response = rooms.response(self.number, audio.rate)
        wet = fftconvolve(audio.samples, response[None], axes=1)[:, : audio.samples.shape[1]]
        level = rms(wet)
        return Audio((wet * (rms(audio.samples) / level if level else 0.0)).astype(np.float32), audio.rate)


def _mixed(audio: Audio, noise: Samples, snr: float) -> Audio:
    """Sound plus noise; silence stays silence, because it has no level to measure against."""
    level, own = rms(audio.samples), rms(noise)
    if level == 0 or own == 0:
        return audio
    return Audio(audio.samples + noise * np.float32(level / own * 10 ** (-snr / 20)), audio.rate)


def _coloured(noise: Samples, exponent: float, rate: int) -> Samples:
    """White noise (channels, n) with power ~ f^-exponent above 20 Hz."""
    if exponent == 0 or noise.shape[1] == 0:
        return noise
    size = next_fast_len(noise.shape[1], real=True)
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / rate), 20.0)
    shaped = rfft(noise, size, axis=1) * (frequencies ** (-exponent / 2)).astype(np.float32)
    return np.asarray(irfft(shaped, size, axis=1)[:, : noise.shape[1]], np.float32)
