"""From samples to the level of each tile, and back: the transform and the mel bands of the mark."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ..core.spectral import frames, hann, hz_to_mel, mel_to_hz
from .layout import BANDS, HIGH_HZ, HOP, LEAD, LOW_HZ, RATE, WINDOW

Floats = NDArray[np.float32]
# Square root of Hann on the way in and out: their product adds up to 2 at a quarter's hop.
_ROOT = np.sqrt(hann(WINDOW)).astype(np.float32)
# -100 dB of full scale: far below any sound that counts, and never the logarithm of 0.
_FLOOR = 1e-10
_DECIBEL = np.float32(10.0 / np.log(10.0))


def transform(samples: Floats) -> NDArray[np.complex64]:
    """Short-time spectrum (frames, bins) of samples (n,) at 16 kHz; frame t covers t * HOP - LEAD and the window."""
    padded = np.pad(np.asarray(samples, np.float32), (LEAD, WINDOW))
    count = -(-(len(samples) + LEAD) // HOP)
    spectrum: NDArray[np.complex64] = scipy.fft.rfft(frames(padded, WINDOW, HOP)[:count] * _ROOT, axis=-1)
    return spectrum


def inverse(spectrum: NDArray[np.complex64], length: int) -> Floats:
    """Samples (length,) whose `transform` the spectrum (frames, bins) is, or is nearest to."""
    pieces = (scipy.fft.irfft(spectrum, WINDOW, axis=-1) * (_ROOT * np.float32(0.5))).astype(np.float32)
    count, parts = len(pieces), WINDOW // HOP
    pieces = pieces.reshape(count, parts, HOP)
    out = np.zeros((count + parts - 1, HOP), np.float32)
    for part in range(parts):
        out[part : part + count] += pieces[:, part]
    return out.reshape(-1)[LEAD : LEAD + length]


@lru_cache(maxsize=256)
def edges(scale: float = 1.0) -> NDArray[np.float64]:
    """Edges of the bands in bins, (BANDS + 3,): one guard band below and one above.

    Bin k reaches from k to k + 1 here, so an edge at f Hz lies at f / width + 0.5. scale: factor on all edges, for
    sound whose pitch was shifted by it; bands beyond 8 kHz come out empty.
    """
    mel = np.linspace(float(hz_to_mel(LOW_HZ)), float(hz_to_mel(HIGH_HZ)), BANDS + 1)
    step = mel[1] - mel[0]
    hz = scale * mel_to_hz(np.concatenate([[mel[0] - step], mel, [mel[-1] + step]]))
    return np.minimum(hz * WINDOW / RATE + 0.5, WINDOW // 2 + 1.0)


@lru_cache(maxsize=1)
def bank() -> Floats:
    """Share of each bin in each band: (BANDS + 2, bins)."""
    bins = np.arange(WINDOW // 2 + 1)
    at = edges()[:, None]
    covered = np.minimum(at[1:], bins + 1) - np.maximum(at[:-1], bins)
    shares: Floats = np.maximum(covered, 0.0).astype(np.float32)
    return shares


def power(spectrum: NDArray[np.complex64]) -> Floats:
    """Squared magnitude (frames, bins)."""
    return spectrum.real**2 + spectrum.imag**2


def integral(energy: Floats) -> NDArray[np.float64]:
    """Power (frames, bins) summed up over both: (bins + 1, frames + 1), from which any band and block follows."""
    sums = np.zeros((energy.shape[1] + 1, energy.shape[0] + 1))
    np.cumsum(energy.T, axis=0, dtype=np.float64, out=sums[1:, 1:])
    np.cumsum(sums, axis=1, out=sums)
    return sums


def running_energy(sums: NDArray[np.float64], scale: float = 1.0) -> NDArray[np.float64]:
    """Energy of each band up to each frame, (BANDS + 2, frames + 1), from an `integral`."""
    at = edges(scale)
    whole = np.minimum(at.astype(np.int64), len(sums) - 2)
    part = (at - whole)[:, None]
    return np.diff(sums[whole] * (1.0 - part) + sums[whole + 1] * part, axis=0)


def energies(sums: NDArray[np.float64], start: float, block: float, count: int) -> NDArray[np.float64]:
    """Mean energy a frame of `count` blocks of `block` frames from frame `start`: (BANDS + 2, count).

    Places between frames are interpolated; beyond the ends there is no energy.
    """
    cuts = np.clip(start + block * np.arange(count + 1), 0.0, sums.shape[1] - 1.0)
    whole = np.minimum(cuts.astype(np.int64), sums.shape[1] - 2)
    part = cuts - whole
    at = sums[:, whole] * (1.0 - part) + sums[:, whole + 1] * part
    mean: NDArray[np.float64] = np.diff(at, axis=1) / block
    return mean


def decibels(energy: NDArray[np.float64]) -> Floats:
    """Level in dB of full scale, -100 dB at least."""
    level: Floats = np.log(np.maximum(energy, 0.0).astype(np.float32) + np.float32(_FLOOR)) * _DECIBEL
    return level


def levels(sums: NDArray[np.float64], start: float, block: float, count: int) -> Floats:
    """Levels in dB (BANDS + 2, count) of the same blocks."""
    return decibels(energies(sums, start, block, count))
