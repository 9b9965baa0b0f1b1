"""What the neural engines here have in common: pinned files of a package, and phonemes by espeak-ng."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from ...core.errors import MissingPart
from . import phonemes
from .pins import Pins


@dataclass(frozen=True)
class PinnedEngine(ABC):
    """The part of `protocol.Engine` that says what is missing."""

    pins: Pins
    name: str

    @property
    def pin(self) -> str:
        """Names all pinned files."""
        return self.pins.pin

    def missing(self, voices: Sequence[str] = ()) -> str:
        """What to install, as a sentence."""
        if sentence := self.pins.missing():
            return sentence
        return "" if phonemes.present() else f"The engine {self.name!r} needs {phonemes.ADVICE}."

    def check(self, voices: Sequence[str] = ()) -> None:
        """Raise MissingPart, WeightsError or UsageError; reads and hashes every file."""
        if sentence := self.missing():
            raise MissingPart(sentence)
        for name in voices:
            self._chosen(name)
        self._read()

    @abstractmethod
    def _chosen(self, name: str) -> object:
        """The voice of that name. Raises UsageError."""

    @abstractmethod
    def _read(self) -> None:
        """Read every file, checked."""
