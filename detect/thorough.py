"""A thorough scan: the detector at three shifts in time, and a second expert that may contradict it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ..core.sound import Samples
from . import hearing, registry
from .decide import Outcome
from .registry import Detector
from .source import Track
from .spans import Frames
from .verdict import Score

SECOND = "baseline"
# Starts of the windows, as shares of a window (of the whole where that is shorter).
SHIFTS = (0.25, 0.5)


def hear(track: Track, detector: Detector, second: Detector) -> Iterator[tuple[Score, Score]]:
    """Calibrated scores of each channel, by the detector and by the second expert.

    The detector's is the mean over three starts of its windows, each weighted by the speech that it heard; spans are
    those of the mean over the span expert's three hearings, where the detector has one. Decodes the track once for
    each hearing.
    """
    localiser = detector.localiser
    passes = [hearing.hear(track, detector, localiser)]
    length = round(passes[0][0].score.seconds * detector.rate) if passes[0] else 0
    step = 1 if localiser is None else round(localiser.hop * detector.rate)
    skipped = [0]
    for share in SHIFTS:
        skip = round(share * min(detector.window, length)) // step * step
        skipped.append(skip)
        passes.append(hearing.hear(_from(track, skip), detector, localiser))
    others = hearing.channel_scores(track, second)
    for number, other in enumerate(others):
        heard = [one[number] for one in passes]
        first = heard[0]
        if localiser is not None:
            frames = _mean_frames([one.frames for one in heard], [skip // step for skip in skipped])
            first = replace(first, frames=[frames])
        score = hearing.with_spans(first, localiser)
        score = replace(score, llr=_mean_score([one.score for one in heard]))
        yield registry.calibrated(score, detector.calibration), registry.calibrated(other, second.calibration)


def doubted(outcome: Outcome, other: Outcome, second: Detector) -> Outcome:
    """The outcome, or none where the second expert is sure of the opposite."""
    sides = {outcome.decision, other.decision}
    if sides != {"genuine", "synthetic"}:
        return outcome
    reason = f"the second expert ({second.name}) is sure of the opposite"
    return replace(outcome, decision="inconclusive", reasons=(*outcome.reasons, reason))


def _from(track: Track, skip: int) -> Track:
    return Track(track.channels, partial(_skipped, track, skip))


def _skipped(track: Track, skip: int, rate: int) -> Iterator[Samples]:
    left = skip
    for block in track.at_rate(rate):
        dropped = min(left, block.shape[1])
        left -= dropped
        yield block[:, dropped:]


def _mean_score(scores: Sequence[Score]) -> float:
    """Weighted by speech (by length where that is not measured); NaN where nothing was scored."""
    weight = np.array([score.seconds if np.isnan(score.speech) else score.speech for score in scores])
    llr = np.array([score.llr for score in scores])
    known = np.isfinite(llr) & (weight > 0)
    return float(np.average(llr[known], weights=weight[known])) if known.any() else float("nan")


def _mean_frames(passes: Sequence[Sequence[Frames]], skipped: Sequence[int]) -> Frames:
    """Several hearings of one channel, each `skipped` frames later than the whole, as their mean."""
    joined = [
        np.stack([np.concatenate(part) for part in zip(*windows, strict=True)]) for windows in passes if windows
    ]
    if not joined:
        return Frames(np.zeros(0), np.zeros(0), np.zeros(0))
    total, times = np.zeros_like(joined[0]), np.zeros(joined[0].shape[1])
    for frames, skip in zip(joined, skipped, strict=True):
        count = min(frames.shape[1], len(times) - skip)
        total[:, skip : skip + count] += frames[:, :count]
        times[skip : skip + count] += 1
    return Frames(*(total / np.maximum(times, 1)))
