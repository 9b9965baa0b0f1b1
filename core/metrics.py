"""How well scores tell synthetic from genuine: ROC, EER, AUC, costs, C_llr, pairs.

Scores are higher for synthetic; `synthetic` is a boolean array of the same length. False positive means a genuine
clip that was flagged, false negative a synthetic one that was not; a clip is flagged when its score is *above*
the threshold. Calibrated scores are log-likelihood ratios in nats. ASVspoof counts the other way round (its
scores are high for bona fide, its "miss" is a rejected bona fide): the costs below are where that is converted,
and nowhere else. Every function raises DataError for a missing class, unequal lengths, NaN or infinite scores.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import rankdata

from .errors import DataError
from .intervals import Interval, bootstrap, clopper_pearson, wilson
from .signal_metrics import log_spectral_distance, mel_distance, si_sdr

__all__ = [
    "ASVSPOOF5_RATIO",
    "ASVSPOOF5_THRESHOLD",
    "Det",
    "Interval",
    "Rates",
    "Summary",
    "act_dcf",
    "auc",
    "bootstrap",
    "by_group",
    "cllr",
    "cllr_min",
    "clopper_pearson",
    "det_points",
    "eer",
    "log_spectral_distance",
    "mel_distance",
    "min_dcf",
    "pair_order",
    "pair_rows",
    "pav_llr",
    "rates",
    "si_sdr",
    "summarise",
    "tie_share",
    "wilson",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ASVSPOOF5_RATIO = 1.9
"""Cost of rejecting a bona fide clip over that of accepting a spoof, times their odds: 1 * 0.95 / (10 * 0.05)."""

ASVSPOOF5_THRESHOLD = math.log(ASVSPOOF5_RATIO)
"""Bayes threshold of the same costs on our LLR: flag above 0.642 nats."""


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


@dataclass(frozen=True)
class Summary:
    """Everything that a report prints about one set of scores; the last six assume LLRs in nats."""

    genuine: int
    synthetic: int
    eer: float
    auc: float
    min_dcf: float
    ties: float
    act_dcf: float
    cllr: float
    cllr_min: float
    threshold: float
    fpr: float
    fnr: float


def det_points(scores: ArrayLike, synthetic: ArrayLike) -> Det:
    """Every distinct operating point; ties between classes move both rates at once."""
    real, fake = _classes(scores, synthetic)
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


def auc(scores: ArrayLike, synthetic: ArrayLike) -> float:
    """Probability that a synthetic clip scores above a genuine one, ties counting half (Mann-Whitney)."""
    real, fake = _classes(scores, synthetic)
    ranks = rankdata(np.concatenate([fake, real]))[: fake.size]
    return float((ranks.mean() - (fake.size + 1) / 2) / real.size)


def tie_share(scores: ArrayLike, synthetic: ArrayLike) -> float:
    """Part of all clips whose exact score also occurs in the other class; above 0.01 distrust the EER."""
    real, fake = _classes(scores, synthetic)
    tied = int(np.isin(real, fake).sum() + np.isin(fake, real).sum())
    return tied / (real.size + fake.size)


def rates(scores: ArrayLike, synthetic: ArrayLike, threshold: float) -> Rates:
    """False positive and false negative rate when scores above `threshold` are flagged."""
    real, fake = _classes(scores, synthetic)
    return Rates(float(np.mean(real > threshold)), float(np.mean(fake <= threshold)))


def min_dcf(scores: ArrayLike, synthetic: ArrayLike, ratio: float = ASVSPOOF5_RATIO) -> float:
    """Least normalised detection cost over all thresholds, in [0, 1] for ratio >= 1.

    ASVspoof 5 evaluation plan: DCF = 1.9 P_miss + P_fa, where its P_miss (bona fide rejected) is our fpr and its
    P_fa (spoof accepted) is our fnr; C_miss 1, C_fa 10, prior of a spoof 0.05, divided by min(0.95, 0.5).
    """
    det = det_points(scores, synthetic)
    return float(np.min(ratio * det.fpr + det.fnr))


def act_dcf(llr: ArrayLike, synthetic: ArrayLike, ratio: float = ASVSPOOF5_RATIO) -> float:
    """Detection cost at the Bayes threshold log(ratio); only meaningful for calibrated LLRs in nats."""
    at = rates(llr, synthetic, math.log(ratio))
    return ratio * at.fpr + at.fnr


def cllr(llr: ArrayLike, synthetic: ArrayLike) -> float:
    """Log-likelihood-ratio cost in bits (Bruemmer and du Preez 2006); 1 is what "LLR = 0 always" costs."""
    return _cllr(*_classes(llr, synthetic))


def cllr_min(scores: ArrayLike, synthetic: ArrayLike) -> float:
    """C_llr in bits after the best monotone calibration: what no rescaling of the scores could save."""
    flags = np.asarray(synthetic, dtype=bool)
    llr = pav_llr(scores, flags)
    return _cllr(llr[~flags], llr[flags])


def pav_llr(scores: ArrayLike, synthetic: ArrayLike) -> Floats:
    """LLRs in nats, (clips,), of the pool-adjacent-violators fit to the labels; may hold -inf and inf.

    It has seen the labels, so it is for C_llr^min and plots and never for decisions.
    """
    real, fake = _classes(scores, synthetic)
    values, place, counts = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True, return_counts=True)
    hits = np.bincount(place, weights=np.asarray(synthetic, dtype=bool), minlength=values.size)
    posterior = np.clip(isotonic_regression(hits / counts, weights=counts.astype(np.float64)).x, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        odds = np.log(posterior) - np.log1p(-posterior)
    llr: Floats = (odds - math.log(fake.size / real.size))[place]
    return llr


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


def by_group(function: Callable[..., float], groups: Sequence[str], *columns: ArrayLike) -> dict[str, float]:
    """`function` of the columns' rows in each group, by group name; groups that it refuses (DataError) are left out.

    The mean of the values is the macro average; its interval is `bootstrap(mean, names, values)`.
    """
    names = np.asarray(groups, dtype=object)
    arrays = [np.asarray(column) for column in columns]
    found: dict[str, float] = {}
    for name in dict.fromkeys(groups):
        rows = names == name
        try:
            found[name] = function(*(array[rows] for array in arrays))
        except DataError:
            continue
    return found


def summarise(llr: ArrayLike, synthetic: ArrayLike, threshold: float = ASVSPOOF5_THRESHOLD) -> Summary:
    """The whole row of a results table; `threshold` is the shipped one, in nats."""
    real, fake = _classes(llr, synthetic)
    at = rates(llr, synthetic, threshold)
    return Summary(
        genuine=real.size,
        synthetic=fake.size,
        eer=eer(llr, synthetic),
        auc=auc(llr, synthetic),
        min_dcf=min_dcf(llr, synthetic),
        ties=tie_share(llr, synthetic),
        act_dcf=act_dcf(llr, synthetic),
        cllr=cllr(llr, synthetic),
        cllr_min=cllr_min(llr, synthetic),
        threshold=threshold,
        fpr=at.fpr,
        fnr=at.fnr,
    )


def _cllr(real: Floats, fake: Floats) -> float:
    return float((np.logaddexp(0.0, real).mean() + np.logaddexp(0.0, -fake).mean()) / (2.0 * math.log(2.0)))


def _classes(scores: Any, synthetic: Any) -> tuple[Floats, Floats]:
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
