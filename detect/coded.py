"""Fitting what tells speech that a speech coder of calls and voice messages has passed, and its own border.

Such coders (Opus below 32 kbit/s) fill bands with noise of their own, which sounds much like synthesis: genuine
speech behind one scores far higher. Where one is heard, a synthetic verdict takes a score that such genuine speech
seldom has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import metrics
from ..datasets.augment import Chain
from ..datasets.augment_line import Codec
from .calibrate import weighted_quantile
from .linear import Floats
from .sorting import Sorted, Sorter, fit_sorter

# Genuine clips behind such a coder below which no border of their own is told.
ENOUGH = 20


@dataclass(frozen=True, eq=False)
class Coded:
    """sorter: nats for such a coder. high: calibrated nats that a synthetic verdict takes where it is heard."""

    sorter: Sorter
    high: float = -math.inf


def is_coded(chain: str, coders: Mapping[str, tuple[float, float]]) -> bool:
    """Whether the last codec of a clip's chain is one of `coders` at a rate within its bounds, kbit/s."""
    steps = [] if chain in ("", "traditional") else Chain.parse(chain).steps
    codecs = [step for step in steps if isinstance(step, Codec)]
    if not codecs or codecs[-1].name not in coders:
        return False
    low, high = coders[codecs[-1].name]
    return low <= codecs[-1].kbps <= high


def fit_coded(
    clips: Sorted, fold: NDArray[np.intp], centre: Floats, scale: Floats, penalty: float
) -> tuple[Sorter, dict[str, float]]:
    """The model of all clips (positive: coded so), and how well it does on clips of other folds. As `fit_sorter`."""
    sorter = fit_sorter(clips, fold, centre, scale, penalty)
    heard = np.isfinite(sorter.unseen)
    if not heard.any():
        return sorter, {}
    nats, positive = sorter.unseen[heard], clips.positive[heard]
    return sorter, {
        "coded_eer": round(metrics.eer(nats, positive), 4),
        "coded_found": round(float(np.mean(nats[positive] > 0)), 4),
        "coded_others": round(float(np.mean(nats[~positive] > 0)), 4),
    }


def border(llr: Floats, coded: NDArray[np.bool_], clusters: Sequence[str], false_alarm: float) -> float:
    """Nats that at most a share of `false_alarm` of the genuine clips (n,) behind such a coder reach, each cluster
    counting the same; -inf for fewer than ENOUGH of them."""
    if np.count_nonzero(coded) < ENOUGH:
        return -math.inf
    names = np.asarray(clusters)[coded]
    count = {name: np.count_nonzero(names == name) for name in set(names)}
    weight = np.array([1.0 / count[name] for name in names])
    return float(np.nextafter(weighted_quantile(llr[coded], weight, 1.0 - false_alarm), np.inf))
