"""Fitting the statistics expert: a linear discriminant and a support vector machine on the same statistics.

Clips of two sorts: `examples` by many systems of others, and `own`, many copies by the few systems of our zoo. Both
views learn from both, but not the same: the kernel machine takes own clips as further examples that count little, the
discriminant only what differs between genuine recordings, which is not what it is asked for: it weighs that down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

from ..core.errors import DataError
from .linear import CLAMP, Floats, standardised

__all__ = ["CLAMP", "Examples", "Fitted", "Settings", "fit"]


@dataclass(frozen=True)
class Settings:
    """ridge: added to the variances of standardised statistics. apart: share of own recordings in the covariance.
    own: share of own clips in the kernel machine. axes: principal axes that the kernel sees. reach: its width, as
    gamma times the number of statistics. penalty: C of the support vector machine."""

    ridge: float = 1.0
    apart: float = 0.7
    own: float = 0.1
    axes: int = 200
    reach: float = 0.35
    penalty: float = 2.0


@dataclass(frozen=True, eq=False)
class Examples:
    """x: (n, size). synthetic: bool (n,). weight: (n,), each class to half of the whole. corpus: of each clip."""

    x: Floats
    synthetic: NDArray[np.bool_]
    weight: Floats
    corpus: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Fitted:
    """score = line + kernel + offset, of clamp((x - centre) / scale); see kernel_model.KernelDetector.

    line_offset, kernel_offset: what puts each view's own border between the classes at 0.
    """

    centre: Floats
    scale: Floats
    direction: Floats
    mean: Floats
    axes: Floats
    support: Floats
    weight: Floats
    usual: Floats
    spread: Floats
    gamma: float
    line_offset: float
    kernel_offset: float

    @classmethod
    def empty(cls, size: int) -> Fitted:
        """A model that says 0 about everything."""
        none, one = np.zeros(size), np.zeros((1, 1))
        return cls(none, none + 1, none, none, np.zeros((size, 1)), one, one[0], one[0], one[0] + 1, 1.0, 0.0, 0.0)

    def tables(self) -> Mapping[str, Floats | float]:
        """What the network holds, by name; those of many values on the grid of float16, as they are stored."""
        return {
            "centre": self.centre,
            "scale": self.scale,
            "direction": self.direction,
            "mean": self.mean,
            "axes": _half(self.axes),
            "support": _half(self.support),
            "weight": self.weight,
            "usual": self.usual,
            "spread": self.spread,
            "gamma": self.gamma,
            "line_offset": self.line_offset,
            "kernel_offset": self.kernel_offset,
            "offset": self.line_offset + self.kernel_offset,
        }

    def views(self, x: Floats) -> tuple[Floats, Floats]:
        """Both views' scores (n,) of statistics (n, size), each 0 at its own border."""
        standard = standardised(x, self.centre, self.scale)
        reduced = (standard - self.mean) @ _half(self.axes)
        support = _half(self.support)
        square = (reduced**2).sum(axis=1)[:, None] + (support**2).sum(axis=1)
        kernel = np.exp(-self.gamma * np.maximum(square - 2 * reduced @ support.T, 0)) @ self.weight
        return standard @ self.direction + self.line_offset, kernel + self.kernel_offset

    def score(self, x: Floats) -> Floats:
        """(n, size) -> (n,)."""
        line, kernel = self.views(x)
        return line + kernel

    def novelty(self, x: Floats) -> Floats:
        """Root mean square distance from the training clips over the axes, in their deviations: (n, size) -> (n,)."""
        reduced = (standardised(x, self.centre, self.scale) - self.mean) @ _half(self.axes)
        distance: Floats = np.sqrt(((reduced - self.usual) ** 2 / self.spread).mean(axis=1))
        return distance


def fit(examples: Examples, own: Examples | None, settings: Settings) -> Fitted:
    """Fit both views; each is brought to deviation 1 over the examples. Raises DataError when a class is missing."""
    x, y, w = examples.x, examples.synthetic, examples.weight / examples.weight.sum()
    if y.all() or not y.any():
        raise DataError("A detector needs genuine and synthetic clips to learn from.")
    centre = w @ x
    scale = np.sqrt(w @ (x - centre) ** 2) + 1e-3
    a, size = standardised(x, centre, scale), x.shape[1]
    within = _covariance(a[~y], w[~y])
    if own is not None:
        others, names = standardised(own.x, centre, scale), np.asarray(own.corpus)
        groups = [others[~own.synthetic & (names == name)] for name in sorted(set(own.corpus))]
        moved = np.concatenate([group - group.mean(axis=0) for group in groups if len(group)])
        within = (1 - settings.apart) * within + settings.apart * moved.T @ moved / len(moved)
    between = np.average(a[y], axis=0, weights=w[y]) - np.average(a[~y], axis=0, weights=w[~y])
    raw = np.linalg.solve(within + settings.ridge * np.eye(size), between)
    direction = np.asarray(raw / _deviation(a @ raw, w), dtype=np.float64)
    mean = a.mean(axis=0)
    axes = np.linalg.eigh((a - mean).T @ (a - mean) / len(a))[1][:, -min(settings.axes, size) :]
    reduced = (a - mean) @ _half(axes)
    gamma = settings.reach / size
    rows, labels, counts = reduced, y, w
    if own is not None:
        rows = np.concatenate([reduced, (others - mean) @ _half(axes)])
        labels = np.concatenate([y, own.synthetic])
        counts = np.concatenate([w * (1 - settings.own), own.weight / own.weight.sum() * settings.own])
    machine = SVC(C=settings.penalty, gamma=gamma).fit(rows, labels, sample_weight=counts * len(counts))
    kernel = machine.decision_function(reduced)
    unit = _deviation(kernel, w)
    return Fitted(
        centre,
        scale,
        direction,
        mean,
        axes,
        np.asarray(machine.support_vectors_, dtype=np.float64),
        machine.dual_coef_[0] / unit,
        counts @ rows,
        _spread(rows, counts),
        gamma,
        -float(w @ (a @ direction)),
        float(machine.intercept_[0]) / unit,
    )


def _spread(reduced: Floats, weight: Floats) -> Floats:
    """Variance along each axis; the least of them count as a twentieth of the mean, or noise there would decide."""
    variance = weight @ (reduced - weight @ reduced) ** 2
    spread: Floats = variance + 0.05 * variance.mean()
    return spread


def _covariance(x: Floats, weight: Floats) -> Floats:
    weight = weight / weight.sum()
    moved = x - weight @ x
    covariance: Floats = (moved * weight[:, None]).T @ moved
    return covariance


def _deviation(values: Floats, weight: Floats) -> float:
    return float(np.sqrt(weight @ (values - weight @ values) ** 2)) or 1.0


def _half(values: Floats) -> Floats:
    return values.astype(np.float16).astype(np.float64)
