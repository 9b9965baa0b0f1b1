"""How far a measured number can be trusted: cluster bootstrap and intervals of proportions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri, stdtrit

from .errors import DataError


@dataclass(frozen=True)
class Interval:
    """A value and the ends of its interval."""

    value: float
    low: float
    high: float


def bootstrap(
    function: Callable[..., float],
    clusters: Sequence[object] | NDArray[np.generic],
    *columns: ArrayLike,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of `function(*columns)` under resampling of whole clusters.

    `clusters` names the cluster of each row (speaker, page, source recording); each column is (rows, ...). In one
    draw as many clusters as there are come with replacement, each with all its rows, and `function` gets the rows
    of the columns. To compare two systems pass both scores as columns and return the difference: the draws are
    then paired. Draws that `function` refuses with DataError (say, one class is missing) are left out. Raises
    DataError when there are fewer than two clusters or more than half of the draws were refused.
    """
    arrays = [np.asarray(column) for column in columns]
    labels = np.asarray([str(cluster) for cluster in clusters])
    if not arrays or any(len(array) != len(labels) for array in arrays):
        raise DataError("Each column must have one row for each cluster label.")
    value = function(*arrays)
    _, member = np.unique(labels, return_inverse=True)
    sizes = np.bincount(member)
    if sizes.size < 2:
        raise DataError("An interval needs at least two clusters.")
    order = np.argsort(member, kind="stable")
    starts = np.cumsum(sizes) - sizes
    generator = np.random.default_rng(seed)
    draws = []
    for _ in range(n):
        rows = order[_rows(generator.integers(sizes.size, size=sizes.size), starts, sizes)]
        try:
            draws.append(function(*(array[rows] for array in arrays)))
        except DataError:
            continue
    if len(draws) < n / 2:
        raise DataError("Too few clusters hold both classes, so most resamples cannot be measured.")
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high))


def _rows(drawn: NDArray[np.int64], starts: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Positions of the drawn clusters' members, in one pass: cluster c covers starts[c] .. starts[c] + sizes[c]."""
    length = sizes[drawn]
    ends = np.cumsum(length)
    rows: NDArray[np.intp] = np.arange(ends[-1]) + np.repeat(starts[drawn] - (ends - length), length)
    return rows


def clopper_pearson(hits: int, total: int, level: float = 0.95) -> Interval:
    """Exact binomial interval of hits / total: never covers less than `level`."""
    _check(hits, total)
    return _exact(hits, total, level)


def clustered_proportion(hits: ArrayLike, clusters: Sequence[object], level: float = 0.95) -> Interval:
    """Exact binomial interval of the share of `hits` (bool, (rows,)) when rows come in clusters (speakers, pages).

    Korn and Graubard (Survey Methodology 24, 1998): as `clopper_pearson`, with the number of rows divided by the
    design effect, held at 1 or more, and widened for the few clusters. Where all rows agree the effect cannot be
    seen, and each cluster counts as one row. Raises DataError without rows or when the lengths differ.
    """
    flags, names = np.asarray(hits, dtype=bool), np.asarray([str(cluster) for cluster in clusters])
    if flags.ndim != 1 or len(flags) != len(names) or not len(flags):
        raise DataError("A share needs rows, each with its cluster.")
    member = np.unique(names, return_inverse=True)[1]
    sizes, found = np.bincount(member), np.bincount(member, weights=flags)
    n, k, share = len(flags), sizes.size, float(flags.mean())
    if share in (0.0, 1.0) or k < 2:
        return _exact(share * k, k, level)
    variance = k / (k - 1) * float(np.square(found - share * sizes).sum()) / n**2
    effect = max(1.0, variance / (share * (1 - share) / n))
    wider = float(stdtrit(k - 1, (1 + level) / 2) / stdtrit(n - 1, (1 + level) / 2)) ** 2
    total = n / effect / wider
    return _exact(share * total, total, level)


def wilson(hits: int, total: int, level: float = 0.95) -> Interval:
    """Wilson score interval of hits / total: covers `level` on average, also near 0 and 1."""
    _check(hits, total)
    z = float(ndtri((1 + level) / 2))
    part = hits / total
    centre = (part + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * (part * (1 - part) / total + z**2 / (4 * total**2)) ** 0.5
    return Interval(part, max(0.0, centre - half), min(1.0, centre + half))


def _exact(hits: float, total: float, level: float) -> Interval:
    """Clopper and Pearson's interval, for numbers that need not be whole."""
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, total - hits + 1, tail))
    high = 1.0 if hits == total else float(betaincinv(hits + 1, total - hits, 1 - tail))
    return Interval(hits / total, low, high)


def _check(hits: int, total: int) -> None:
    if total < 1 or not 0 <= hits <= total:
        raise DataError(f"{hits} of {total} is not a proportion.")
