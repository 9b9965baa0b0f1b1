"""From a network's probabilities of each frame to phones: CTC's greedy path, and where given phones lie (Viterbi)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DataError


def collapse(path: Sequence[int], blank: int = 0) -> list[int]:
    """What a CTC path says (Graves et al. 2006, eq. 2): repeats as one, then no blanks."""
    return [label for label, _ in groupby(path) if label != blank]


def viterbi(
    scores: NDArray[np.floating[Any]], labels: Sequence[int], optional: Sequence[bool]
) -> tuple[NDArray[np.int64], float]:
    """The likeliest cut of frames into labels in their order, each at least a frame, the optional ones perhaps none.

    scores: log probabilities (frames, classes). Returns the frame before which each label ends, (labels,), and the
    sum of the scores along the path. No two neighbours may be optional (ValueError). Raises DataError when there are
    fewer frames than labels that must be.
    """
    may = np.array(optional, dtype=bool)
    if bool((may[1:] & may[:-1]).any()):
        raise ValueError("two neighbouring labels are optional")
    frames, count = len(scores), len(labels)
    if frames < int((~may).sum()) or not count:
        raise DataError(f"{count} phones do not fit into {frames} frames.")
    emitted = np.asarray(scores, dtype=np.float64)[:, np.asarray(labels)]
    # From how many labels before a label was entered: 0 stays, 2 leaps over an optional one.
    came = np.zeros((frames, count), dtype=np.int8)
    best = np.full(count, -np.inf)
    best[0] = emitted[0, 0]
    if may[0] and count > 1:
        best[1] = emitted[0, 1]
    for frame in range(1, frames):
        ways = np.full((3, count), -np.inf)
        ways[0] = best
        ways[1, 1:] = best[:-1]
        ways[2, 2:] = np.where(may[1:-1], best[:-2], -np.inf)
        came[frame] = ways.argmax(0)
        best = ways.max(0) + emitted[frame]
    last = count - 1
    if may[last] and count > 1 and best[last - 1] > best[last]:
        last -= 1
    total = float(best[last])
    if not np.isfinite(total):
        raise DataError(f"{count} phones do not fit into {frames} frames.")
    ends, place = np.full(count, frames, dtype=np.int64), last
    for frame in range(frames - 1, 0, -1):
        step = int(came[frame, place])
        ends[place - step : place] = frame
        place -= step
    ends[:place] = 0
    return ends, total
