"""Reading the record's handle off an aligned stretch, and weighing pilot, line and handle chips together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bound import log_p
from .chips import FIRST_SYMBOL, LINE, PILOT, ChipSource
from .handle import handles_of, symbols_of
from .layout import ALPHABET, BANDS, PERIOD, PERIODS, SYMBOLS

Floats = NDArray[np.float32]
# The first period of a recording is among the first 16 (4 minutes) with a prior of one half.
_EARLY = 16
# Periods that go on from the line chips to the handle; values of each symbol that are combined.
_PERIODS_KEPT, _VALUES_KEPT = 6, 24
# Rows of a symbol's book that are unpacked at once.
_BOOK_ROWS = 512
# Known handles beyond this many are weighed at the two likeliest periods only.
_MANY_HANDLES = 100_000


@dataclass(frozen=True)
class Reading:
    """A handle heard on a stretch.

    handle, period (number of the period in which the stretch begins). z: of all chips together; z_handle: of those
    that depend on the handle. log_p: bound for all chips, after the handles and periods tried; log_p_handle: the same
    for the handle's chips alone.
    """

    handle: int
    period: int
    z: float
    z_handle: float
    log_p: float
    log_p_handle: float


def period_prior(period: int) -> float:
    """Negative logarithm of the weight that the search gives a period number (weights add up to at most 1)."""
    return float(np.log(2 * _EARLY)) if period < _EARLY else float(np.log(2 * PERIODS))


class Stretch:
    """Soft chips (BANDS, blocks) of an aligned stretch that begins at place `phase` of a period."""

    def __init__(self, source: ChipSource, soft: Floats, phase: int) -> None:
        self.source = source
        laid = np.pad(soft, ((0, 0), (phase, -(phase + soft.shape[1]) % PERIOD)))
        # (periods, BANDS, PERIOD): what was heard in the first period, the next ...
        self.heard = laid.reshape(BANDS, -1, PERIOD).swapaxes(0, 1)
        energy = np.square(self.heard)
        folded = self.heard.sum(axis=0)
        pilots = source.roles == PILOT
        self.pilot = float((folded * source.pilot).sum())
        self.pilot_energy = float(np.square(folded[pilots]).sum())
        self.line_energy = float(energy[:, source.roles == LINE].sum())
        self.handle_energy = float(energy[:, source.roles >= FIRST_SYMBOL].sum())

    @property
    def z_pilot(self) -> float:
        """z of the pilot, equal chips of all periods folded first."""
        return self.pilot / float(np.sqrt(max(self.pilot_energy, 1e-12)))

    @property
    def energy(self) -> float:
        return max(self.pilot_energy + self.line_energy + self.handle_energy, 1e-12)

    def lines(self, numbers: int) -> Floats:
        """Correlation (numbers,) of the line chips if the stretch begins in period 0, 1 ... numbers - 1."""
        count = len(self.heard)
        heard = self.heard.reshape(count, -1)[:, self.source.line_places]
        each = self.source.lines()[: numbers + count].astype(np.float32) @ heard.T
        total: Floats = np.sum([each[index : index + numbers, index] for index in range(count)], axis=0)
        return total

    def folded(self, period: int) -> Floats:
        """Soft chips (BANDS * PERIOD,) with the line's factor taken off and all periods added."""
        total = np.zeros((BANDS, PERIOD), np.float32)
        for index, part in enumerate(self.heard):
            total += part * self.source.line(period + index)
        return total.reshape(-1)


def read(
    stretches: Sequence[Stretch], known: NDArray[np.uint32], far: bool
) -> list[tuple[Reading | None, Reading | None]]:
    """For each stretch the likeliest handle among all (its check must agree), and the likeliest among the known ones.

    All stretches are of one key. far: look beyond the first 16 periods (only worth it where the pilot is certain).
    """
    if not stretches:
        return []
    periods = [_periods(stretch, far) for stretch in stretches]
    sums = np.stack(
        [stretch.folded(period) for stretch, found in zip(stretches, periods, strict=True) for period, _ in found],
        axis=1,
    )
    scores = np.stack([_book_scores(stretches[0].source, symbol, sums) for symbol in range(SYMBOLS)])
    readings = []
    for index, (stretch, candidates) in enumerate(zip(stretches, periods, strict=True)):
        own = scores[:, :, index * _PERIODS_KEPT : index * _PERIODS_KEPT + len(candidates)]
        readings.append((_free(stretch, candidates, own), _known(stretch, candidates, own, known)))
    return readings


def _periods(stretch: Stretch, far: bool) -> list[tuple[int, float]]:
    """(period, line correlation) of the likeliest first periods, the prior taken into account."""
    found = stretch.lines(PERIODS if far else _EARLY)
    lines = [(number, float(value)) for number, value in enumerate(found)]
    norm = float(np.sqrt(max(stretch.line_energy, 1e-12)))

    def rank(entry: tuple[int, float]) -> float:
        return period_prior(entry[0]) - float(max(entry[1] / norm, 0.0) ** 2) / 2

    return sorted(lines, key=rank)[:_PERIODS_KEPT]


def _book_scores(source: ChipSource, symbol: int, sums: Floats) -> Floats:
    """Correlation (ALPHABET, columns) of each value of a symbol with folded soft chips (tiles, columns)."""
    heard = sums[source.places[symbol]]
    return np.concatenate(
        [
            source.book(symbol, first, _BOOK_ROWS).astype(np.float32) @ heard
            for first in range(0, ALPHABET, _BOOK_ROWS)
        ]
    )


def _free(stretch: Stretch, candidates: list[tuple[int, float]], scores: Floats) -> Reading | None:
    """The best combination of symbol values, over the candidate periods, whose check agrees."""
    best: tuple[int, float, int] | None = None
    for column, (_, line) in enumerate(candidates):
        values = [np.argpartition(one, -_VALUES_KEPT)[-_VALUES_KEPT:] for one in scores[:, :, column]]
        grid = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1).reshape(-1, SYMBOLS)
        total = _total(scores[:, :, column], grid)
        handles, agrees = handles_of(grid.astype(np.uint64))
        total = np.where(agrees, total, -np.inf)
        index = int(np.argmax(total))
        if agrees[index] and (best is None or total[index] + line > best[1] + candidates[best[2]][1]):
            best = int(handles[index]), float(total[index]), column
    return None if best is None else _reading(stretch, candidates, best, 2.0**32)


def _known(
    stretch: Stretch, candidates: list[tuple[int, float]], scores: Floats, known: NDArray[np.uint32]
) -> Reading | None:
    best: tuple[int, float, int] | None = None
    values = symbols_of(known).astype(np.int64)
    columns = candidates[:2] if len(known) > _MANY_HANDLES else candidates
    for column, (_, line) in enumerate(columns if len(known) else ()):
        total = _total(scores[:, :, column], values)
        index = int(np.argmax(total))
        if best is None or total[index] + line > best[1] + candidates[best[2]][1]:
            best = int(known[index]), float(total[index]), column
    return None if best is None else _reading(stretch, candidates, best, float(len(known)))


def _total(scores: Floats, values: NDArray[np.int64]) -> Floats:
    """Sum of the symbols' scores (SYMBOLS, ALPHABET) at values (n, SYMBOLS): (n,)."""
    picked = [scores[symbol][values[:, symbol]] for symbol in range(SYMBOLS)]
    total: Floats = np.sum(picked, axis=0)
    return total


def _reading(
    stretch: Stretch,
    candidates: list[tuple[int, float]],
    best: tuple[int, float, int],
    handles: float,
) -> Reading:
    handle, score, column = best
    period, line = candidates[column]
    tried = np.log(handles) + period_prior(period)
    z = (score + stretch.pilot + line) / np.sqrt(stretch.energy)
    z_handle = score / np.sqrt(max(stretch.handle_energy, 1e-12))
    return Reading(
        handle,
        period,
        float(z),
        float(z_handle),
        float(log_p(z) + tried),
        float(log_p(z_handle) + tried),
    )
