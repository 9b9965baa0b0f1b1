"""Whether probabilities mean what they say: predicted against observed shares, in bins. Conventions: see
`metrics`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import DataError
from .ranking import Floats, classes


@dataclass(frozen=True)
class Reliability:
    """One point for each bin that holds a clip: three arrays (points,), and the expected calibration error.

    predicted, observed: mean probability and share of synthetic under the prior. counts: clips. error: the mean of
    |predicted - observed| over clips weighted to the prior, in [0, 1].
    """

    predicted: Floats
    observed: Floats
    counts: NDArray[np.int64]
    error: float


def reliability(llr: ArrayLike, synthetic: ArrayLike, bins: int = 10, prior: float = 0.5) -> Reliability:
    """Reliability diagram of calibrated LLRs (nats) at a prior of synthetic.

    Bins are equally wide in probability. Both classes are weighted to the prior, so that the diagram does not hang
    on how many fakes the set happens to hold. (DeGroot and Fienberg, The comparison and evaluation of
    forecasters, 1983.)
    """
    if bins < 1 or not 0.0 < prior < 1.0:
        raise DataError(f"A reliability diagram needs bins and a prior between 0 and 1, not {bins} and {prior:g}.")
    real, fake = classes(llr, synthetic)
    flags = np.asarray(synthetic, dtype=bool)
    odds = np.asarray(llr, dtype=np.float64) + math.log(prior / (1.0 - prior))
    probability = 1.0 / (1.0 + np.exp(-np.clip(odds, -700.0, 700.0)))
    weight = np.where(flags, prior / fake.size, (1.0 - prior) / real.size)
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    total = np.bincount(place, weights=weight, minlength=bins)
    held = counts > 0
    predicted = np.bincount(place, weights=weight * probability, minlength=bins)[held] / total[held]
    observed = np.bincount(place, weights=weight * flags, minlength=bins)[held] / total[held]
    return Reliability(predicted, observed, counts[held], float(total[held] @ np.abs(predicted - observed)))
