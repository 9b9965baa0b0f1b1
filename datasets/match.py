"""Bring one sound to the long-term spectrum of another, so that tilt and bandwidth no longer tell them apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

_SIZE = 512
_BANDS = 24
_LEAST_DB, _MOST_DB = -20.0, 12.0
_QUIET = 1e-12


def match_spectrum(samples: NDArray[np.float32], like: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """`samples` (n,) through a smooth linear-phase filter towards the long-term spectrum of `like` (m,).

    24 mel bands, each moved by -20 to +12 dB; no delay, same length. Sound below 512 samples stays as it is.
    """
    if min(samples.size, like.size) < _SIZE:
        return samples
    centres, weights = _bands(rate)
    gain = 10 * np.log10((weights @ _power(like) + _QUIET) / (weights @ _power(samples) + _QUIET))
    hertz = np.arange(_SIZE // 2 + 1) * rate / _SIZE
    response = 10 ** (np.interp(_mel(hertz), centres, np.clip(gain, _LEAST_DB, _MOST_DB)) / 20)
    taps = np.fft.fftshift(np.fft.irfft(response, _SIZE)) * np.hanning(_SIZE + 1)[:-1]
    filtered = oaconvolve(samples.astype(np.float64), taps)[_SIZE // 2 :][: samples.size]
    return np.asarray(filtered, dtype=np.float32)


def _power(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean power spectrum, (257,)."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _SIZE)[:: _SIZE // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(_SIZE))) ** 2
    return np.asarray(power.mean(axis=0), dtype=np.float64)


def _bands(rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres in mel, (bands,), and triangular weights, (bands, 257)."""
    mel = _mel(np.arange(_SIZE // 2 + 1) * rate / _SIZE)
    edges = np.linspace(0, mel[-1], _BANDS + 2)
    weights = np.maximum(0, 1 - np.abs(mel - edges[1:-1, None]) / edges[1])
    return edges[1:-1], weights


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """O'Shaughnessy's mel scale."""
    return np.asarray(2595 * np.log10(1 + hertz / 700), dtype=np.float64)
