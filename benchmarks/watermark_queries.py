"""Attackers who only ask: a verifier answers with its verdict, or also with the power of ten of p, many times over.

They change tile gains of a sound (the embedder's own tiles, as attackers who know the scheme would), keep what brings
the answer nearer to what they want, and go on from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
from earwitness import watermark
from earwitness.core.run import seed_for
from earwitness.watermark import Key, Records
from earwitness.watermark.evidence import FOUND_P
from earwitness.watermark.examine import examine
from earwitness.watermark.layout import BANDS
from earwitness.watermark.scene import Scene
from earwitness.watermark.verifier import Ear
from watermark_lab import RATE, Floats, count_blocks, with_gains

Pattern = Literal["random walk", "squares"]
Answers = Literal["verdict", "power of ten of p"]
ANSWERS: tuple[Answers, ...] = ("verdict", "power of ten of p")
PATTERNS: tuple[Pattern, ...] = ("random walk", "squares")
# Answers below these mean a mark, and a hint of one (as in watermark/judge.py).
FOUND_BAND, HINT_BAND = round(math.log10(FOUND_P)), -2
_CONFIRMED = float(np.log(1e-5))


@dataclass
class Door:
    """A verifier with search="plain" behind a door: the same p as `verify`, with the key's tables made once.

    answers "verdict": found, a hint (inconclusive), or nothing.
    """

    key: Key
    records: Records
    answers: Answers
    asked: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ear = Ear.of(self.key, self.records)
        self._ear.source.book = lru_cache(maxsize=None)(self._ear.source.book)  # type: ignore[method-assign]

    def ask(self, samples: Floats) -> int:
        """The answer to one query: floor(log10 p), or as much of it as the verdict tells."""
        self.asked += 1
        heard = examine(Scene.of(samples), self._ear.pilot, self._ear.known, "plain", _CONFIRMED)
        band = math.floor(min(0.0, heard[0].log_p if heard else 0.0) / math.log(10) + 1e-12)
        if self.answers == "verdict":
            return FOUND_BAND - 1 if band < FOUND_BAND else HINT_BAND if band < HINT_BAND else 0
        return band

    def verdict(self, samples: Floats) -> watermark.Evidence:
        """What the real verifier says."""
        return watermark.verify(samples, RATE, self.key, records=self.records, search="plain")


@dataclass(frozen=True)
class Outcome:
    """What an attacker got: the sound, the best answer, and after how many queries the wish was granted."""

    samples: Floats
    band: int
    granted: int | None
    evidence: watermark.Evidence


def forge(door: Door, sound: Floats, pattern: Pattern, db: float, queries: int, seed: int) -> Outcome:
    """Make an unmarked sound count as marked: gains of +-db, from a random start, lower answers kept."""
    rng = np.random.default_rng(seed_for(seed, f"forge {pattern}"))
    gains = rng.choice([-db, db], (BANDS, count_blocks(sound))).astype(np.float32)
    best, granted = door.ask(with_gains(sound, gains)), None
    for tried in _proposals(gains, pattern, db, queries - 1, rng):
        band = door.ask(with_gains(sound, tried))
        # Moves on level ground are taken as well: most answers are "p = 1".
        if band <= best:
            best, gains[:] = band, tried
        if best < FOUND_BAND:
            granted = door.asked
            break
    made = with_gains(sound, gains)
    return Outcome(made, best, granted, door.verdict(made))


def remove(door: Door, marked: Floats, pattern: Pattern, db: float, queries: int, seed: int) -> Outcome:
    """Make a marked sound count as unmarked: gains within +-db, higher answers kept; then as few gains as will do."""
    rng = np.random.default_rng(seed_for(seed, f"remove {pattern}"))
    gains = np.zeros((BANDS, count_blocks(marked)), np.float32)
    best, granted = door.ask(marked), None
    steps = _proposals(gains, pattern, db, queries - 1, rng)
    for tried in steps:
        band = door.ask(with_gains(marked, tried))
        if band >= best:
            best, gains[:] = band, tried
        if best >= FOUND_BAND:
            granted = door.asked
            break
    for _ in steps:
        tried = gains.copy()
        _patch(tried, rng, 4 + int(rng.integers(24)))[...] *= np.float32(0.5)
        if door.ask(with_gains(marked, tried)) >= FOUND_BAND:
            gains[:] = tried
    made = with_gains(marked, gains)
    return Outcome(made, best, granted, door.verdict(made))


def _proposals(gains: Floats, pattern: Pattern, db: float, count: int, rng: np.random.Generator) -> Iterator[Floats]:
    """`count` changed copies of `gains` as it is at that time."""
    for index in range(count):
        tried = gains.copy()
        if pattern == "squares":
            # As in the Square attack (Andriushchenko et al., 2020): patches that shrink as queries are spent.
            side = max(1, round(0.5 * gains.shape[1] * (1 - index / count) ** 3))
            _patch(tried, rng, side)[...] = rng.choice([-db, db])
        else:
            chosen = rng.random(tried.shape) < 0.02
            tried[chosen] = rng.choice([-db, db], int(chosen.sum()))
        yield tried


def _patch(gains: Floats, rng: np.random.Generator, side: int) -> Floats:
    """A random part of the tiles: up to `side` blocks of a few neighbouring bands."""
    width, height = min(side, gains.shape[1]), int(rng.integers(1, 5))
    left, low = int(rng.integers(gains.shape[1] - width + 1)), int(rng.integers(BANDS - height + 1))
    return gains[low : low + height, left : left + width]
