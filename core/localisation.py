"""How well synthetic spans are found in time: segment F1, range EER, false spans for each hour.

Spans are (start, end) in seconds, in order and apart. Segments are the pieces of `step` seconds that a recording is
cut into, the last one as long as what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import DataError

Floats = NDArray[np.float64]
Pairs = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class SegmentScores:
    """Precision, recall and their harmonic mean over segments; NaN where nothing is there to be found or was."""

    precision: float
    recall: float
    f1: float


def overlap(spans: Pairs, seconds: float, step: float) -> Floats:
    """Seconds of each segment that lie in a span, (segments,)."""
    if not step > 0 or not seconds > 0:
        raise DataError("Segments need a recording and a step longer than 0 s.")
    edges = np.append(np.arange(0.0, seconds - 1e-9, step), seconds)
    inside = np.zeros(len(edges) - 1)
    for start, end in spans:
        inside += np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], start), 0.0, None)
    return inside


def segment_scores(
    found: Sequence[Pairs], true: Sequence[Pairs], seconds: Sequence[float], step: float
) -> SegmentScores:
    """Over all recordings at once: a segment counts as synthetic when spans hold at least half of it.

    Zhang et al., The PartialSpoof database and countermeasures, 2023, section V: F1 of segments at a fixed threshold.
    """
    hits = said = there = 0
    for one, other, length in zip(found, true, seconds, strict=True):
        size = overlap([(0.0, length)], length, step)
        a, b = (overlap(spans, length, step) >= size / 2 - 1e-9 for spans in (one, other))
        hits, said, there = hits + int((a & b).sum()), said + int(a.sum()), there + int(b.sum())
    precision = hits / said if said else float("nan")
    recall = hits / there if there else float("nan")
    return SegmentScores(precision, recall, 2 * hits / (said + there) if said + there else float("nan"))


def range_eer(scores: ArrayLike, synthetic: ArrayLike, genuine: ArrayLike) -> float:
    """Equal error rate in time: the share of genuine seconds called synthetic where it equals the share of synthetic
    seconds that are missed (Zhang et al., Range-based equal error rate for spoof localization, 2023).

    scores: (segments,), higher for synthetic. synthetic, genuine: seconds of either in each segment, so that a border
    inside a segment counts exactly. Interpolated between neighbouring thresholds; equal scores go together. Raises
    DataError when a side is empty, lengths differ or a score is no number.
    """
    s, a, b = (np.asarray(values, dtype=np.float64).reshape(-1) for values in (scores, synthetic, genuine))
    if not len(s) == len(a) == len(b) or not np.isfinite(s).all():
        raise DataError("A range EER needs a finite score and both durations for each segment.")
    if not a.sum() > 0 or not b.sum() > 0:
        raise DataError("A range EER needs synthetic and genuine seconds.")
    order = np.argsort(-s, kind="stable")
    last = np.append(np.flatnonzero(np.diff(s[order]) < 0), len(s) - 1)
    flagged = np.append(0.0, np.cumsum(b[order])[last] / b.sum())
    missed = np.append(1.0, 1.0 - np.cumsum(a[order])[last] / a.sum())
    after = int(np.argmax(flagged >= missed))
    gap = flagged - missed
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(flagged[after - 1] + share * (flagged[after] - flagged[after - 1]))


def false_spans(found: Sequence[Pairs], true: Sequence[Pairs]) -> int:
    """Found spans that touch no true one."""
    return sum(
        not any(start < end_true and end > start_true for start_true, end_true in other)
        for one, other in zip(found, true, strict=True)
        for start, end in one
    )
