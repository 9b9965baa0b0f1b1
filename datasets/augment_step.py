"""What a step of an augmentation chain is: a small frozen dataclass that changes sound and has a textual form."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import ClassVar, Self, get_type_hints

import numpy as np

from ..core.audio import Audio
from ..core.errors import DataError

_TEXT = re.compile(r"([a-z]+)\(([^()]*)\)")
_WORD = re.compile(r"[A-Za-z0-9._+-]+")

Beds = Mapping[str, Audio]
"""Recorded noise and music by name, to be laid under speech."""


@dataclass(frozen=True)
class Step(ABC):
    """Base of all steps. Fields are float, int or str; strings are one word of letters, digits and . _ + -"""

    kinds: ClassVar[dict[str, type[Step]]] = {}

    def __init_subclass__(cls) -> None:
        cls.kinds[cls.__name__.lower()] = cls

    def __post_init__(self) -> None:
        for name, kind in _types(type(self)).items():
            value = getattr(self, name)
            if kind is str and not _WORD.fullmatch(value):
                raise DataError(f"{value!r} cannot be the {name} of the augmentation step {self.kind()!r}.")
            if kind is float and not np.isfinite(value):
                raise DataError(f"The {name} of the augmentation step {self.kind()!r} must be a finite number.")
        if reason := self.wrong():
            raise DataError(f"The augmentation step {self} cannot be: {reason}.")

    @classmethod
    def kind(cls) -> str:
        return cls.__name__.lower()

    def wrong(self) -> str:
        """Why the values make no sense, "" when they do."""
        return ""

    @abstractmethod
    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        """The changed sound: same rate, length and channels. All chance comes from `rng`."""

    def __str__(self) -> str:
        values = (f"{name}={_shown(getattr(self, name), kind)}" for name, kind in _types(type(self)).items())
        return f"{self.kind()}({','.join(values)})"

    @classmethod
    def parse(cls, text: str) -> Step:
        """A step from its textual form. Raises DataError for anything else."""
        match = _TEXT.fullmatch(text.strip())
        if match is None or match[1] not in cls.kinds:
            raise DataError(f"{text!r} is not an augmentation step; known: {', '.join(sorted(cls.kinds))}.")
        return cls.kinds[match[1]]._of(dict(pair.partition("=")[::2] for pair in match[2].split(",") if pair), text)

    @classmethod
    def _of(cls, given: Mapping[str, str], text: str) -> Self:
        types = _types(cls)
        if set(given) != set(types):
            raise DataError(f"{text!r}: the step {cls.kind()!r} has the values {', '.join(types) or 'none'}.")
        try:
            return cls(**{name: kind(given[name]) for name, kind in types.items()})
        except ValueError as error:
            raise DataError(f"{text!r} holds a value that is not a number.") from error


def rms(samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    """Root mean square over all channels; 0 for nothing."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0


@cache
def _types(cls: type[Step]) -> dict[str, type]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}


def _shown(value: object, kind: type) -> str:
    return repr(float(value)) if kind is float else str(value)  # type: ignore[arg-type]
