"""How far a decoded signal is from its original. Signals are (n,) or (channels, n); channels are averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import spectral
from .errors import DataError

Signal = NDArray[np.floating[Any]]


def si_sdr(reference: Signal, estimate: Signal) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, means removed (Le Roux et al. 2019).

    inf for a scaled copy, -inf for an estimate without anything of the reference. Raises DataError when the
    reference is constant or the lengths differ; delay must have been removed.
    """
    wanted, heard = _pair(reference, estimate)
    wanted = wanted - wanted.mean(axis=-1, keepdims=True)
    heard = heard - heard.mean(axis=-1, keepdims=True)
    energy = np.sum(wanted**2, axis=-1, keepdims=True)
    if not energy.all():
        raise DataError("SI-SDR is undefined for a silent reference.")
    target = np.sum(wanted * heard, axis=-1, keepdims=True) / energy * wanted
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sum(target**2, axis=-1) / np.sum((heard - target) ** 2, axis=-1)
        decibel = 10.0 * np.log10(np.where(np.isnan(ratio), 0.0, ratio))
    return float(decibel.mean())


def mel_distance(
    reference: Signal,
    estimate: Signal,
    rate: int,
    *,
    n_fft: int = 1024,
    hop_length: int = 256,
    n_mels: int = 80,
    floor: float = 1e-5,
) -> float:
    """Mean absolute difference of log-mel magnitudes, in nats; 0 for equal signals.

    Hann STFT of the given size on samples in [-1, 1], HTK-mel triangles of peak 1 over 0 .. rate / 2, natural
    log of max(magnitude, floor), mean over filters, frames and channels. Values compare only at one rate and
    one set of parameters.
    """
    wanted, heard = _pair(reference, estimate)
    bank = spectral.mel_filterbank(rate, n_fft, n_mels)
    logs = [
        np.log(np.maximum(bank @ np.abs(spectral.stft(signal, n_fft, hop_length)), floor))
        for signal in (wanted, heard)
    ]
    return float(np.mean(np.abs(logs[0] - logs[1])))


def log_spectral_distance(
    reference: Signal, estimate: Signal, *, n_fft: int = 1024, hop_length: int = 256, floor: float = 1e-5
) -> float:
    """Log-spectral distance in dB (Gray and Markel 1976): root mean square over bins, then mean over frames.

    Magnitudes of the Hann STFT are held at or above `floor`, so that silence on both sides counts as equal.
    """
    wanted, heard = _pair(reference, estimate)
    levels = [
        20.0 * np.log10(np.maximum(np.abs(spectral.stft(signal, n_fft, hop_length)), floor))
        for signal in (wanted, heard)
    ]
    return float(np.mean(np.sqrt(np.mean((levels[0] - levels[1]) ** 2, axis=-2))))


def _pair(reference: Signal, estimate: Signal) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    wanted = np.asarray(reference, dtype=np.float64)
    heard = np.asarray(estimate, dtype=np.float64)
    if wanted.shape != heard.shape or wanted.size == 0:
        raise DataError(f"Signals of shape {wanted.shape} and {heard.shape} cannot be compared.")
    return wanted, heard
