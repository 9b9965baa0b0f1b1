"""Comparing fingerprints: where a query lies in a reference, which of its seconds agree, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import log_ndtr

from .fingerprint import BITS, WORDS_PER_SECOND, Floats, Words, fingerprint

SAME_P = 1e-6
"""Two sounds count as the same content at this p-value of a comparison or less."""
SPEEDS = tuple(round(1 + step / 100, 2) for step in range(-6, 7))
"""Speeds that `compare_sound` tries by itself; between them the words still agree for a few seconds."""
NULL_SPREAD = 2.0
LAP = 10
"""Seconds of a query that are aligned as one piece."""

_SHORTEST = WORDS_PER_SECOND  # words that must lie over each other
_SECOND_SAME = 0.42
_PEAKS = 3
_GROUP = 2**16  # numbers transformed at once
_PEAK_WIDTH = 5  # words around a peak that belong to it


@dataclass(frozen=True, eq=False)
class Comparison:
    """How a query lies in a reference.

    offset_seconds: where in the reference the query's first word lies (below 0: before it). bit_error_rate: of the
    best lap; about 0.5 for unrelated sound. seconds: words compared there, in seconds. p_value: bound for all
    offsets, laps and speeds that were tried, in (0, 1]. speed, tempo: those of the query. per_second: float32, the
    bit error rate of each second of the query, NaN where there was nothing to compare.
    """

    offset_seconds: float
    bit_error_rate: float
    seconds: float
    p_value: float
    speed: float
    tempo: float
    per_second: Floats

    @property
    def same(self) -> bool:
        """Whether some of the query is from the reference, at a false rate of SAME_P for each comparison."""
        return self.p_value <= SAME_P

    @property
    def share(self) -> float:
        """Share of the comparable seconds of the query that agree with the reference, 0 to 1."""
        known = self.per_second[~np.isnan(self.per_second)]
        return float(np.mean(known < _SECOND_SAME)) if self.same and known.size else 0.0


@dataclass(frozen=True)
class _Peak:
    """One alignment of a lap: reference word = query word + offset; log_p for the best of the lap's offsets."""

    offset: int
    error: float
    words: int
    log_p: float


def compare(query: Words, reference: Words, *, speed: float = 1.0, tempo: float = 1.0, tried: int = 1) -> Comparison:
    """Align the words of a query, already brought to the reference's speed, with those of a reference.

    The query is cut into laps of 10 s, so that cuts, jumps and small errors of speed cost little. An alignment of n
    words with bit error rate e has z = (1 - 2 e) sqrt(32 n) / s, where s is the larger of NULL_SPREAD and the
    scatter of this very pair over all its offsets (loops and hums agree with themselves). p = tail of the normal
    distribution at z, times offsets, laps and `tried`.

    NULL_SPREAD: (1 - 2 e) sqrt(32 n) has a standard deviation of 1.60 over unrelated pairs of the training speakers
    at 1 to 6 s, and tails that a normal distribution of 1.7 has at 1e-3, 1.8 at 1e-4 and 1.87 at 1e-5 (1.4 million
    alignments; benchmarks/fingerprint.py): 2.0 is on the safe side of these.
    """
    laps = [(start, _peaks(query[start:end], reference, start)) for start, end in _laps(query.size)]
    penalty = math.log(max(1, len(laps)) * tried)
    per_second = np.full(-(-query.size // WORDS_PER_SECOND), np.nan, np.float32)
    peaks = [peak for _, found in laps for peak in found]
    if not peaks:
        return Comparison(0.0, 0.5, 0.0, 1.0, speed, tempo, per_second)
    best = min(peaks, key=lambda peak: peak.log_p)
    for start, found in laps:
        sure = [peak.offset for peak in found if peak.log_p + penalty <= math.log(SAME_P)]
        _fill(per_second, query, reference, start, {*sure, best.offset})
    p_value = math.exp(max(-700.0, min(0.0, best.log_p + penalty)))
    place, seconds = best.offset / WORDS_PER_SECOND, best.words / WORDS_PER_SECOND
    return Comparison(place, best.error, seconds, p_value, speed, tempo, per_second)


def compare_sound(
    samples: Floats, reference: Words, *, speeds: Sequence[float] = SPEEDS, tempos: Sequence[float] = (1.0,)
) -> Comparison:
    """`compare` for (n,) float32 samples at 16 kHz of unknown speed or tempo: the best of all pairs of both."""
    pairs = [(speed, tempo) for speed in speeds for tempo in tempos]
    found = (
        compare(fingerprint(samples, speed=speed, tempo=tempo), reference, speed=speed, tempo=tempo, tried=len(pairs))
        for speed, tempo in pairs
    )
    return min(found, key=lambda comparison: comparison.p_value)


def _laps(words: int) -> Iterator[tuple[int, int]]:
    """Starts and ends of the laps of a query; the last takes what is left over when that is under half a lap."""
    size = LAP * WORDS_PER_SECOND
    count = max(1, round(words / size))
    for lap in range(count):
        yield lap * size, words if lap == count - 1 else (lap + 1) * size


def _peaks(query: Words, reference: Words, start: int) -> list[_Peak]:
    """The best alignments of a lap that begins at word `start` of its query; none when too little can be compared."""
    shortest = min(_SHORTEST, query.size, reference.size)
    if shortest == 0:
        return []
    agreement, words = _correlate(query, reference)
    usable = words >= shortest
    if not usable.any():
        return []
    scores = np.where(usable, agreement / np.sqrt(BITS * np.maximum(words, 1)), -np.inf)
    spread = max(NULL_SPREAD, 1.4826 * float(np.median(np.abs(scores[usable]))))
    choices = math.log(int(usable.sum()))
    peaks = []
    for _ in range(_PEAKS):
        lag = int(np.argmax(scores))
        if scores[lag] == -np.inf:
            break
        log_p = float(log_ndtr(-scores[lag] / spread)) + choices
        error = 0.5 - agreement[lag] / (2 * BITS * words[lag])
        peaks.append(_Peak(lag - query.size + 1 - start, float(error), int(words[lag]), log_p))
        scores[max(0, lag - _PEAK_WIDTH) : lag + _PEAK_WIDTH + 1] = -np.inf
    return peaks


def _correlate(query: Words, reference: Words) -> tuple[Floats, Floats]:
    """Agreeing less disagreeing bits, and words compared, at each lag from 1 - n(query) to n(reference) - 1."""
    length = query.size + reference.size - 1
    size = next_fast_len(length, real=True)
    # Several bits at once where that fits a cache, one by one for hours.
    group = min(BITS, max(1, _GROUP // size))
    agreement = np.zeros(size // 2 + 1, np.complex64)
    for first in range(0, BITS, group):
        count = min(group, BITS - first)
        mine, theirs = _signs(query[::-1], first, count), _signs(reference, first, count)
        agreement += (rfft(mine, size) * rfft(theirs, size)).sum(axis=0)
    known = rfft((query[::-1] != 0).astype(np.float32), size) * rfft((reference != 0).astype(np.float32), size)
    return np.rint(irfft(agreement, size)[:length]), np.rint(irfft(known, size)[:length])


def _signs(words: Words, first: int, count: int) -> Floats:
    """+1 and -1 for `count` bits from `first` on, 0 where nothing is to be heard: (count, n)."""
    bits = np.arange(first, first + count, dtype=np.uint32)[:, None]
    signs: Floats = ((words >> bits) & np.uint32(1)).astype(np.float32) * 2 - 1
    signs *= words != 0
    return signs


def _fill(per_second: Floats, query: Words, reference: Words, start: int, offsets: set[int]) -> None:
    """Bit error rate of each second of the lap at `start`, at the offset that suits it best."""
    for second in range(start // WORDS_PER_SECOND, min(per_second.size, start // WORDS_PER_SECOND + 2 * LAP)):
        first = second * WORDS_PER_SECOND
        for offset in offsets:
            low, high = max(first, -offset), min(first + WORDS_PER_SECOND, query.size, reference.size - offset)
            if high <= low:
                continue
            mine, theirs = query[low:high], reference[low + offset : high + offset]
            known = (mine != 0) & (theirs != 0)
            if known.sum() >= WORDS_PER_SECOND // 3:
                error = np.bitwise_count(mine[known] ^ theirs[known]).mean() / BITS
                per_second[second] = np.fmin(per_second[second], error)
