"""Correlating soft chips with a key's pilot at every place of the period at once."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from .chips import PILOT, ChipSource
from .layout import PERIOD, PILOT_SHARE

Floats = NDArray[np.float32]
_TINY = np.float32(1e-12)


class Pilot:
    """The pilot of one key, ready for circular correlation by Fourier transform."""

    def __init__(self, source: ChipSource) -> None:
        self.source = source
        self._chips = scipy.fft.rfft(source.pilot.astype(np.float32), axis=-1)
        self._places = scipy.fft.rfft((source.roles == PILOT).astype(np.float32), axis=-1)

    def z(self, soft: Floats) -> Floats:
        """z (..., PERIOD) at each phase for soft chips (..., BANDS, blocks <= PERIOD).

        z = sum(c y) / sqrt(sum(y^2)) over the tiles that are pilots at that phase, so that a bound on a Rademacher
        sum holds for each phase by itself.
        """
        energy = self._across(np.square(soft), self._places)
        return self._ratio(self._sum(soft), energy)

    def rough(self, soft: Floats) -> Floats:
        """As `z`, with the mean energy of pilot tiles in place of each phase's own: good enough to rank by."""
        energy = np.square(soft).sum(axis=(-2, -1))[..., None]
        return self._ratio(self._sum(soft), np.float32(PILOT_SHARE) * energy)

    def _sum(self, soft: Floats) -> Floats:
        return self._across(soft, self._chips)

    @staticmethod
    def _ratio(total: Floats, energy: Floats) -> Floats:
        return np.asarray(total / np.sqrt(np.maximum(energy, _TINY)), np.float32)

    @staticmethod
    def _across(values: Floats, pattern: NDArray[np.complex64]) -> Floats:
        spectrum = scipy.fft.rfft(values, PERIOD, axis=-1)
        product = np.einsum("...bf,bf->...f", spectrum.conj(), pattern)
        found: Floats = scipy.fft.irfft(product, PERIOD, axis=-1).astype(np.float32)
        return found
