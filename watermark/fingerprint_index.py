"""The index of fingerprints: from a query to the records with its content without comparing it to each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import islice

import numpy as np

from .fingerprint import BITS, WORDS_PER_SECOND, Match, Words
from .fingerprint_compare import compare
from .fingerprint_marks import Landmarks, codes_of, coefficients
from .fingerprint_table import Table, joined

Fetch = Callable[[list[int]], Mapping[int, tuple[str, Words]]]
"""Numbers of records -> their id and fingerprint, for those that exist."""

_BATCH = 20_000  # records that are sorted in together
_QUERIES = 96  # landmarks of a query that are looked up
_HITS = 1500
_CANDIDATES = 32
_REFUSALS = 2  # candidates that fail before the rest, which look worse, are left
_SLACK = 8  # words by which an offset may be wrong before it is refined


class FingerprintIndex:
    """Landmarks in memory, about 1.1 GB for a million records of 10 s; fingerprints stay in the store.

    New records go into tables of their own, which are joined when they have grown, so that a record costs a little
    now and then rather than a rebuilt index. Not for several threads at once.
    """

    def __init__(self) -> None:
        self.last = 0
        self._tables: list[Table] = []
        self._records = 0

    def __len__(self) -> int:
        return self._records

    def extend(self, rows: Iterable[tuple[int, Landmarks]]) -> None:
        """Take in (number, landmarks) of records, in ascending order of their numbers (below 2**32)."""
        rows = iter(rows)
        while batch := list(islice(rows, _BATCH)):
            numbers = [np.full(marks.codes.size, number, np.uint32) for number, marks in batch]
            self.last, self._records = batch[-1][0], self._records + len(batch)
            self.add_table(
                Table(
                    np.concatenate(numbers),
                    np.concatenate([marks.places for _, marks in batch]),
                    np.concatenate([marks.codes for _, marks in batch]),
                )
            )

    def add_table(self, table: Table) -> None:
        """Put in a sorted part, joined with what is not much longer."""
        parts = [table] if len(table) else []
        while self._tables and len(self._tables[-1]) < 4 * sum(map(len, parts)):
            parts.append(self._tables.pop())
        if parts:
            self._tables.append(parts[0] if len(parts) == 1 else joined(parts[::-1]))

    def lookup(self, query: Words, fetch: Fetch, limit: int = 5) -> list[Match]:
        """Records that hold some of `query`, the best first, at most `limit`.

        p-values are bounds for a comparison with every record of the index; what does not count as the same is not
        among them.
        """
        places = self._candidates(query)
        known = fetch(sorted({number for number, _ in places}))
        best: dict[int, float] = {}
        for number, offset in places:
            if number in known:
                best[number] = min(best.get(number, 1.0), _refined(query, known[number][1], offset))
        matches: list[Match] = []
        refused = 0
        for number in sorted(best, key=best.__getitem__):
            if len(matches) == limit or refused == _REFUSALS:
                break
            name, words = known[number]
            found = compare(query, words, tried=max(1, self._records))
            if found.same:
                place, seconds = found.offset_seconds, found.seconds
                matches.append(Match(name, place, found.bit_error_rate, seconds, found.p_value))
            else:
                refused += 1
        return sorted(matches, key=lambda match: match.p_value)

    def _candidates(self, query: Words) -> list[tuple[int, int]]:
        """(number of a record, words by which the query lies behind its start), the most promising first."""
        starts, found = coefficients(query, 1)
        if starts.size == 0:
            return []
        if starts.size > _QUERIES:
            # The surest, for they are hit most often; spread by taking them from every part of the query.
            sure = np.abs(found).mean(axis=1)
            parts = np.array_split(np.arange(starts.size), _QUERIES // 8)
            chosen = np.concatenate([part[np.argsort(-sure[part])[:8]] for part in parts])
            starts, found = starts[chosen], found[chosen]
        codes = codes_of(found)
        votes: dict[tuple[int, int], float] = {}
        for table in self._tables:
            mine, theirs, apart = table.hits(found, codes, _HITS)
            offsets = table.offsets(theirs, starts[mine])
            for number, offset, bits in zip(
                table.numbers[theirs].tolist(), offsets.tolist(), apart.tolist(), strict=True
            ):
                place = number, round(offset / _SLACK) * _SLACK
                # Each bit less that differs makes chance about half as likely, down from what chance alone gives.
                votes[place] = votes.get(place, 0.0) + 2.0 ** (22 - bits)
        return sorted(votes, key=votes.__getitem__, reverse=True)[:_CANDIDATES]


def _refined(query: Words, reference: Words, offset: int) -> float:
    """The lowest bit error rate over the offsets around `offset`, with a bonus for much that lies together."""
    best = 1.0
    for exact in range(offset - _SLACK, offset + _SLACK + 1, 2):
        low, high = max(0, -exact), min(query.size, reference.size - exact)
        if high - low >= WORDS_PER_SECOND // 2:
            wrong = int(np.bitwise_count(query[low:high] ^ reference[low + exact : high + exact]).sum())
            bits = BITS * (high - low)
            best = min(best, 0.5 - (0.5 - wrong / bits) * math.sqrt(bits) / math.sqrt(BITS * query.size))
    return best
