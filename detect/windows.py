"""Cutting a stream into windows, and bringing the windows' scores together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..core.sound import Samples, exactly
from .verdict import Score

# A window whose loud frames lie this far below the loudest window's holds background, not the speaker.
BACKGROUND_DB = 25.0
# Samples that a graph is given at least.
LEAST = 4000
# Columns of what a detector measures in one window, `verdict.Measurement` after start and end.
START, END, RAW, SPEECH, LEVEL, BANDWIDTH, NOVELTY, GAP, CONTENT, CODED = range(10)
COLUMNS = 10


def at_least(samples: Samples, size: int) -> Samples:
    """(..., n) filled up with silence to `size` samples: a graph needs a few frames to look at."""
    return exactly(samples, max(size, samples.shape[-1]))


def cut(blocks: Iterable[Samples], size: int) -> Iterator[tuple[int, Samples]]:
    """Windows of `size` samples without overlap, each with its first sample's index: (channels, n) -> (channels, m).

    What is left at the end is shorter than half a window only when it is all there is; else the last window takes
    it in. So m is `size`, or between size / 2 and 3 size / 2 at the end.
    """
    kept: list[Samples] = []
    held, start = 0, 0
    for block in blocks:
        kept.append(block)
        held += block.shape[1]
        if 2 * held <= 3 * size:
            continue
        joined = np.concatenate(kept, axis=1)
        while 2 * joined.shape[1] > 3 * size:
            yield start, np.ascontiguousarray(joined[:, :size])
            joined, start = joined[:, size:], start + size
        kept, held = [joined], joined.shape[1]
    if held:
        yield start, np.ascontiguousarray(np.concatenate(kept, axis=1))


def importance(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much each window counts: its speech in seconds (its length where speech is not measured), 0 for mere
    background. rows: (windows, COLUMNS) -> (windows,)."""
    speech = np.where(np.isnan(rows[:, SPEECH]), rows[:, END] - rows[:, START], rows[:, SPEECH])
    loudest = rows[:, LEVEL].max(initial=-np.inf)
    return np.where(rows[:, LEVEL] >= loudest - BACKGROUND_DB, speech, 0.0)


def gather(rows: NDArray[np.float64], seconds: float) -> Score:
    """One score from the measurements (windows, COLUMNS) of a channel that is `seconds` long; the llr is still raw.

    The mean of the windows weighted by their speech: it does not drift with length.
    """
    weight = importance(rows)
    heard, total = weight > 0, float(weight.sum())
    level = float(rows[:, LEVEL].max(initial=-np.inf))
    if not total:
        return Score(np.nan, np.zeros((0, 3)), seconds, 0.0, level)

    def average(column: int) -> float:
        return float(np.dot(weight[heard], rows[heard, column]) / total)

    speech = np.nan if np.isnan(rows[:, SPEECH]).any() else total
    frames = rows[heard][:, [START, END, RAW]]
    further = map(average, (BANDWIDTH, NOVELTY, GAP, CONTENT, CODED))
    return Score(average(RAW), frames, seconds, speech, level, *further)
