"""One stretch of one channel, as the search looks at it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from . import listener
from .bands import integral, levels, power, running_energy, transform
from .layout import CHIP_HOPS, HOP, LEAD, PERIOD, RATE

Floats = NDArray[np.float32]
FRAME_SECONDS = HOP / RATE
# The middle of frame t lies LEAD - WINDOW / 2 samples before sample t * HOP.
_SHIFT_SECONDS = (LEAD - HOP * 2) / RATE


@dataclass(frozen=True)
class Alignment:
    """A guess at where the time line lies in a scene.

    scale: factor on the pitch. block: frames that a block lasts (6: unchanged). offset: frame at which the scene's
    block 0 starts, 0 <= offset < block. phase: its place in the period. So block k holds place (phase + k) % PERIOD.
    """

    scale: float
    block: float
    offset: float
    phase: int

    @property
    def tempo(self) -> float:
        """How much faster than marked the sound runs."""
        return CHIP_HOPS / self.block

    def count(self, frames: int) -> int:
        """Whole blocks in a scene of so many frames."""
        return max(0, int((frames - self.offset) / self.block + 1e-6))

    def places(self, count: int) -> NDArray[np.int64]:
        """The place in the period of blocks 0 .. count - 1."""
        return (self.phase + np.arange(count)) % PERIOD

    def later(self, frames: float) -> Alignment:
        """The same time line in a scene that begins so many frames earlier (or later, if negative)."""
        offset = self.offset + frames
        whole = int(np.floor(offset / self.block))
        return replace(self, offset=offset - whole * self.block, phase=(self.phase - whole) % PERIOD)

    def seconds(self, blocks: float) -> float:
        """Where in the scene a block (may be a fraction) begins."""
        return max(0.0, (self.offset + blocks * self.block) * FRAME_SECONDS - _SHIFT_SECONDS)


@dataclass
class Scene:
    """The sound of one channel at 16 kHz as an integral of its power, (bins + 1, frames + 1)."""

    power_sums: NDArray[np.float64]
    _unscaled: list[NDArray[np.float64]] = field(default_factory=list)

    @classmethod
    def of(cls, samples: Floats) -> Scene:
        """From samples (n,) at 16 kHz."""
        return cls(integral(power(transform(samples))))

    @property
    def frames(self) -> int:
        return int(self.power_sums.shape[1]) - 1

    def part(self, first: int, last: int) -> Scene:
        """Frames first .. last - 1 as a scene of their own."""
        return Scene(self.power_sums[:, first : last + 1])

    def sums(self, scale: float) -> NDArray[np.float64]:
        """Running energy of the bands scaled by `scale`; the unscaled one is kept."""
        if scale != 1.0:
            return running_energy(self.power_sums, scale)
        if not self._unscaled:
            self._unscaled.append(running_energy(self.power_sums))
        return self._unscaled[0]

    def soft(self, alignment: Alignment, first: int, count: int) -> Floats:
        """The network's soft chips (BANDS, count) of the alignment's blocks from `first`."""
        start = alignment.offset + first * alignment.block
        return listener.network()(levels(self.sums(alignment.scale), start, alignment.block, count))
