"""What decisions and likelihood ratios cost: detection costs of ASVspoof 5 and C_llr. Conventions: see `metrics`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from .ranking import Floats, classes, det_points, rates

ASVSPOOF5_RATIO = 1.9
"""Cost of rejecting a bona fide clip over that of accepting a spoof, times their odds: 1 * 0.95 / (10 * 0.05)."""

ASVSPOOF5_THRESHOLD = math.log(ASVSPOOF5_RATIO)
"""Bayes threshold of the same costs on our LLR: flag above 0.642 nats."""


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
    return _cllr(*classes(llr, synthetic))


def cllr_min(scores: ArrayLike, synthetic: ArrayLike) -> float:
    """C_llr in bits after the best monotone calibration: what no rescaling of the scores could save."""
    flags = np.asarray(synthetic, dtype=bool)
    llr = pav_llr(scores, flags)
    return _cllr(llr[~flags], llr[flags])


def pav_llr(scores: ArrayLike, synthetic: ArrayLike) -> Floats:
    """LLRs in nats, (clips,), of the pool-adjacent-violators fit to the labels; may hold -inf and inf.

    It has seen the labels, so it is for C_llr^min and plots and never for decisions.
    """
    real, fake = classes(scores, synthetic)
    values, place, counts = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True, return_counts=True)
    hits = np.bincount(place, weights=np.asarray(synthetic, dtype=bool), minlength=values.size)
    posterior = np.clip(isotonic_regression(hits / counts, weights=counts.astype(np.float64)).x, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        odds = np.log(posterior) - np.log1p(-posterior)
    llr: Floats = (odds - math.log(fake.size / real.size))[place]
    return llr


def _cllr(real: Floats, fake: Floats) -> float:
    return float((np.logaddexp(0.0, real).mean() + np.logaddexp(0.0, -fake).mean()) / (2.0 * math.log(2.0)))
