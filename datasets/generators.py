"""What a dataset asks of a generator, and the generators of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from ..codecs.generate import registry
from ..codecs.generate.modes import modes_of
from ..core.audio import Audio
from ..core.errors import RecipeError, UsageError
from ..core.weights import Card
from .recipe import GeneratorEntry


class Piece(Protocol):
    """Sound through a model, whose own it is from second `start` on."""

    @property
    def audio(self) -> Audio: ...
    @property
    def start(self) -> float: ...


class Span(Piece, Protocol):
    """As long as the original; the model's own up to second `end`."""

    @property
    def end(self) -> float: ...


class Generator(Protocol):
    """What is asked of a generator; `codecs.generate.modes.Modes` is one. Failures are EarwitnessErrors."""

    def speak(self, text: str, prompt: Audio, seed: int) -> Audio:
        """`text` in the voice of a recording."""
        ...

    def infill(self, audio: Audio, text: str, seed: int) -> Span:
        """All of `audio`, which says `text`, through the codec, a span of it spoken again."""
        ...

    def resample(self, audio: Audio, text: str, seed: int) -> Span:
        """All of `audio`, every code drawn again."""
        ...

    def go_on(self, audio: Audio, seconds: float, seed: int) -> Piece:
        """All of `audio` through the codec, and `seconds` of what may follow."""
        ...


OpenGenerator = Callable[[str], Generator]
"""Name or folder -> generator. For a process pool it must be picklable."""


@lru_cache(maxsize=2)
def opened(open_generator: OpenGenerator, name: str) -> Generator:
    """It, kept open within this process."""
    return open_generator(name)


@dataclass(frozen=True)
class Ready:
    """A recipe's entry whose generator is there. name: by which it is opened."""

    entry: GeneratorEntry
    name: str
    card: Card
    trained_on: frozenset[str]

    @property
    def system(self) -> str:
        """The label of its fakes."""
        return f"{self.card.name}/{self.entry.mode}"

    @property
    def weights(self) -> str:
        """Their sha256."""
        return str(self.card.files["safetensors"]["sha256"])


def ready(entries: Sequence[GeneratorEntry], folder: Path, open_generator: OpenGenerator) -> list[Ready]:
    """The entries with their generators, looked for in `folder`, then among the installed.

    Raises, before any work, RecipeError for a generator that is not known or a mode that it does not have,
    WeightsError for an untrained one, MissingPart without torch.
    """
    found = []
    for entry in entries:
        name = str(folder / entry.name) if (folder / entry.name).is_dir() else entry.name
        try:
            card = registry.find(name)
        except UsageError as error:
            raise RecipeError(f"fakes.generators: {error}") from error
        if entry.mode not in modes_of(card):
            has = ", ".join(modes_of(card))
            raise RecipeError(f"fakes.generators: {entry.name!r} has no mode {entry.mode!r}; it has: {has}.")
        opened(open_generator, name)
        found.append(Ready(entry, name, card, registry.trained_on(card)))
    return found


def licences(generators: Sequence[Ready]) -> dict[str, str]:
    """Of the weights behind each system."""
    return {one.system: one.card.licence for one in generators}
