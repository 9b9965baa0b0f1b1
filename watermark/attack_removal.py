"""Attacks that want the mark gone: changes of the tiles of time and frequency in which marks live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import istft, stft

from ..core.audio import Audio, exactly
from ..core.spectral import hz_to_mel
from .attack_kit import Attack, Rng, Setting, like

_BANDS = 20
_TILE_SECONDS = 0.032


def _tiles(audio: Audio, db: float, _: float, rng: Rng) -> Audio:
    def gains(spectra: NDArray[Any], hop_seconds: float) -> NDArray[Any]:
        bands = _band_of(spectra.shape[1], audio.rate)
        blocks = np.arange(spectra.shape[2]) * hop_seconds // _TILE_SECONDS
        chosen = rng.choice([-db, db], (_BANDS, int(blocks[-1]) + 1))
        return np.asarray(spectra * 10 ** (chosen[bands][:, blocks.astype(int)] / 20))

    return _through(audio, gains)


def _smooth(audio: Audio, seconds: float, _: float, rng: Rng) -> Audio:
    """The energy of each band evened out over time, fine structure kept."""

    def even(spectra: NDArray[Any], hop_seconds: float) -> NDArray[Any]:
        bands = _band_of(spectra.shape[1], audio.rate)
        power = np.abs(spectra) ** 2
        gains = np.ones_like(power)
        for band in range(_BANDS):
            inside = bands == band
            if inside.any():
                level = np.log(power[:, inside].mean(axis=1) + 1e-12)
                span = max(2, round(seconds / hop_seconds))
                gains[:, inside] = np.exp(0.5 * (uniform_filter1d(level, span, axis=1) - level))[:, None]
        return np.asarray(spectra * gains)

    return _through(audio, even)


def _denoise(audio: Audio, db: float, _: float, rng: Rng) -> Audio:
    """Spectral subtraction (Berouti et al., ICASSP 1979): noise from the quietest fifth of each bin's frames."""

    def subtract(spectra: NDArray[Any], hop_seconds: float) -> NDArray[Any]:
        power = uniform_filter1d(np.abs(spectra) ** 2, 5, axis=2, mode="nearest")
        noise = 2.0 * np.percentile(power, 20, axis=2, keepdims=True)
        return np.asarray(spectra * np.sqrt(np.maximum(1 - 1.5 * noise / np.maximum(power, 1e-15), 10 ** (-db / 10))))

    return _through(audio, subtract)


def _through(audio: Audio, change: Callable[[NDArray[Any], float], NDArray[Any]]) -> Audio:
    """STFT of 16 ms in hops of 4 ms, changed, and back at the same length."""
    hop = max(4, audio.rate // 250)
    length = audio.samples.shape[1]
    padded = exactly(audio.samples, max(length, 4 * hop))
    spectra = stft(padded, nperseg=4 * hop, noverlap=3 * hop)[2]
    sound = istft(change(spectra, hop / audio.rate), nperseg=4 * hop, noverlap=3 * hop)[1]
    return like(audio, exactly(np.asarray(sound, np.float32), length))


def _band_of(bins: int, rate: int) -> NDArray[np.int64]:
    """Which of 20 mel bands up to half the rate each bin is in, (bins,)."""
    places = hz_to_mel(np.linspace(0.0, rate / 2, bins)) / float(hz_to_mel(rate / 2))
    return np.minimum((places * _BANDS).astype(np.int64), _BANDS - 1)


ATTACKS = (
    Attack("tile-gains", "removal", "each tile of 20 bands x 32 ms up or down", (Setting("dB", 2, 0, 20),), _tiles),
    Attack("smooth-bands", "removal", "band energies evened out", (Setting("s", 0.1, 0.01, 2),), _smooth),
    Attack("denoise", "removal", "spectral subtraction", (Setting("dB at most", 18, 0, 60),), _denoise),
)
