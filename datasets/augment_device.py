"""Steps for the device: level, band, equaliser, compressor, clipping, RawBoost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import butter, sosfilt

from ..core.audio import Audio
from .augment_step import Beds, Step, rms
from .rawboost import rawboost


@dataclass(frozen=True)
class Gain(Step):
    """Louder or softer by `db`."""

    db: float

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        return Audio(audio.samples * np.float32(10 ** (self.db / 20)), audio.rate)


@dataclass(frozen=True)
class Band(Step):
    """What lies between `low` and `high` Hz (Butterworth, `order` poles at each edge); 0 leaves that edge open."""

    low: float
    high: float
    order: int

    def wrong(self) -> str:
        if not 1 <= self.order <= 12:
            return "the order is 1 to 12"
        return "" if self.low >= 0 and (self.high == 0 or self.low < self.high) else "low must be below high"

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        samples, top = audio.samples, 0.499 * audio.rate
        for kind, edge in (("highpass", self.low), ("lowpass", self.high)):
            if 0 < edge < top:
                samples = sosfilt(butter(self.order, edge, kind, fs=audio.rate, output="sos"), samples, axis=1)
        return Audio(np.asarray(samples, np.float32), audio.rate)


@dataclass(frozen=True)
class Tilt(Step):
    """Spectrum tilted by `db` per octave around 1 kHz, at most 18 dB either way, level kept."""

    db: float

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        def curve(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.clip(self.db * np.log2(np.maximum(frequencies, 20.0) / 1000.0), -18.0, 18.0)

        return _equalised(audio, curve)


@dataclass(frozen=True)
class Peak(Step):
    """A bump or dip of `db` around `hz`, `octaves` wide, level kept."""

    hz: float
    db: float
    octaves: float

    def wrong(self) -> str:
        return "" if self.hz > 0 and self.octaves > 0 else "hz and octaves must be above 0"

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        def curve(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
            away = np.log2(np.maximum(frequencies, 1.0) / self.hz) / (self.octaves / 2)
            return self.db * np.exp(-0.5 * away**2)

        return _equalised(audio, curve)


@dataclass(frozen=True)
class Compress(Step):
    """Levels above `threshold` dB (re the loudest 2 ms) grow only by 1/`ratio`; 5 ms attack, 100 ms release."""

    threshold: float
    ratio: float

    def wrong(self) -> str:
        return "" if self.ratio >= 1 else "the ratio is 1 or more"

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        hop = max(1, audio.rate // 500)
        power = np.square(audio.samples, dtype=np.float64).mean(axis=0)
        frames = np.pad(power, (0, -power.size % hop)).reshape(-1, hop).mean(axis=1)
        if frames.size == 0 or frames.max() == 0:
            return audio
        level = 10 * np.log10(frames / frames.max() + 1e-9)
        wanted = np.minimum(0.0, (self.threshold - level) * (1 - 1 / self.ratio))
        gains = np.asarray(_followed(wanted.tolist(), hop / audio.rate))
        middles = (np.arange(gains.size) + 0.5) * hop
        db = np.interp(np.arange(power.size), middles, gains)
        return Audio((audio.samples * 10 ** (db / 20)).astype(np.float32), audio.rate)


@dataclass(frozen=True)
class Overdrive(Step):
    """Overdriven by `db` against the clip's peak: `shape` soft (tanh) or hard; the peak stays."""

    shape: str
    db: float

    def wrong(self) -> str:
        return "" if self.shape in ("soft", "hard") else "the shapes are soft and hard"

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        peak = float(np.abs(audio.samples).max(initial=0.0))
        if peak == 0:
            return audio
        drive = 10 ** (self.db / 20)
        driven = audio.samples * np.float32(drive / peak)
        shaped = np.tanh(driven) / np.tanh(drive) if self.shape == "soft" else np.clip(driven, -1.0, 1.0)
        return Audio((shaped * peak).astype(np.float32), audio.rate)


@dataclass(frozen=True)
class RawBoost(Step):
    """RawBoost `algorithm` 1..8 (see rawboost)."""

    algorithm: int

    def wrong(self) -> str:
        return "" if 1 <= self.algorithm <= 8 else "the algorithms are 1 to 8"

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        channels = [rawboost(c.astype(np.float64), audio.rate, self.algorithm, rng) for c in audio.samples]
        return Audio(np.stack(channels).astype(np.float32), audio.rate)


def _equalised(audio: Audio, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Audio:
    """Zero-phase filter with the gain `curve` (Hz -> dB); the level is that of the input."""
    length = audio.samples.shape[1]
    size = next_fast_len(length + audio.rate // 50, real=True)
    # The curve is smooth, so that few points of it are enough.
    grid = np.linspace(0.0, audio.rate / 2, 513)
    gains = np.interp(np.fft.rfftfreq(size, 1 / audio.rate), grid, 10 ** (curve(grid) / 20))
    shaped = irfft(rfft(audio.samples, size, axis=1) * gains.astype(np.float32), size, axis=1)[:, :length]
    level = rms(shaped)
    return Audio((shaped * (rms(audio.samples) / level if level else 0.0)).astype(np.float32), audio.rate)


def _followed(wanted: list[float], seconds: float) -> list[float]:
    """Gains in dB that fall within 5 ms and recover within 100 ms towards the wanted ones, a value each `seconds`."""
    attack, release = math.exp(-seconds / 0.005), math.exp(-seconds / 0.1)
    gain, gains = 0.0, []
    for target in wanted:
        share = attack if target < gain else release
        gain = target + share * (gain - target)
        gains.append(gain)
    return gains
