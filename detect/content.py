"""Fitting what tells synthesised speech from real speech that only went through a neural codec or vocoder.

A linear model on the statistics of the statistics expert, among synthetic clips alone. It is what
`--codec-is genuine` asks before it lets a synthetic verdict stand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ..core import metrics
from .calibrate import fit_affine, weighted_quantile
from .linear import Floats, standardised

# Clusters of either sort below which nothing is fitted.
LEAST = 4


@dataclass(frozen=True, eq=False)
class Content:
    """nats = standardised statistics (size,) @ direction + offset, above 0 for synthesised speech; least: nats beyond
    which at most the wanted share of copies lay."""

    direction: Floats
    offset: float
    least: float = math.inf

    @classmethod
    def none(cls, size: int) -> Content:
        """Knows nothing: 0 nats, and never enough."""
        return cls(np.zeros(size), 0.0)


@dataclass(frozen=True, eq=False)
class Sorted:
    """Synthetic clips: statistics (n, size); whether their speech was synthesised, cluster, weight, (n,) each."""

    x: Floats
    synthesised: NDArray[np.bool_]
    cluster: Sequence[str]
    weight: Floats

    def balanced(self, rows: NDArray[np.bool_]) -> Floats:
        """Weights of `rows` with mean 1, both sorts the same."""
        weight, sort = self.weight[rows].copy(), self.synthesised[rows]
        for own in (sort, ~sort):
            weight[own] /= 2.0 * weight[own].sum()
        return weight * len(weight)


def fit_content(
    clips: Sorted, fold: NDArray[np.intp], centre: Floats, scale: Floats, penalty: float, share: float
) -> tuple[Content, dict[str, float]]:
    """The model, in nats by clips of other folds (n,), and how well it does on them.

    centre, scale: of the statistics, (size,). penalty: C of the logistic regression. share: of copies that may lie
    beyond `least`. Without LEAST clusters of either sort in two folds it is `Content.none`, with no numbers.
    """
    sorts = (clips.synthesised, ~clips.synthesised)
    names = np.asarray(clips.cluster)
    known = [(len(set(names[own])) >= LEAST and len(set(fold[own])) >= 2) for own in sorts]
    if not all(known):
        return Content.none(clips.x.shape[1]), {}
    x = standardised(clips.x, centre, scale).astype(np.float32)
    score = np.full(len(x), np.nan)
    for k in sorted(set(fold)):
        held = fold == k
        if all((own & ~held).any() for own in sorts):
            model = _fit(x, clips, ~held, penalty)
            score[held] = model.decision_function(x[held])
    heard = np.isfinite(score)
    score, synthesised, weight = score[heard], clips.synthesised[heard], clips.weight[heard]
    slope, shift = fit_affine(score, synthesised, weight)
    # A model that orders the wrong way round knows nothing.
    slope = max(0.0, slope)
    nats = slope * score + shift
    least = weighted_quantile(nats[~synthesised], weight[~synthesised], 1.0 - share)
    model = _fit(x, clips, np.ones(len(x), dtype=bool), penalty)
    numbers = {
        "content_auc": round(metrics.auc(score, synthesised), 4),
        "content_eer": round(metrics.eer(score, synthesised), 4),
        "content_passed": round(float(weight[synthesised & (nats > least)].sum() / weight[synthesised].sum()), 4),
    }
    direction = slope * model.coef_[0].astype(np.float64)
    return Content(direction, slope * float(model.intercept_[0]) + shift, float(np.nextafter(least, np.inf))), numbers


def _fit(x: NDArray[np.float32], clips: Sorted, rows: NDArray[np.bool_], penalty: float) -> LogisticRegression:
    model = LogisticRegression(C=penalty, max_iter=300)
    return model.fit(x[rows], clips.synthesised[rows], sample_weight=clips.balanced(rows).astype(np.float32))
