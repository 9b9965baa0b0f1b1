"""Fitting the statistics expert: a discriminant, a support vector machine and perceptrons on the same statistics.

Clips of two sorts: `examples` by many systems of others, and `own`, many copies by the few systems of our zoo. All
views learn from both, but not the same: kernel machine and perceptrons take own clips as further examples that count
little, the discriminant only what differs between genuine recordings, which is not what it is asked for: it weighs
that down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

from ..core.errors import DataError
from .linear import CLAMP, Floats, standardised
from .perceptron import Layers, PerceptronRecipe, fit_perceptrons

__all__ = ["CLAMP", "Examples", "Fitted", "Settings", "fit"]


# Standardised statistics (n, size), whether each clip is synthetic, and its share of the whole, (n,) each.
Part = tuple[Floats, NDArray[np.bool_], Floats]


@dataclass(frozen=True)
class Settings:
    """ridge: added to the variances of standardised statistics. apart: share of own recordings in the covariance.
    own: share of own clips in kernel machine and perceptrons. axes: principal axes that the kernel sees. reach: its
    width, as gamma times the number of statistics. penalty: C of the support vector machine. perceptron, seed: see
    `perceptron.fit_perceptrons`; none without a recipe."""

    ridge: float = 1.0
    apart: float = 0.7
    own: float = 0.1
    axes: int = 200
    reach: float = 0.35
    penalty: float = 2.0
    perceptron: PerceptronRecipe | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Examples:
    """x: (n, size). synthetic: bool (n,). weight: (n,), each class to half of the whole. corpus: of each clip. clean:
    bool (n,), the clips among `examples` that discriminant and kernel machine learn from; all without it."""

    x: Floats
    synthetic: NDArray[np.bool_]
    weight: Floats
    corpus: Sequence[str] = ()
    clean: NDArray[np.bool_] | None = None

    def plain(self) -> Examples:
        """The clean clips."""
        if self.clean is None:
            return self
        corpus = [name for name, clean in zip(self.corpus, self.clean, strict=True) if clean]
        return Examples(self.x[self.clean], self.synthetic[self.clean], self.weight[self.clean], corpus)


@dataclass(frozen=True, eq=False)
class Fitted:
    """score = line + kernel + net + offset, of clamp((x - centre) / scale); see kernel_model.KernelDetector.

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
    net: Layers

    @classmethod
    def empty(cls, size: int) -> Fitted:
        """A model that says 0 about everything."""
        none, one = np.zeros(size), np.zeros((1, 1))
        wide, net = np.zeros((size, 1)), Layers.empty(size)
        return cls(none, none + 1, none, none, wide, one, one[0], one[0], one[0] + 1, 1.0, 0.0, 0.0, net)

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
            "inward": self.net.inward,
            "inward_offset": self.net.inward_offset,
            "between": self.net.between,
            "between_offset": self.net.between_offset,
            "outward": self.net.outward,
            "net_offset": self.net.offset,
        }

    def views(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Discriminant, kernel machine and perceptrons on statistics (n, size): (n,) each, 0 at its border."""
        standard = standardised(x, self.centre, self.scale)
        reduced = (standard - self.mean) @ _half(self.axes)
        support = _half(self.support)
        square = (reduced**2).sum(axis=1)[:, None] + (support**2).sum(axis=1)
        kernel = np.exp(-self.gamma * np.maximum(square - 2 * reduced @ support.T, 0)) @ self.weight
        return standard @ self.direction + self.line_offset, kernel + self.kernel_offset, self.net.score(standard)

    def score(self, x: Floats) -> Floats:
        """(n, size) -> (n,)."""
        line, kernel, net = self.views(x)
        return line + kernel + net

    def novelty(self, x: Floats) -> Floats:
        """Root mean square distance from the training clips over the axes, in their deviations: (n, size) -> (n,)."""
        reduced = (standardised(x, self.centre, self.scale) - self.mean) @ _half(self.axes)
        distance: Floats = np.sqrt(((reduced - self.usual) ** 2 / self.spread).mean(axis=1))
        return distance


def fit(examples: Examples, own: Examples | None, settings: Settings, sizes: Sequence[int] | None = None) -> Fitted:
    """Fit all views; each is brought to deviation 1 over the examples. sizes: of the groups of statistics, one group
    by default. Raises DataError when a class is missing."""
    plain = examples.plain()
    x, y, w = plain.x, plain.synthetic, _whole(plain.weight)
    if len(y) == 0 or y.all() or not y.any():
        raise DataError("A detector needs genuine and synthetic clips to learn from.")
    centre = w @ x
    scale = np.sqrt(w @ (x - centre) ** 2) + 1e-3
    a, size = standardised(x, centre, scale), x.shape[1]
    within = _covariance(a[~y], w[~y])
    beside: Part | None = None
    if own is not None:
        others, names = standardised(own.x, centre, scale), np.asarray(own.corpus)
        beside = others, own.synthetic, _whole(own.weight)
        groups = [others[~own.synthetic & (names == name)] for name in sorted(set(own.corpus))]
        moved = np.concatenate([group - group.mean(axis=0) for group in groups if len(group)])
        within = (1 - settings.apart) * within + settings.apart * moved.T @ moved / len(moved)
    between = np.average(a[y], axis=0, weights=w[y]) - np.average(a[~y], axis=0, weights=w[~y])
    raw = np.linalg.solve(within + settings.ridge * np.eye(size), between)
    direction = np.asarray(raw / _deviation(a @ raw, w), dtype=np.float64)
    mean = a.mean(axis=0)
    axes = np.linalg.eigh((a - mean).T @ (a - mean) / len(a))[1][:, -min(settings.axes, size) :]
    gamma = settings.reach / size
    clips, labels, counts = _joined((a, y, w), beside, settings.own)
    machine = SVC(C=settings.penalty, gamma=gamma)
    machine.fit((clips - mean) @ _half(axes), labels, sample_weight=counts * len(counts))
    unit = _deviation(machine.decision_function((a - mean) @ _half(axes)), w)
    # Perceptrons hear all clips, and whatever was among them is not new.
    heard = standardised(examples.x, centre, scale), examples.synthetic, _whole(examples.weight)
    clips, labels, counts = _joined(heard, beside, settings.own)
    reduced = (clips - mean) @ _half(axes)
    usual, spread = counts @ reduced, _spread(reduced, counts)
    net = Layers.empty(size)
    if settings.perceptron is not None:
        if examples.clean is not None:
            counts[: len(examples.x)] *= np.where(examples.clean, 1.0, settings.perceptron.copies)
        net = fit_perceptrons(clips, labels, counts, sizes or [size], settings.perceptron, settings.seed)
        net = net.scaled(_deviation(net.score(a), w) / settings.perceptron.share)
    return Fitted(
        centre,
        scale,
        direction,
        mean,
        axes,
        np.asarray(machine.support_vectors_, dtype=np.float64),
        machine.dual_coef_[0] / unit,
        usual,
        spread,
        gamma,
        -float(w @ (a @ direction)),
        float(machine.intercept_[0]) / unit,
        net,
    )


def _joined(examples: Part, own: Part | None, share: float) -> Part:
    """Both sorts of clips, own ones counting `share` in all."""
    if own is None:
        return examples
    (x, labels, counts), (others, own_labels, own_counts) = examples, own
    weight = np.concatenate([counts * (1 - share), own_counts * share])
    return np.concatenate([x, others]), np.concatenate([labels, own_labels]), weight


def _whole(weight: Floats) -> Floats:
    """Shares that sum to 1."""
    share: Floats = weight / weight.sum()
    return share


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
