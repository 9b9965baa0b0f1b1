"""Adapting a detector to somebody's own genuine recordings: fewer false alarms on them, with a bound. numpy only.

The threshold becomes an order statistic of their scores, whose coverage is known whatever their distribution (Wilks,
Determination of sample sizes for setting tolerance limits, 1941). Genuine recordings alone say nothing about fakes:
what is gained in false alarms is paid for in misses, which nobody has measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from ..core.errors import DataError, UsageError
from .calibrate import Calibration

# With fewer, the bound is above 13 % whatever the scores are.
LEAST = 20
# Nats between the deciding clip and the threshold, above what rounding can move.
MARGIN = 1e-4


@dataclass(frozen=True)
class Adapted:
    """An adapted calibration and what is known about it.

    shift: nats that all scores move by; below 0 the detector is less eager to say synthetic than before, above 0
    more. before, after: clips called synthetic. bound: with `confidence` at most this share of recordings from where
    the clips come is called synthetic. held: whether the bound is at most the share that was wanted. needed: clips
    from which on it can be.
    """

    calibration: Calibration
    shift: float
    clips: int
    before: int
    after: int
    bound: float
    confidence: float
    held: bool
    needed: int


def adapt(
    calibration: Calibration,
    scores: ArrayLike,
    *,
    false_alarm: float = 0.01,
    confidence: float = 0.95,
    eager: bool = False,
) -> Adapted:
    """Move a calibration so that at most `false_alarm` of recordings like these are called synthetic.

    scores: raw scores (clips,) of genuine clips, one each, taken as independent draws. The threshold goes to the
    lowest order statistic under which the share holds with `confidence`, or, where there are too few clips for that,
    to the highest clip. It is never lowered unless `eager`. The scores move, `high` stays; `low` follows a move down,
    so that no score is called genuine that was not before. Raises DataError for fewer than LEAST clips,
    UsageError for shares outside of (0, 1).
    """
    enough = needed(false_alarm, confidence)
    raw = np.sort(np.asarray(scores, dtype=np.float64))
    if raw.size < LEAST:
        raise DataError(f"{raw.size} genuine clips that can be scored are too few; at least {LEAST} are needed.")
    # Not `calibration.llr`, which is cut at the cap: clips beyond it must be told apart.
    llr = calibration.scale * raw + calibration.offset
    rank = lowest_rank(raw.size, false_alarm, confidence)
    shift = calibration.high - MARGIN - float(llr[rank - 1])
    if shift > 0.0 and not eager:
        shift = 0.0
    moved = replace(calibration, offset=calibration.offset + shift, low=min(calibration.low, calibration.low + shift))
    after = int(np.count_nonzero(llr + shift >= calibration.high))
    # A threshold that was put at a clip has at least as many above it as its rank says.
    above = after if shift == 0.0 else max(after, raw.size - rank)
    bound = upper_bound(above, raw.size, confidence)
    return Adapted(
        calibration=moved,
        shift=shift,
        clips=raw.size,
        before=int(np.count_nonzero(llr >= calibration.high)),
        after=after,
        bound=bound,
        confidence=confidence,
        held=bound <= false_alarm,
        needed=enough,
    )


def upper_bound(above: int, clips: int, confidence: float) -> float:
    """One-sided Clopper-Pearson bound on a share of which `above` of `clips` were seen; for a threshold at an order
    statistic with `above` clips over it, Wilks' bound, which is the same number."""
    return 1.0 if above == clips else float(betaincinv(above + 1, clips - above, confidence))


def lowest_rank(clips: int, share: float, confidence: float) -> int:
    """Rank, from 1 for the lowest, of the lowest of `clips` order statistics above which with `confidence` at most
    `share` of the population lies; `clips` when there is none."""
    above = 0
    while above + 1 < clips and upper_bound(above + 1, clips, confidence) <= share:
        above += 1
    return clips - above


def needed(share: float, confidence: float) -> int:
    """Clips from which on the highest of them is an order statistic as in `lowest_rank`. Raises UsageError."""
    if not 0.0 < share < 1.0 or not 0.0 < confidence < 1.0:
        raise UsageError("The share of false alarms and the confidence must lie between 0 and 1.")
    return math.ceil(math.log(1.0 - confidence) / math.log(1.0 - share))
