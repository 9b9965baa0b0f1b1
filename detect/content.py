"""Fitting what tells synthesised speech from real speech that only went through a neural codec or vocoder.

A `sorting.Sorter` among synthetic clips alone. It is what `--codec-is genuine` asks before it lets a synthetic
verdict stand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import metrics
from .calibrate import weighted_quantile
from .linear import Floats
from .sorting import Sorted, Sorter, fit_sorter


@dataclass(frozen=True, eq=False)
class Content:
    """sorter: nats for synthesised speech; least: nats beyond which at most the wanted share of copies lay."""

    sorter: Sorter
    least: float = math.inf


def fit_content(
    clips: Sorted, fold: NDArray[np.intp], centre: Floats, scale: Floats, penalty: float, share: float
) -> tuple[Content, dict[str, float]]:
    """The model of synthetic clips (positive: synthesised), and how well it does on clips of other folds.

    share: of copies that may lie beyond `least`. The rest, and when it knows nothing, as in `fit_sorter`; then there
    are no numbers and nothing is ever enough.
    """
    sorter = fit_sorter(clips, fold, centre, scale, penalty)
    heard = np.isfinite(sorter.unseen)
    if not heard.any():
        return Content(sorter), {}
    nats, synthesised, weight = sorter.unseen[heard], clips.positive[heard], clips.weight[heard]
    least = weighted_quantile(nats[~synthesised], weight[~synthesised], 1.0 - share)
    numbers = {
        "content_auc": round(metrics.auc(nats, synthesised), 4),
        "content_eer": round(metrics.eer(nats, synthesised), 4),
        "content_passed": round(float(weight[synthesised & (nats > least)].sum() / weight[synthesised].sum()), 4),
    }
    return Content(sorter, float(np.nextafter(least, np.inf))), numbers
