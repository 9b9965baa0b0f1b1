"""Attacks on level, dynamics and band."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, hilbert, sosfilt

from ..core.audio import Audio, exactly, resample
from ..core.spectral import hz_to_mel
from .attack_kit import Attack, Rng, Setting, filtered, like

_RATIO = 4.0
_LEVEL_SECONDS = 0.01


def _gain(audio: Audio, factor: float, _: float, rng: Rng) -> Audio:
    return like(audio, audio.samples * factor)


def _polarity(audio: Audio, _: float, __: float, rng: Rng) -> Audio:
    return like(audio, -audio.samples)


def _bits(audio: Audio, bits: float, _: float, rng: Rng) -> Audio:
    steps = 2.0 ** (round(bits) - 1)
    return like(audio, np.clip(np.round(audio.samples * steps), -steps, steps - 1) / steps)


def _phase(audio: Audio, degrees: float, _: float, rng: Rng) -> Audio:
    if audio.samples.shape[1] == 0:
        return audio
    turned = hilbert(audio.samples.astype(np.float64), axis=1) * np.exp(1j * math.radians(degrees))
    return like(audio, turned.real)


def _clip(audio: Audio, db: float, _: float, rng: Rng) -> Audio:
    top = float(np.abs(audio.samples).max(initial=0.0)) * 10 ** (-db / 20)
    return like(audio, np.clip(audio.samples, -top, top))


def _lowpass(audio: Audio, hz: float, _: float, rng: Rng) -> Audio:
    return _band(audio, 0.0, hz)


def _highpass(audio: Audio, hz: float, _: float, rng: Rng) -> Audio:
    return _band(audio, hz, 0.0)


def _bandpass(audio: Audio, low: float, high: float, rng: Rng) -> Audio:
    return _band(audio, low, high)


def _band(audio: Audio, low: float, high: float) -> Audio:
    samples, top = audio.samples, 0.499 * audio.rate
    for kind, edge in (("highpass", low), ("lowpass", high)):
        if 0 < edge < top:
            samples = sosfilt(butter(6, edge, kind, fs=audio.rate, output="sos"), samples, axis=1)
    return like(audio, samples)


def _equaliser(audio: Audio, db: float, _: float, rng: Rng) -> Audio:
    # Bands a Bark or so apart: 24 on the mel scale to 16 kHz, up or down each.
    places = np.linspace(0, float(hz_to_mel(16000.0)), 24)
    gains = rng.choice([-db, db], places.size)

    def gain(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(10 ** (np.interp(hz_to_mel(hz), places, gains) / 20))

    return filtered(audio, gain)


def _smooth(audio: Audio, samples: float, _: float, rng: Rng) -> Audio:
    return like(audio, uniform_filter1d(audio.samples, round(samples), axis=1, mode="nearest"))


def _resample(audio: Audio, hz: float, _: float, rng: Rng) -> Audio:
    back = resample(resample(audio, round(hz)), audio.rate).samples
    return like(audio, exactly(back, audio.samples.shape[1]))


def _compressor(audio: Audio, threshold: float, _: float, rng: Rng) -> Audio:
    return _dynamics(audio, lambda level: np.minimum(0.0, (threshold - level) * (1 - 1 / _RATIO)))


def _limiter(audio: Audio, threshold: float, _: float, rng: Rng) -> Audio:
    return _dynamics(audio, lambda level: np.minimum(0.0, threshold - level))


def _expander(audio: Audio, threshold: float, _: float, rng: Rng) -> Audio:
    return _dynamics(audio, lambda level: np.clip((level - threshold) * (_RATIO - 1), -40.0, 0.0))


def _dynamics(audio: Audio, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Audio:
    """Gains by the level (dB of full scale, 10 ms) of the loudest channel, smoothed over 20 ms."""
    hop = max(1, round(audio.rate * _LEVEL_SECONDS))
    length = audio.samples.shape[1]
    if length == 0:
        return audio
    power = np.square(audio.samples, dtype=np.float64).max(axis=0)
    levels = 10 * np.log10(np.pad(power, (0, -length % hop)).reshape(-1, hop).mean(axis=1) + 1e-10)
    gains = uniform_filter1d(curve(levels), 2, mode="nearest")
    middles = (np.arange(gains.size) + 0.5) * hop
    return like(audio, audio.samples * 10 ** (np.interp(np.arange(length), middles, gains) / 20))


_HZ = 96_000.0
ATTACKS = (
    Attack("gain", "level", "louder or softer by a factor", (Setting("factor", 0.2, 0.001, 1000),), _gain),
    Attack("polarity", "level", "every sample negated", (), _polarity),
    Attack("bits", "level", "quantised to so many bits", (Setting("bits", 8, 2, 24),), _bits),
    Attack("clip", "level", "cut off above so far under the peak", (Setting("dB", 6, 0, 60),), _clip),
    Attack("phase", "level", "all phases turned by an angle", (Setting("degrees", 90, -180, 180),), _phase),
    Attack("compressor", "level", "4:1 above a threshold", (Setting("dBFS", -36, -80, 0),), _compressor),
    Attack("limiter", "level", "nothing above a threshold", (Setting("dBFS", -36, -80, 0),), _limiter),
    Attack("expander", "level", "1:4 under a threshold", (Setting("dBFS", -14, -80, 0),), _expander),
    Attack("lowpass", "filter", "Butterworth, 6 poles", (Setting("Hz", 3500, 20, _HZ),), _lowpass),
    Attack("highpass", "filter", "Butterworth, 6 poles", (Setting("Hz", 500, 5, _HZ),), _highpass),
    Attack(
        "bandpass",
        "filter",
        "Butterworth, 6 poles at each edge",
        (Setting("low Hz", 300, 5, _HZ), Setting("high Hz", 3400, 20, _HZ)),
        _bandpass,
    ),
    Attack("eq", "filter", "each Bark-wide band up or down", (Setting("dB", 6, 0, 24),), _equaliser),
    Attack("smooth", "filter", "moving average", (Setting("samples", 6, 2, 400),), _smooth),
    Attack("resample", "filter", "to another rate and back", (Setting("Hz", 8000, 1000, 384_000),), _resample),
)
