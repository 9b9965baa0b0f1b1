"""Which parts of a scene carry the mark, and where its time line breaks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .chips import ChipSource
from .decode import Stretch
from .evidence import Edit, MarkSpan
from .layout import BLOCK_SECONDS, CHIP_HOPS, PERIOD
from .scene import Alignment, Scene

Floats = NDArray[np.float32]
# Nats that the evidence must exceed for the state to change: keeps one lucky second from becoming a span.
_CHANGE = 9.0
# How far soft chips may be trusted after unknown processing; the factor that fits best is taken.
_TRUST = (0.1, 0.2, 0.35, 0.5, 0.7, 0.95)
# Spans with gaps shorter than this on one time line are one; breaks of fewer seconds are not edits.
_GAP, _SMALLEST_EDIT = 0.3, 0.06
_PERIODS_AROUND = 16


@dataclass(frozen=True)
class Piece:
    """A span of a scene on one time line.

    start, end: seconds in the scene. line_start, line_end: seconds of the marked original there; comparable between
    pieces when both periods are known, else modulo the period.
    """

    start: float
    end: float
    line_start: float
    line_end: float
    certain: bool


def pieces(
    scene: Scene, source: ChipSource, tracks: list[tuple[Alignment, Floats]], handle: int | None
) -> list[Piece]:
    """Spans of a scene by two or more states (none, each alignment): the likeliest path.

    tracks: alignments with their soft chips from block 0. handle: where known, its chips are listened for as well.
    """
    slots = int(scene.frames / CHIP_HOPS)
    evidence, placed = [], []
    for alignment, soft in tracks:
        first_period = None if handle is None else _period(source, alignment, soft, handle)
        chips = _chips(source, alignment, soft.shape[1], handle, first_period)
        evidence.append(_to_slots(_log_odds(soft, chips), alignment, slots))
        placed.append(first_period)
    if not evidence or slots == 0:
        return []
    path = _likeliest(np.stack(evidence))
    found = []
    for state, low, high in _runs(path):
        alignment, period = tracks[state][0], placed[state]
        start, end = low * BLOCK_SECONDS, high * BLOCK_SECONDS
        found.append(Piece(start, end, *_line(alignment, period, low, high), period is not None))
    return found


def _line(alignment: Alignment, period: int | None, low: int, high: int) -> tuple[float, float]:
    """Seconds of the time line at two slots."""
    ends = []
    for slot in (low, high):
        block = (slot * CHIP_HOPS - alignment.offset) / alignment.block
        ends.append(((period or 0) * PERIOD + alignment.phase + block) * BLOCK_SECONDS)
    return ends[0], ends[1]


def _period(source: ChipSource, alignment: Alignment, soft: Floats, handle: int) -> int | None:
    """The number of the period that block 0 lies in, by the record's own chips."""
    stretch = Stretch(source, soft, alignment.phase)
    record = source.periods(handle)
    scores = []
    for number in range(_PERIODS_AROUND):
        score = sum(
            float((part * np.where(source.pilot == 0, record.of(number + index), 0)).sum())
            for index, part in enumerate(stretch.heard)
        )
        scores.append(score / np.sqrt(max(stretch.line_energy + stretch.handle_energy, 1e-12)))
    best = int(np.argmax(scores))
    return best if scores[best] > 4.5 else None


def _chips(
    source: ChipSource, alignment: Alignment, count: int, handle: int | None, period: int | None
) -> NDArray[np.int8]:
    if handle is None or period is None:
        pilot: NDArray[np.int8] = source.pilot[:, alignment.places(count)]
        return pilot
    return source.periods(handle).blocks(period * PERIOD + alignment.phase, count)


def _log_odds(soft: Floats, chips: NDArray[np.int8]) -> NDArray[np.float64]:
    """Log-likelihood ratio (blocks,) of marked against not: a soft chip is the expected chip, so log(1 + a c y)."""
    agreement = (soft * chips).astype(np.float64)
    return max(
        (np.log1p(np.clip(trust * agreement, -0.98, None)).sum(axis=0) for trust in _TRUST),
        key=lambda odds: float(np.maximum(np.convolve(odds, np.ones(40), "same"), 0.0).sum()),
    )


def _to_slots(odds: NDArray[np.float64], alignment: Alignment, slots: int) -> NDArray[np.float64]:
    """Evidence of an alignment's blocks laid on slots of 24 ms of the scene."""
    edges = (alignment.offset + alignment.block * np.arange(len(odds) + 1)) / CHIP_HOPS
    total = np.concatenate([[0.0], np.cumsum(odds)])
    return np.diff(np.interp(np.arange(slots + 1), edges, total))


def _likeliest(evidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Viterbi over states -1 (none) and each row of evidence (states, slots); a change costs _CHANGE nats."""
    states, slots = evidence.shape
    scores = np.concatenate([[0.0], np.full(states, -_CHANGE)])
    back = np.zeros((slots, states + 1), np.int64)
    gains = np.concatenate([np.zeros((1, slots)), evidence])
    for slot in range(slots):
        best = int(np.argmax(scores))
        moved = scores[best] - _CHANGE
        stay = scores >= moved
        back[slot] = np.where(stay, np.arange(states + 1), best)
        scores = np.where(stay, scores, moved) + gains[:, slot]
    path = np.empty(slots, np.int64)
    state = int(np.argmax(scores))
    for slot in range(slots - 1, -1, -1):
        path[slot] = state
        state = int(back[slot, state])
    return path - 1


def _runs(path: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """(state, first slot, end slot) of each run that is marked."""
    cuts = np.flatnonzero(np.diff(path)) + 1
    edges = [0, *cuts.tolist(), len(path)]
    return [(int(path[low]), low, high) for low, high in pairwise(edges) if path[low] >= 0]


def join(found: list[Piece]) -> tuple[tuple[MarkSpan, ...], tuple[Edit, ...]]:
    """Spans, and the breaks between neighbours whose time lines do not go on."""
    spans: list[MarkSpan] = []
    edits: list[Edit] = []
    previous: Piece | None = None
    for piece in found:
        if previous is not None:
            gap = piece.start - previous.end
            jump = _jump(previous, piece) - gap
            if gap > _GAP:
                edits.append(_interruption(previous.end, gap, jump))
            elif abs(jump) > _SMALLEST_EDIT:
                edits.append(Edit(round(piece.start, 2), "cut" if jump > 0 else "jump", round(abs(jump), 2)))
            if gap <= _GAP:
                spans[-1] = MarkSpan(spans[-1].start, piece.end)
                previous = piece
                continue
        spans.append(MarkSpan(piece.start, piece.end))
        previous = piece
    return tuple(MarkSpan(round(one.start, 2), round(one.end, 2)) for one in spans), tuple(edits)


def _interruption(at: float, gap: float, jump: float) -> Edit:
    """What an unmarked gap is: put in between (the time line waits) or in place of something (it runs on)."""
    kind = "insert" if abs(jump + gap) < abs(jump) else "replace"
    return Edit(round(at, 2), "insert" if kind == "insert" else "replace", round(gap, 2))


def _jump(before: Piece, after: Piece) -> float:
    """How far the time line moved on between two pieces, in seconds; the nearest of all when a period is unknown."""
    moved = after.line_start - before.line_end
    if before.certain and after.certain:
        return moved
    period = PERIOD * BLOCK_SECONDS
    expected = after.start - before.end
    return expected + (moved - expected + period / 2) % period - period / 2


def shifted(found: list[Piece], seconds: float) -> list[Piece]:
    """Pieces of a scene that begins so many seconds into the recording."""
    return [
        Piece(piece.start + seconds, piece.end + seconds, piece.line_start, piece.line_end, piece.certain)
        for piece in found
    ]
