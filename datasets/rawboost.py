"""RawBoost: distortions of a telephone-like channel for raw samples (Tak et al., ICASSP 2022, arXiv 2111.04433).

Three parts: (1) linear and non-linear convolutive noise, (2) impulsive noise that depends on the signal, (3)
stationary noise that does not. The defaults are the paper's: 5 notches of 100-1000 Hz with 10-100 taps,
gains of the powers 2..5 down by 5-20 dB, up to 10 % of impulses with standard gain 2, noise at 10-40 dB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve, firwin

Signal = NDArray[np.float64]

NOTCHES = 5
WIDTH = (100.0, 1000.0)
TAPS = (10, 100)
POWERS = 5
BIAS = (5.0, 20.0)
IMPULSES = 0.10
IMPULSE_GAIN = 2.0
SNR = (10.0, 40.0)

SERIES = {1: (1,), 2: (2,), 3: (3,), 4: (1, 2, 3), 5: (1, 2), 6: (1, 3), 7: (2, 3)}
"""Parts of each algorithm, one after the other; algorithm 8 is parts 1 and 2 side by side."""


def rawboost(signal: Signal, rate: int, algorithm: int, rng: np.random.Generator) -> Signal:
    """(n,) through `algorithm` 1..8 of the paper's code; same length, scaled down where it would exceed 1."""
    parts = {1: convolutive, 2: impulsive, 3: stationary}
    if algorithm == 8:
        return _within(convolutive(signal, rate, rng) + impulsive(signal, rate, rng))
    for part in SERIES[algorithm]:
        signal = parts[part](signal, rate, rng)
    return signal


def convolutive(signal: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """Sum of the powers 1..5 of the signal, each through its own notch filters (Hammerstein model)."""
    out = np.zeros_like(signal)
    power = np.ones_like(signal)
    for order in range(POWERS):
        power = power * signal
        gain = 0.0 if order == 0 else -float(rng.uniform(*BIAS))
        out += _filtered(power, _notches(gain, rate, rng))
    return _within(out - (out.mean() if out.size else 0.0))


def impulsive(signal: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """Up to 10 % of the samples moved by a random share of themselves, the product of two uniform draws."""
    out = signal.copy()
    places = rng.permutation(signal.size)[: int(signal.size * rng.uniform(0, IMPULSES))]
    shares = rng.uniform(-1, 1, places.size) * rng.uniform(-1, 1, places.size)
    out[places] += IMPULSE_GAIN * signal[places] * shares
    return _within(out)


def stationary(signal: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """White noise through notch filters added at 10-40 dB SNR."""
    noise = _filtered(rng.standard_normal(signal.size), _notches(0.0, rate, rng))
    level, own = float(np.linalg.norm(signal)), float(np.linalg.norm(noise))
    snr = float(rng.uniform(*SNR))
    return signal + noise * (level / own * 10 ** (-snr / 20)) if own else signal


def _notches(gain: float, rate: int, rng: np.random.Generator) -> Signal:
    """Cascade of random band-stop filters, largest gain `gain` dB."""
    cascade: Signal = np.ones(1)
    for _ in range(NOTCHES):
        centre, width = rng.uniform(20.0, rate / 2), rng.uniform(*WIDTH)
        taps = int(rng.integers(TAPS[0], TAPS[1])) | 1
        low, high = max(centre - width / 2, 1e-3), min(centre + width / 2, rate / 2 - 1e-3)
        cascade = np.convolve(cascade, firwin(taps, [low, high], window="hamming", fs=rate))
    return cascade * (10 ** (gain / 20) / float(np.abs(np.fft.rfft(cascade, 1024)).max()))


def _filtered(signal: Signal, taps: Signal) -> Signal:
    """Linear-phase filtering without delay."""
    start = taps.size // 2
    out: Signal = fftconvolve(signal, taps)[start : start + signal.size]
    return out


def _within(signal: Signal) -> Signal:
    """Scaled down to a peak of 1 where it is above."""
    return signal / max(1.0, float(np.abs(signal).max(initial=0.0)))
