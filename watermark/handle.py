"""The number that a mark carries: a handle of 32 bits and a check of 4, as three symbols of 12."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .layout import ALPHABET, CHECK_BITS, SYMBOL_BITS, SYMBOLS

Integers = NDArray[np.uint64]
_SHIFTS = np.arange(SYMBOLS - 1, -1, -1, dtype=np.uint64) * np.uint64(SYMBOL_BITS)


def check(handles: Integers) -> Integers:
    """The check (0 .. 15) of each handle: the top bits of a product modulo 2^32, which every bit of it reaches."""
    mixed = (handles ^ (handles >> np.uint64(16))) * np.uint64(0x9E3779B1) & np.uint64(0xFFFFFFFF)
    return mixed >> np.uint64(32 - CHECK_BITS)


def symbols_of(handles: NDArray[np.uint32] | np.uint32) -> Integers:
    """The symbols (..., 3), each 0 .. 4095, of handles (...)."""
    wide = np.asarray(handles, np.uint64)
    word = wide << np.uint64(CHECK_BITS) | check(wide)
    return word[..., None] >> _SHIFTS & np.uint64(ALPHABET - 1)


def handles_of(symbols: Integers) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Handles (...) of symbols (..., 3), and whether each check agrees."""
    word = np.bitwise_or.reduce(np.asarray(symbols, np.uint64) << _SHIFTS, axis=-1)
    handles = word >> np.uint64(CHECK_BITS)
    return handles.astype(np.uint32), check(handles) == (word & np.uint64((1 << CHECK_BITS) - 1))
