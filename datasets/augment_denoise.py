"""The step of a noise suppressor, as in calls and phones: its holes and its warbling belong to genuine speech too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, rfft
from scipy.ndimage import uniform_filter1d

from ..core.audio import Audio
from .augment_step import Beds, Step

# The noise of a bin: this share of its frames lies below it, and the mean of such noise is so much more.
_SHARE, _BIAS = 20, 3.0


@dataclass(frozen=True)
class Denoise(Step):
    """Spectral subtraction (Berouti et al., ICASSP 1979): `over` times the noise off, at most `db` down.

    The noise floor of each 32-ms bin is taken from the quietest fifth of the clip.
    """

    db: float
    over: float

    def wrong(self) -> str:
        return "" if self.db >= 0 and self.over > 0 else "db may not be below 0 and over must be above it"

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        hop = max(1, audio.rate * 16 // 1000)
        length = audio.samples.shape[1]
        window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)).astype(np.float32)
        padded = np.pad(audio.samples, ((0, 0), (hop, hop + -length % hop)))
        halves = padded.reshape(audio.channels, -1, hop)
        spectra = rfft(np.concatenate([halves[:, :-1], halves[:, 1:]], axis=2) * window, axis=2)
        power = uniform_filter1d(np.abs(spectra) ** 2, 3, axis=1, mode="nearest")
        noise = _BIAS * np.percentile(power, _SHARE, axis=1, keepdims=True)
        kept = np.sqrt(np.maximum(1 - self.over * noise / np.maximum(power, 1e-12), 10 ** (-self.db / 10)))
        pieces = irfft(spectra * kept, 2 * hop, axis=2) * window
        # Each hop is the second half of one frame and the first half of the next.
        heard = pieces[:, :-1, hop:] + pieces[:, 1:, :hop]
        return Audio(np.asarray(heard.reshape(audio.channels, -1)[:, :length], np.float32), audio.rate)
