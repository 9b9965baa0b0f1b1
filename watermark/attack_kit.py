"""What all attacks share: their shape, their names with settings, and small helpers on samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from ..core.audio import Audio, Samples
from ..core.errors import UsageError

Rng = np.random.Generator
Run = Callable[[Audio, float, float, Rng], Audio]


@dataclass(frozen=True)
class Setting:
    """One number of an attack, written after its name: what it says, its default, its range."""

    what: str
    default: float
    low: float
    high: float

    def read(self, text: str, attack: str) -> float:
        """The number of `text`. Raises UsageError when it is none or outside the range."""
        try:
            value = float(text)
        except ValueError:
            raise UsageError(f"{attack} takes a number ({self.what}) after the colon, not {text!r}.") from None
        if not self.low <= value <= self.high:
            raise UsageError(f"{attack} takes {self.low:g} to {self.high:g} ({self.what}), not {value:g}.")
        return value


@dataclass(frozen=True)
class Attack:
    """One attack: `name`, `name:FIRST` or `name:FIRST@SECOND`.

    family: codec, neural, level, filter, noise, room, desync, removal. help: one line. settings: at most two.
    """

    name: str
    family: str
    help: str
    settings: tuple[Setting, ...] = ()
    run: Run | None = None

    def read(self, text: str) -> list[float]:
        """The settings of what stands after the colon, defaults filled in. Raises UsageError."""
        given = text.split("@") if text else []
        if len(given) > len(self.settings):
            takes = f"at most {len(self.settings)}" if self.settings else "no"
            raise UsageError(f"{self.name} takes {takes} number(s) after the colon, not {text!r}.")
        values = [setting.read(part, self.name) for part, setting in zip(given, self.settings, strict=False)]
        return values + [setting.default for setting in self.settings[len(values) :]]


def like(audio: Audio, samples: NDArray[Any]) -> Audio:
    """These samples at the rate of `audio`."""
    return Audio(np.ascontiguousarray(samples, dtype=np.float32), audio.rate)


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0


def added(audio: Audio, noise: NDArray[Any], snr: float) -> Audio:
    """`noise` `snr` dB under the sound; silence stays silence, because it has no level to measure against."""
    level, own = rms(audio.samples), rms(np.asarray(noise, np.float32))
    if level == 0 or own == 0:
        return audio
    return like(audio, audio.samples + noise * (level / own * 10 ** (-snr / 20)))


def filtered(audio: Audio, gain: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Audio:
    """Zero-phase filter with the linear gain `gain` (Hz -> factor)."""
    length = audio.samples.shape[1]
    size = next_fast_len(length + audio.rate // 10, real=True)
    spectrum = rfft(audio.samples, size, axis=1) * gain(np.asarray(np.fft.rfftfreq(size, 1 / audio.rate), np.float64))
    return like(audio, irfft(spectrum, size, axis=1)[:, :length])


def coloured(shape: tuple[int, ...], rate: int, exponent: float, rng: Rng) -> NDArray[np.float64]:
    """Gaussian noise (channels, n) whose power falls as frequency to `exponent`, above 20 Hz."""
    white = rng.standard_normal(shape)
    if exponent == 0 or shape[-1] == 0:
        return white
    size = next_fast_len(shape[-1], real=True)
    slope = np.maximum(np.fft.rfftfreq(size, 1 / rate), 20.0) ** (-exponent / 2)
    shaped: NDArray[np.float64] = irfft(rfft(white, size, axis=-1) * slope, size, axis=-1)[..., : shape[-1]]
    return shaped
