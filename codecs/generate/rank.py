"""The best of several takes of one text: in which the aligner finds the words best, then of the usual length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...core.audio import Audio, resample
from ...core.errors import DataError
from .align import RATE, align
from .normalise import PAUSE, sentences
from .text import Phones, estimate


@dataclass(frozen=True, eq=False)
class Take:
    """One attempt; score: the aligner's, None when the words were not found, or nobody looked."""

    seed: int
    audio: Audio
    score: float | None = None


def ranked(takes: Iterable[Take], text: str, spoken: Sequence[Phones]) -> list[Take]:
    """The takes, each with its score, the best first. `spoken`: the text's phones."""
    words = [word for sentence in sentences(text) for word in sentence if word != PAUSE]
    usual = sum(map(estimate, spoken))
    scored = [Take(take.seed, take.audio, _score(take.audio, words)) for take in takes]
    return sorted(
        scored, key=lambda take: (take.score is None, -(take.score or 0.0), abs(take.audio.seconds - usual))
    )


def _score(audio: Audio, words: Sequence[str]) -> float | None:
    try:
        return align(resample(audio.mono(), RATE).samples[0], words).score
    except DataError:
        return None
