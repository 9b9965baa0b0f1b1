"""One sorted part of the index: landmarks of many records under three hash tables, and a query's hits in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .fingerprint_marks import MARK_BITS, STEP, Codes, Places

Numbers = NDArray[np.uint32]

TABLES = 3
_KEY_BITS = MARK_BITS // TABLES
_FLIPS = 6  # least sure bits of a key that are tried both ways
_SUBSETS = ((np.arange(2**_FLIPS)[:, None] >> np.arange(_FLIPS)) & 1).astype(np.uint32)


class Table:
    """Landmarks of records: numbers uint32 (n,) of the record of each, places, codes.

    A key is every third bit of a code, cut to so many bits that about sixteen landmarks share one; each table holds
    the order of the landmarks by its key. Memory: 14 + 3 x 4 bytes for a landmark, and a quarter byte of offsets.
    """

    def __init__(self, numbers: Numbers, places: Places, codes: Codes) -> None:
        self.numbers, self.places, self.codes = numbers, places, codes
        self._bits = int(np.clip(np.ceil(np.log2(max(1, codes.size) / 16)), 8, _KEY_BITS))
        self._orders, self._offsets = [], []
        for table in range(TABLES):
            keys = np.zeros(codes.size, np.uint32)
            for bit in range(self._bits):
                wanted = np.uint64(bit * TABLES + table)
                keys |= ((codes >> wanted) & np.uint64(1)).astype(np.uint32) << np.uint32(bit)
            self._orders.append(np.argsort(keys, kind="stable").astype(np.uint32))
            counts = np.bincount(keys, minlength=2**self._bits)
            self._offsets.append(np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32))

    def __len__(self) -> int:
        return int(self.codes.size)

    def hits(
        self, found: NDArray[np.float32], codes: Codes, most: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Landmarks close to those of a query, given its coefficients (q, 64) and codes (q,).

        -> (which of the query's, (h,); which of the table's, (h,); bits in which they differ, (h,)): about
        `most`, the closest.
        """
        mine, theirs = [], []
        for table in range(TABLES):
            keys, counts = self._probes(found, table)
            starts = self._offsets[table][keys]
            before = np.cumsum(counts) - counts
            places = np.arange(int(counts.sum()), dtype=np.int32)
            places += np.repeat(starts.astype(np.int32) - before.astype(np.int32), counts)
            theirs.append(self._orders[table][places])
            mine.append(np.repeat(np.arange(len(codes)), counts.reshape(len(codes), -1).sum(axis=1)))
        query, entry = np.concatenate(mine), np.concatenate(theirs)
        apart = np.bitwise_count(self.codes[entry] ^ codes[query])
        if apart.size > most:
            # Counting is faster than sorting: differences are small numbers.
            limit = int(np.searchsorted(np.cumsum(np.bincount(apart)), most))
            closest = np.flatnonzero(apart <= limit)[: 2 * most]
            query, entry, apart = query[closest], entry[closest], apart[closest]
        return query, entry.astype(np.int64), apart

    def offsets(self, entry: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the record of each landmark lies against a query whose landmarks begin at `starts`: words."""
        return self.places[entry].astype(np.int64) * STEP - starts

    def _probes(self, found: NDArray[np.float32], table: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Keys to look under, (q * 64,), and how many landmarks lie there."""
        part = found[:, table::TABLES][:, : self._bits]
        values = np.uint32(1) << np.arange(self._bits, dtype=np.uint32)
        keys = ((part > 0) @ values).astype(np.uint32)
        doubtful = np.argpartition(np.abs(part), _FLIPS, axis=1)[:, :_FLIPS]
        flips = values[doubtful] @ _SUBSETS.T
        probes = (keys[:, None] ^ flips).astype(np.uint32).ravel()
        offsets = self._offsets[table]
        return probes, offsets[probes + 1].astype(np.int64) - offsets[probes]


def joined(tables: list[Table]) -> Table:
    """All landmarks of several tables in one."""
    return Table(
        np.concatenate([table.numbers for table in tables]),
        np.concatenate([table.places for table in tables]),
        np.concatenate([table.codes for table in tables]),
    )
