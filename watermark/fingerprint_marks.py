"""Landmarks of a fingerprint for the index: every 0.2 s, 64 signs that say in coarse strokes how 1.5 s go.

The words' signs, a picture of 75 words by 32 bits, go through a two-dimensional DCT; 64 low coefficients, whose signs
outlive codecs best (chosen on the training speakers), are kept. A bit of a word that goes wrong moves all of them by
a little instead of one of them by all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.spectral import dct_matrix
from .fingerprint import BITS, Words

STEP = 10
"""Words from one landmark of a record to the next."""
SPAN = 75
"""Words under a landmark."""
MARK_BITS = 64

Places = NDArray[np.uint16]
Codes = NDArray[np.uint64]

_ENTRY = np.dtype([("place", "<u2"), ("code", "<u8")])
_MOST = 2**16  # places that fit: 3.6 hours
_BATCH = 600  # landmarks computed at once: two minutes
# Coefficients kept: (which across bits, first along time, one past the last along time).
_KEPT = ((0, 0, 16), (1, 0, 16), (2, 4, 14), (3, 4, 14), (4, 6, 12), (5, 6, 12))
_ACROSS = dct_matrix(len(_KEPT), BITS).astype(np.float32)
_ALONG = dct_matrix(16, SPAN).astype(np.float32)
_ORDER = np.concatenate([row * 16 + np.arange(start, end) for row, start, end in _KEPT])
_VALUES = np.uint64(1) << np.arange(MARK_BITS, dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class Landmarks:
    """places: uint16 (n,), the words at which they begin, in STEPs. codes: uint64 (n,)."""

    places: Places
    codes: Codes

    def to_bytes(self) -> bytes:
        table = np.empty(self.codes.size, _ENTRY)
        table["place"], table["code"] = self.places, self.codes
        return table.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Landmarks:
        table = np.frombuffer(data, _ENTRY)
        return cls(table["place"].astype(np.uint16), table["code"].astype(np.uint64))


def coefficients(words: Words, step: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The words at which spans begin, (n,), and the 64 coefficients of each span, (n, 64).

    Spans of which most is silent are left out; under 1.5 s the rest counts as silent.
    """
    words = np.concatenate([words, np.zeros(max(0, SPAN - words.size), np.uint32)])
    starts = np.arange(0, words.size - SPAN + 1, step)
    heard = np.concatenate([[0], np.cumsum(words != 0)])
    starts = starts[heard[starts + SPAN] - heard[starts] > SPAN // 3]
    bits = np.unpackbits(words.astype("<u4").view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")
    signs = (bits.astype(np.float32) * 2 - 1) * (words != 0)[:, None]
    strokes = signs @ _ACROSS.T
    spans = np.lib.stride_tricks.sliding_window_view(strokes, SPAN, axis=0)[starts]
    found = (spans @ _ALONG.T).reshape(starts.size, len(_KEPT) * 16)[:, _ORDER]
    return starts, found


def codes_of(found: NDArray[np.float32]) -> Codes:
    """(n, 64) coefficients -> their signs as one number each, (n,)."""
    return (found > 0) @ _VALUES


def landmarks(words: Words) -> Landmarks:
    """The landmarks by which an index finds these words, computed piece by piece: hours need no more memory."""
    words = words[: _MOST * STEP]
    places, codes = [], []
    for first in range(0, max(1, words.size), _BATCH * STEP):
        piece = words[first : first + _BATCH * STEP + SPAN - STEP]
        if first and piece.size < SPAN:
            break
        starts, found = coefficients(piece, STEP)
        places.append(((first + starts) // STEP).astype(np.uint16))
        codes.append(codes_of(found))
    return Landmarks(np.concatenate(places), np.concatenate(codes))
