"""A pitch track in numpy, for copy synthesis and comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import spectral


def track(
    wave: NDArray[np.floating[Any]], rate: int, hop_length: int, lowest: float = 70.0, highest: float = 400.0
) -> NDArray[np.float64]:
    """Fundamental in Hz of (n,) for each hop, (ceil(n / hop),), 0 where unvoiced.

    Peak of the autocorrelation of 50-ms Hann frames, divided by the window's own (Boersma 1993); voiced above 0.5 and
    within 40 dB of the loudest frame. The shortest lag within 0.85 of the highest peak wins: multiples of the period
    correlate as well.
    """
    size = round(0.05 * rate)
    count = -(-wave.size // hop_length)
    frames = spectral.frames(np.pad(wave, (size // 2, size + hop_length)), size, hop_length)[:count]
    window = spectral.hann(size)
    spectrum = np.fft.rfft((frames - frames.mean(1, keepdims=True)) * window, 2 * size)
    likeness = np.fft.irfft(np.abs(spectrum) ** 2)[:, : int(rate / lowest) + 1]
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * size)) ** 2)[: likeness.shape[1]]
    likeness = likeness / np.maximum(likeness[:, :1], 1e-9) * (own[0] / own)
    inner = likeness[:, 1:-1]
    peaks = np.where((inner >= likeness[:, :-2]) & (inner > likeness[:, 2:]), inner, 0.0)
    peaks[:, : int(rate / highest) - 1] = 0.0
    best = peaks.max(1)
    lag = (peaks >= np.maximum(0.85 * best, 1e-9)[:, None]).argmax(1) + 1
    power = np.mean((frames * window) ** 2, axis=1)
    voiced = (best > 0.5) & (power > 1e-4 * power.max(initial=0.0)) & (power > 1e-9)
    return np.where(voiced, rate / lag, 0.0)
