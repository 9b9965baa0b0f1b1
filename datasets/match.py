"""Make one sound like another in what is not to be detected: long-term spectrum, bandwidth, silence at the edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, oaconvolve

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


def speech_bounds(samples: NDArray[np.float32], rate: int) -> tuple[int, int]:
    """First and last + 1 sample of the speech in `samples` (n,): frames of 20 ms far enough above the noise.

    The bound lies 35 dB below the loud frames (95th percentile of the level), or a third of the way from the noise
    (5th percentile) to them where noise leaves less. All of it when nothing stands out.
    """
    frame = max(1, rate // 50)
    if samples.size < 2 * frame:
        return 0, samples.size
    whole = samples[: samples.size // frame * frame].reshape(-1, frame).astype(np.float64)
    level = 10 * np.log10(np.mean(whole**2, axis=1) + 1e-10)
    noise, loud = np.quantile(level, (0.05, 0.95))
    heard = np.flatnonzero(level > max(loud - 35, noise + (loud - noise) / 3))
    if not heard.size:
        return 0, samples.size
    return int(heard[0]) * frame, (int(heard[-1]) + 1) * frame


def bandwidth(samples: NDArray[np.float32], rate: int) -> float:
    """The highest frequency of `samples` (n,) whose mean power lies within 60 dB of the strongest, in Hz."""
    if samples.size < _SIZE:
        return rate / 2
    power = _power(samples)
    return float(np.flatnonzero(power >= power.max() * 1e-6)[-1] * rate / _SIZE)


def low_pass(samples: NDArray[np.float32], rate: int, band: float) -> NDArray[np.float32]:
    """`samples` (n,) without what lies above `band` Hz: 257 taps, no delay, same length. At 0.95 of the Nyquist
    frequency or more they stay as they are."""
    if band >= 0.95 * rate / 2 or samples.size == 0:
        return samples
    taps = firwin(257, max(band, 500.0), fs=rate, window=("kaiser", 8.0))
    return np.asarray(oaconvolve(samples.astype(np.float64), taps, mode="same"), dtype=np.float32)


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
