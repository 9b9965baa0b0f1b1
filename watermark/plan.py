"""Which hypotheses a search may try, and how many there are: the numbers behind every p-value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .layout import CHIP_HOPS, PERIOD

Search = Literal["full", "plain"]
# Speed and stretch are looked for in this range.
SLOWEST, FASTEST = 0.8, 1.25
# Pitch shifts with unchanged timing, in semitones either way.
SEMITONES = 2.0
# The coarse grid ranks; a step of 1 % costs half of the correlation over 8 s at worst.
COARSE_STEP = 0.01
PITCH_STEP = 0.25
# The finest steps that refinement can reach. Every place on this grid counts as tried, whether it was or not.
FINE_STEP = 0.0003
FINE_PITCH_STEP = 0.05
# Windows of the search in blocks: as long as the period, and a quarter of it for short pieces; half overlapping.
LONG, SHORT = PERIOD, PERIOD // 4
# Other speeds are looked for in one window of 7.68 s in every 15.36 s: in longer ones a coarse step drifts too far.
CHANGED = PERIOD // 2
# Intervals of a candidate are searched on this grid of blocks (1.92 s).
INTERVAL = 80
# A chapter is what is searched as a whole: four periods. Longer files are read chapter by chapter.
CHAPTER = 4 * PERIOD


@dataclass(frozen=True)
class Family:
    """One way of changing the time and pitch of a recording: bands are scaled by `scale`, blocks last `block`."""

    scale: float
    block: float


def coarse() -> list[Family]:
    """Speed (time and pitch), stretch (time alone) and pitch alone; unchanged sound is left out."""
    steps = round(math.log(FASTEST / SLOWEST) / COARSE_STEP)
    factors = [SLOWEST * (FASTEST / SLOWEST) ** (index / steps) for index in range(steps + 1)]
    tones = [PITCH_STEP * index for index in range(-round(SEMITONES / PITCH_STEP), round(SEMITONES / PITCH_STEP) + 1)]
    return [
        *(Family(factor, CHIP_HOPS / factor) for factor in factors),
        *(Family(1.0, CHIP_HOPS / factor) for factor in factors),
        *(Family(2 ** (tone / 12), float(CHIP_HOPS)) for tone in tones if tone),
    ]


def windows(blocks: int, size: int) -> list[tuple[int, int]]:
    """(first, count) of half-overlapping windows over a scene of `blocks`; one when it is no longer than `size`."""
    if blocks <= size:
        return [(0, blocks)]
    starts = list(range(0, blocks - size, size // 2))
    return [*((start, size) for start in starts), (blocks - size, size)]


def changed_windows(blocks: int) -> list[tuple[int, int]]:
    """(first, count) of the windows in which other speeds are looked for: one in every period, side by side."""
    if blocks <= LONG:
        return [(max(0, (blocks - CHANGED) // 2), min(blocks, CHANGED))]
    count = -(-blocks // LONG)
    return [(int(start), CHANGED) for start in np.linspace(0, blocks - CHANGED, count)]


def plain_hypotheses(blocks: int) -> int:
    """Places tried in a scene of `blocks` without a change of speed: windows, phases and offsets in frames."""
    count = len(windows(blocks, LONG)) + (len(windows(blocks, SHORT)) if blocks > SHORT else 0)
    return count * PERIOD * CHIP_HOPS


def changed_hypotheses(blocks: int) -> int:
    """Places tried with a change of speed, stretch or pitch, on the fine grid."""
    span = round(math.log(FASTEST / SLOWEST) / FINE_STEP) + 1
    tones = round(2 * SEMITONES / FINE_PITCH_STEP) + 1
    return len(changed_windows(blocks)) * PERIOD * CHIP_HOPS * (2 * span + tones)


def intervals(blocks: int) -> int:
    """Stretches between two places on the interval grid."""
    cells = -(-blocks // INTERVAL)
    return cells * (cells + 1) // 2
