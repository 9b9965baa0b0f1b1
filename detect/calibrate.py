"""Scores to log-likelihood ratios: affine maps by prior-weighted logistic regression. numpy only.

Bruemmer and du Preez, Application-independent evaluation of speaker detection, 2006: the map that minimises the
prior-weighted cross entropy gives log-likelihood ratios for its data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import DataError

Floats = NDArray[np.float64]
# ENFSI 2015: below a ratio of 2 the evidence "does not support" one side.
LEAST_BAND = math.log(2.0)


@dataclass(frozen=True)
class Calibration:
    """llr = scale * score + offset, cut to [-cap, cap]; the answer is inconclusive between `low` and `high` (nats).

    cap: log of the number of independent recordings that the map was fitted on; more evidence than that was never
    seen (Vergeer et al., Numerical likelihood ratios outputted by LR systems are often based on extrapolation, 2016).
    """

    scale: float = 1.0
    offset: float = 0.0
    cap: float = math.inf
    low: float = -LEAST_BAND
    high: float = LEAST_BAND

    def llr(self, score: ArrayLike) -> Floats:
        """Calibrated log-likelihood ratios in nats, any shape; NaN stays NaN."""
        return np.clip(self.scale * np.asarray(score, dtype=np.float64) + self.offset, -self.cap, self.cap)

    def table(self) -> dict[str, float]:
        """As stored in a model card."""
        return {key: getattr(self, key) for key in ("scale", "offset", "cap", "low", "high")}

    @classmethod
    def of(cls, table: dict[str, Any]) -> Calibration:
        """From a model card's table. Raises DataError for unknown or missing keys."""
        try:
            return cls(**{key: float(value) for key, value in table.items()})
        except (TypeError, ValueError) as error:
            raise DataError(f"The calibration of a model card cannot be read: {error}.") from error


def fit_affine(
    scores: ArrayLike, synthetic: ArrayLike, weights: ArrayLike | None = None, prior: float = 0.5, ridge: float = 1e-4
) -> tuple[float, float]:
    """Scale and offset of the map. scores, synthetic (bool), weights: (n,).

    Each class counts by `prior` and 1 - prior, whatever its size; within it clips count by `weights`. `ridge` keeps
    the scale finite when the classes do not overlap. Raises DataError when a class is empty.
    """
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(synthetic, dtype=bool)
    if y.all() or not y.any():
        raise DataError("A calibration needs genuine and synthetic scores.")
    w = np.ones_like(s) if weights is None else np.asarray(weights, dtype=np.float64).copy()
    w[y] *= prior / w[y].sum()
    w[~y] *= (1.0 - prior) / w[~y].sum()
    shift, spread = float(np.average(s, weights=w)), float(s.std()) or 1.0
    x = np.stack([(s - shift) / spread, np.ones_like(s)], axis=1)
    theta, logit = np.zeros(2), math.log(prior / (1.0 - prior))
    penalty = ridge * np.diag([1.0, 0.0])
    for _ in range(100):  # Newton; the loss is convex
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ theta + logit, -500, 500)))
        gradient = x.T @ (w * (p - y)) + penalty @ theta
        hessian = (x * (w * p * (1.0 - p))[:, None]).T @ x + penalty + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        theta -= step * min(1.0, 5.0 / float(np.abs(step).max() + 1e-12))
        if float(np.abs(step).max()) < 1e-10:
            break
    scale = float(theta[0]) / spread
    return scale, float(theta[1]) - scale * shift


def fit(
    scores: ArrayLike,
    synthetic: ArrayLike,
    clusters: Sequence[str],
    weights: ArrayLike | None = None,
    *,
    false_alarm: float = 0.05,
    miss: float = 0.05,
    shrink: float = 1.0,
) -> Calibration:
    """Calibration from out-of-fold scores (n,).

    clusters: the independent recording behind each clip (a speaker or source); their number sets the cap.
    false_alarm, miss: the band reaches from the llr under which at most `miss` of the synthetic clips lie to the one
    above which at most `false_alarm` of the genuine clips lie; it holds at least [-ln 2, ln 2].
    shrink: the fitted scale is multiplied by this (below 1 for conditions that the fit did not see), about 0.
    """
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(synthetic, dtype=bool)
    scale, offset = fit_affine(s, y, weights)
    scale, offset = scale * shrink, offset * shrink
    llr = scale * s + offset
    w = np.ones_like(s) if weights is None else np.asarray(weights, dtype=np.float64)
    high = max(LEAST_BAND, weighted_quantile(llr[~y], w[~y], 1.0 - false_alarm))
    low = min(-LEAST_BAND, weighted_quantile(llr[y], w[y], miss))
    cap = math.log(max(2, len(set(clusters))))
    return Calibration(scale, offset, cap, max(low, -cap), min(high, cap))


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """The least value that at least `share` of the weight lies at or below."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order][min(len(order) - 1, int(np.searchsorted(total, share * total[-1])))])


def out_of_fold(
    groups: Sequence[str], fit_and_score: Callable[[NDArray[np.bool_], NDArray[np.bool_]], Floats]
) -> Floats:
    """Scores (n,) of each clip by a model that saw nothing of its group.

    fit_and_score(train, held): masks (n,) -> scores of the held clips in order.
    """
    names = np.asarray(groups)
    scores = np.full(len(names), np.nan)
    for name in sorted(set(groups)):
        held = names == name
        scores[held] = fit_and_score(~held, held)
    return scores
