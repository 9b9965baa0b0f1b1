"""How well scores order synthetic above genuine: operating points, EER, AUC, pairs. Conventions: see `metrics`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Det:
    """Operating points from "flag everything" to "flag nothing": three arrays (points,).

    `thresholds` rise from -inf through every distinct score; `fpr` falls from 1 to 0, `fnr` rises from 0 to 1.
    """

    thresholds: Floats
    fpr: Floats
    fnr: Floats


@dataclass(frozen=True)
class Rates:
    """Error rates at one threshold."""

    fpr: float
    fnr: float


def det_points(scores: ArrayLike, synthetic: ArrayLike) -> Det:
    """Every distinct operating point; ties between classes move both rates at once."""
    real, fake = classes(scores, synthetic)
    levels = np.unique(np.concatenate([real, fake]))
    below_real = np.searchsorted(np.sort(real), levels, side="right") / real.size
    below_fake = np.searchsorted(np.sort(fake), levels, side="right") / fake.size
    return Det(
        np.concatenate([[-np.inf], levels]),
        np.concatenate([[1.0], 1.0 - below_real]),
        np.concatenate([[0.0], below_fake]),
    )


def eer(scores: ArrayLike, synthetic: ArrayLike) -> float:
    """Equal error rate, in [0, 1]: where the straight-line ROC has fpr = fnr.

    Ties between the classes are straight pieces of the ROC, so the result does not depend on the order of clips,
    and turning the scores' sign around gives 1 - EER. Equal scores throughout raise DataError: they decide
    nothing, and some tools print 0 or 100 % for them. See `tie_share` for the harmless-looking case in between.
    """
    det = det_points(scores, synthetic)
    if det.thresholds.size == 2:
        raise DataError("All scores are equal, so there is no equal error rate.")
    gap = det.fpr - det.fnr
    right = int(np.argmax(gap <= 0))
    left = right - 1
    part = gap[left] / (gap[left] - gap[right])
    return float(det.fpr[left] + part * (det.fpr[right] - det.fpr[left]))


def eer_by_ties(scores: ArrayLike, synthetic: ArrayLike) -> tuple[float, float]:
    """The least and the greatest EER that breaking the ties between the classes could give, see `tie_share`."""
    flags = np.asarray(synthetic, dtype=bool)
    classes(scores, flags)
    ranks = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)[1].astype(np.float64)
    return eer(ranks + 0.25 * flags, flags), eer(ranks - 0.25 * flags, flags)


def auc(scores: ArrayLike, synthetic: ArrayLike) -> float:
    """Probability that a synthetic clip scores above a genuine one, ties counting half (Mann-Whitney)."""
    real, fake = classes(scores, synthetic)
    below = np.sort(real)
    wins = np.searchsorted(below, fake, side="left") + np.searchsorted(below, fake, side="right")
    return float(wins.mean() / (2 * real.size))


def tie_share(scores: ArrayLike, synthetic: ArrayLike) -> float:
    """Part of all clips whose exact score also occurs in the other class; above 0.01 distrust the EER."""
    real, fake = classes(scores, synthetic)
    tied = int(np.isin(real, fake).sum() + np.isin(fake, real).sum())
    return tied / (real.size + fake.size)


def rates(scores: ArrayLike, synthetic: ArrayLike, threshold: float) -> Rates:
    """False positive and false negative rate when scores above `threshold` are flagged."""
    real, fake = classes(scores, synthetic)
    return Rates(float(np.mean(real > threshold)), float(np.mean(fake <= threshold)))


def detection_at(scores: ArrayLike, synthetic: ArrayLike, fpr: float) -> float:
    """Share of synthetic clips above the lowest threshold at which at most `fpr` of the genuine ones are flagged.

    With few genuine clips that is stricter than asked: of 105, 1 % is one clip. Raises DataError unless 0 <= fpr < 1.
    """
    if not 0.0 <= fpr < 1.0:
        raise DataError(f"A false positive rate lies from 0 to below 1, not {fpr:g}.")
    real, fake = classes(scores, synthetic)
    allowed = int(np.floor(fpr * real.size + 1e-9))
    return float(np.mean(fake > np.sort(real)[real.size - 1 - allowed]))


def pair_rows(synthetic: ArrayLike, pairs: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All (genuine row, synthetic row) combinations that share a pair name; rows named "" belong to none."""
    groups: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for row, (flag, name) in enumerate(zip(np.asarray(synthetic, dtype=bool), pairs, strict=True)):
        if name:
            groups[name][int(flag)].append(row)
    combinations = [(real, fake) for reals, fakes in groups.values() for real in reals for fake in fakes]
    table = np.asarray(combinations, dtype=np.intp).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def pair_order(real: ArrayLike, fake: ArrayLike) -> float:
    """Part of aligned pairs, (pairs,) each, in which the synthetic one scores higher; ties count half."""
    low, high = np.asarray(real, dtype=np.float64), np.asarray(fake, dtype=np.float64)
    if low.shape != high.shape or low.size == 0:
        raise DataError("Pair order needs at least one pair and as many genuine as synthetic scores.")
    return float(np.mean((high > low) + 0.5 * (high == low)))


def classes(scores: ArrayLike, synthetic: ArrayLike) -> tuple[Floats, Floats]:
    """Genuine and synthetic scores, each (clips,) in the order given. Raises DataError."""
    values = np.asarray(scores, dtype=np.float64)
    flags = np.asarray(synthetic, dtype=bool)
    if values.ndim != 1 or values.shape != flags.shape:
        raise DataError(f"Scores {values.shape} and labels {flags.shape} must be two lists of one length.")
    if not np.isfinite(values).all():
        raise DataError("A score is NaN or infinite; leave undecided clips out before measuring.")
    if flags.all() or not flags.any():
        raise DataError("Both genuine and synthetic clips are needed to measure how well they are told apart.")
    return values[~flags], values[flags]
