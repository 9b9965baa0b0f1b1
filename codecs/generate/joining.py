"""One piece of sound put in place of a part of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Samples over which the new sound is faded in and out: 10 ms at 16 kHz.
FADE = 160


def joined(heard: NDArray[np.float32], made: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
    """`made` (n,) between two samples of `heard` (n,), faded over inside them; the rest of `heard` untouched."""
    share = np.zeros(heard.size, np.float32)
    share[first:last] = 1.0
    fade = np.linspace(0, 1, FADE + 2, dtype=np.float32)[1:-1]
    if first > 0:
        share[first : first + FADE] = fade
    if last < heard.size:
        share[last - FADE : last] = fade[::-1]
    whole: NDArray[np.float32] = np.where(share == 0, heard, share * made + (1 - share) * heard)
    return whole
