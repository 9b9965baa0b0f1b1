"""In which order a language model meets the codes of several levels (Copet et al. 2023, MusicGen, section 2.2).

A pattern places every code (level, frame) in a slot of a step. A step is what the model predicts at once: its slots
are independent of each other, given all steps before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError

Codes = NDArray[np.int64]
Name = Literal["coarse-first", "delay", "parallel", "flatten"]
HOLE = -1


@dataclass(frozen=True)
class Pattern:
    """One of the orders for `levels` codebooks.

    coarse-first: all of level 1, then all of level 2 ... (VALL-E, AudioLM). flatten: all levels of a frame, then the
    next frame. Both have one slot. parallel: a frame is a step. delay: as parallel, level k comes k steps later.
    """

    name: Name
    levels: int

    def __post_init__(self) -> None:
        if self.name not in ("coarse-first", "delay", "parallel", "flatten"):
            raise UsageError(f"There is no pattern {self.name!r}; known: coarse-first, delay, parallel, flatten.")
        if self.levels < 1:
            raise UsageError(f"A pattern needs at least one level, not {self.levels}.")

    @property
    def slots(self) -> int:
        """Codes in one step."""
        return self.levels if self.name in ("delay", "parallel") else 1

    def steps(self, frames: int) -> int:
        """Steps that `frames` frames take."""
        if self.name == "parallel":
            return frames
        if self.name == "delay":
            return frames + self.levels - 1 if frames else 0
        return frames * self.levels

    def places(self, frames: int) -> NDArray[np.int64]:
        """(slots, steps): the number level * frames + frame of the code that stands there, HOLE where none does."""
        number = np.arange(self.levels * frames, dtype=np.int64).reshape(self.levels, frames)
        if self.name == "coarse-first":
            return number.reshape(1, -1)
        if self.name == "flatten":
            return number.T.reshape(1, -1)
        table = np.full((self.levels, self.steps(frames)), HOLE, dtype=np.int64)
        for level in range(self.levels):
            start = level if self.name == "delay" else 0
            table[level, start : start + frames] = number[level]
        return table

    def slot_levels(self, frames: int) -> NDArray[np.int64]:
        """(slots, steps): the level of the code that stands there, HOLE where none does."""
        places = self.places(frames)
        return np.where(places == HOLE, HOLE, places // max(1, frames))

    def arrange(self, codes: Codes, fill: int) -> Codes:
        """Codes (..., levels, frames) in the order of the pattern, (..., slots, steps); `fill` stands in the holes.

        Raises UsageError for another number of levels.
        """
        if codes.shape[-2] != self.levels:
            raise UsageError(f"The pattern is for {self.levels} levels, and the codes have {codes.shape[-2]}.")
        places = self.places(codes.shape[-1])
        flat = codes.reshape(*codes.shape[:-2], -1)
        if not places.size:
            return np.zeros((*codes.shape[:-2], *places.shape), dtype=np.int64)
        return np.where(places == HOLE, fill, flat[..., np.maximum(places, 0)])

    def restore(self, arranged: Codes) -> Codes:
        """The exact inverse of `arrange`: (..., slots, steps) -> (..., levels, frames).

        Raises UsageError when the steps are not those of whole frames.
        """
        frames = self.frames(arranged.shape[-1])
        if arranged.shape[-2] != self.slots:
            raise UsageError(f"The pattern has {self.slots} slots, and the codes have {arranged.shape[-2]}.")
        places = self.places(frames)
        flat = np.empty((*arranged.shape[:-2], self.levels * frames), dtype=np.int64)
        flat[..., places[places != HOLE]] = arranged[..., places != HOLE]
        return flat.reshape(*arranged.shape[:-2], self.levels, frames)

    def frames(self, steps: int) -> int:
        """How many frames `steps` steps hold. Raises UsageError when that is no whole number."""
        frames = steps if self.name == "parallel" else steps - self.levels + 1 if self.name == "delay" else 0
        if self.slots == 1:
            frames = steps // self.levels
        frames = max(0, frames)
        if self.steps(frames) != steps:
            raise UsageError(f"{steps} steps of the pattern {self.name!r} are no whole number of frames.")
        return frames


def patterns(levels: int) -> Sequence[Pattern]:
    """Every pattern for that many levels."""
    names: tuple[Name, ...] = ("coarse-first", "delay", "parallel", "flatten")
    return [Pattern(name, levels) for name in names]
