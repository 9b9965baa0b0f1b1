"""Fitting what tells two sorts of clips apart, beside the question of synthesis: a linear model on the statistics.

In nats by clips of other folds, so that its answers may be compared with a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from .calibrate import fit_affine
from .linear import Floats, standardised

# Clusters of either sort below which nothing is fitted.
LEAST = 4


@dataclass(frozen=True, eq=False)
class Sorted:
    """Clips of two sorts: statistics (n, size); whether each is of the sort asked for, cluster, weight, (n,) each."""

    x: Floats
    positive: NDArray[np.bool_]
    cluster: Sequence[str]
    weight: Floats

    def balanced(self, rows: NDArray[np.bool_]) -> Floats:
        """Weights of `rows` with mean 1, both sorts the same."""
        weight, sort = self.weight[rows].copy(), self.positive[rows]
        for own in (sort, ~sort):
            weight[own] /= 2.0 * weight[own].sum()
        return weight * len(weight)


@dataclass(frozen=True, eq=False)
class Sorter:
    """nats = standardised statistics (size,) @ direction + offset, above 0 for the sort asked for. unseen: nats of
    the clips by models of other folds, (n,), NaN where there was none."""

    direction: Floats
    offset: float
    unseen: Floats

    @classmethod
    def none(cls, size: int, clips: int = 0) -> Sorter:
        """Knows nothing: 0 nats."""
        return cls(np.zeros(size), 0.0, np.full(clips, np.nan))


def fit_sorter(clips: Sorted, fold: NDArray[np.intp], centre: Floats, scale: Floats, penalty: float) -> Sorter:
    """The model. centre, scale: of the statistics, (size,). penalty: C of the logistic regression.

    Without LEAST clusters of either sort in two folds it is `Sorter.none`.
    """
    sorts = (clips.positive, ~clips.positive)
    names = np.asarray(clips.cluster)
    known = [(len(set(names[own])) >= LEAST and len(set(fold[own])) >= 2) for own in sorts]
    if not all(known):
        return Sorter.none(clips.x.shape[1], len(clips.x))
    x = standardised(clips.x, centre, scale).astype(np.float32)
    score = np.full(len(x), np.nan)
    for k in sorted(set(fold)):
        held = fold == k
        if all((own & ~held).any() for own in sorts):
            model = _fit(x, clips, ~held, penalty)
            score[held] = model.decision_function(x[held])
    heard = np.isfinite(score)
    slope, shift = fit_affine(score[heard], clips.positive[heard], clips.weight[heard])
    # A model that orders the wrong way round knows nothing.
    slope = max(0.0, slope)
    model = _fit(x, clips, np.ones(len(x), dtype=bool), penalty)
    direction = slope * model.coef_[0].astype(np.float64)
    return Sorter(direction, slope * float(model.intercept_[0]) + shift, slope * score + shift)


def _fit(x: NDArray[np.float32], clips: Sorted, rows: NDArray[np.bool_], penalty: float) -> LogisticRegression:
    model = LogisticRegression(C=penalty, max_iter=300)
    return model.fit(x[rows], clips.positive[rows], sample_weight=clips.balanced(rows).astype(np.float32))
