"""Which fakes the generators of a recipe make of which clips, in whose voice, and by what they may."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..codecs.generate.modes import Mode
from ..codecs.generate.prompt import LEAST_SECONDS
from ..core.errors import DataError, UsageError
from ..core.run import seed_for
from .generators import Ready
from .manifest import Clip
from .readers import OnError, warn
from .spoken import primary
from .voices import Voices


@dataclass(frozen=True)
class Take:
    """One fake to make of `clip`, in the voice of `prompt`, which is the clip itself where it is revised."""

    clip: Clip
    prompt: Clip
    generator: str
    system: str
    mode: Mode
    weights: str
    consent: str
    seed: int

    @property
    def key(self) -> str:
        """Names the result."""
        return f"{self.clip.key}|{self.clip.text}|{self.prompt.key}|{self.system}|{self.weights}|{self.seed}"

    @property
    def identity(self) -> str:
        """Names the result and what its row tells."""
        return f"{self.key}|{self.consent}"


@dataclass
class _Gate:
    """Asks for the voices of clips, and keeps what was answered."""

    voices: Voices
    allowed: dict[tuple[str, str], str] = field(default_factory=dict)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)

    def passes(self, clip: Clip, one: Ready) -> bool:
        """Whether a generator may render its voice; then `allowed` tells by what."""
        key = one.name, clip.path
        if key not in self.allowed and key not in self.refused:
            try:
                self.allowed[key] = self.voices.allowed(clip, one.trained_on)
            except UsageError as error:
                self.refused[key] = str(error)
        return key in self.allowed


def plan_takes(
    clips: Sequence[Clip],
    pool: Sequence[Clip],
    generators: Sequence[Ready],
    voices: Voices,
    seed: int,
    on_error: OnError = warn,
) -> tuple[list[Take], Counter[str]]:
    """What to make of `clips`, and how many of them were left out for which reason.

    Of the English clips with a text each generator takes its share, chosen by the seed and their content. A prompt
    is another clip of the speaker in `pool` that may be rendered, else the clip itself. `on_error` hears of voices
    without a consent. Raises DataError when nothing is left for a generator.
    """
    takes: list[Take] = []
    left_out, gate = Counter[str](), _Gate(voices)
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    for clip in pool:
        if clip.kind == "speech" and clip.label == "bonafide" and clip.seconds >= LEAST_SECONDS:
            by_speaker[clip.speaker].append(clip)
    for one in generators:
        before, own = len(takes), seed_for(seed, one.system)
        for clip in clips:
            if not _fits(clip, one.entry.mode):
                left_out[f"{one.system}: no English text"] += 1
            elif _rank(own, clip.key) < one.entry.share:
                found = _takes(clip, by_speaker[clip.speaker], one, gate, seed)
                takes += found
                if not found:
                    left_out[f"{one.system}: no consent for the voice"] += 1
        if len(takes) == before:
            reasons = "; ".join(key for key in left_out if key.startswith(one.system)) or "its share is too small"
            raise DataError(f"There is no clip that {one.system!r} can be asked for ({reasons}).")
    if gate.refused:
        (_, first), sentence = next(iter(gate.refused.items()))
        count = len({path for _, path in gate.refused})
        on_error(Path(first), f"{sentence} It is one of {count} such clips." if count > 1 else sentence)
    return takes, left_out


def _takes(clip: Clip, same: Sequence[Clip], one: Ready, gate: _Gate, seed: int) -> list[Take]:
    """Of one clip by one generator; `same`: clips of its speaker. None when no voice may be rendered."""
    prompts = [clip]
    if one.entry.mode == "speak":
        others = [other for other in same if other.path != clip.path]
        prompts = [*sorted(others, key=lambda other: _rank(seed, f"{clip.key}|{other.key}")), clip]
    passed: list[Clip] = []
    for prompt in prompts:
        # The clip itself is the last resort.
        if len(passed) < one.entry.per_clip and not (prompt is clip and passed) and gate.passes(prompt, one):
            passed.append(prompt)
    numbers = range(one.entry.per_clip if passed else 0)
    return [
        Take(
            clip,
            prompt,
            one.name,
            one.system,
            one.entry.mode,
            one.weights,
            gate.allowed[one.name, prompt.path],
            seed_for(seed, f"{clip.key}|{one.system}|{number}"),
        )
        for number, prompt in ((number, passed[number % len(passed)]) for number in numbers)
    ]


def _fits(clip: Clip, mode: Mode) -> bool:
    """Whether it is English and, where words are needed, has a text."""
    return primary(clip.language) == "en" and (mode == "continue" or any(map(str.isalnum, clip.text)))


def _rank(seed: int, key: str) -> float:
    """0 to 1, from the seed and the content alone."""
    digest = hashlib.sha256(os.fsencode(f"{seed}|{key}")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
