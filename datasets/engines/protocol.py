"""What is asked of a synthesiser, and what is known of its voices."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ...core.audio import Audio
from ...core.errors import UsageError


@dataclass(frozen=True)
class Voice:
    """A voice: BCP 47 language, the licence of what it says, and a note (whom to credit, what to know)."""

    name: str
    language: str
    licence: str
    note: str = ""


class Engine(Protocol):
    """A synthesiser that runs on this machine, without a network.

    held_out: kept away from training as the attack that no detector has heard; a recipe must ask for it. pin: names
    the weights ("" for a program, whose version is the system's).
    """

    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def held_out(self) -> bool: ...
    @property
    def pin(self) -> str: ...
    @property
    def voices(self) -> Sequence[Voice]: ...

    def missing(self, voices: Sequence[str] = ()) -> str:
        """What to install before these voices (none named: all) can speak, as a sentence; "" when all is there."""
        ...

    def check(self, voices: Sequence[str] = ()) -> None:
        """Raise MissingPart with that sentence, WeightsError for files that are not the pinned ones, UsageError for
        an unknown voice."""
        ...

    def speak(self, text: str, voice: str, seed: int) -> Audio:
        """`text` in one channel at the engine's own rate; the seed varies pace and, where there is any, chance.

        The same three give the same sound. Raises UsageError for an unknown voice or a text without words,
        AudioError when the engine fails, and what `check` raises.
        """
        ...


def voice_of(engine: Engine, name: str) -> Voice:
    """The voice of that name. Raises UsageError that names the nearest, or all."""
    known = {voice.name: voice for voice in engine.voices}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; the nearest is {near[0]!r}" if near else f"; known: {', '.join(known)}"
    raise UsageError(f"The engine {engine.name!r} has no voice {name!r}{hint}.")


def words(text: str) -> str:
    """`text` on one line from its first letter or digit on, in small letters where it is all capitals.

    Engines would spell capitals out, and festival crashes on dots before the first word. Raises UsageError when there
    is no letter or digit.
    """
    line = " ".join(text.split())
    first = next((at for at, character in enumerate(line) if character.isalnum()), None)
    if first is None:
        raise UsageError(f"There are no words to speak in {line!r}.")
    return line[first:].lower() if line.isupper() else line[first:]
