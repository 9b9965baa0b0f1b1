"""What a protocol file says of one recording, and the errors that all readers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...core.errors import DataError

# Lines of a file that a format is recognised by.
LOOKED_AT = 200


class Line(NamedTuple):
    """A line of a protocol file, without its end (LF or CRLF), numbered from 1; empty ones are left out."""

    number: int
    text: str


@dataclass(frozen=True)
class Trial:
    """One recording of a protocol.

    file: as the protocol names it, with or without folders and suffix. traits: of the fake (system, vocoder ...),
    empty for bona fide. conditions: what was done to recordings of both classes (codec, transmission ...). subset: ""
    where the corpus has none in its file.
    """

    file: str
    synthetic: bool
    speaker: str = ""
    traits: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    subset: str = ""


@dataclass(frozen=True)
class Protocol:
    """The trials of a protocol file; `quoted` is the subset that results are to be quoted on ("": all of it)."""

    format: str
    trials: tuple[Trial, ...]
    quoted: str = ""


class Format(NamedTuple):
    """fits: whether the first lines look like it. parse: trials of all lines, in order; raises DataError."""

    name: str
    fits: Callable[[Sequence[Line]], bool]
    parse: Callable[[Iterable[Line], str], Iterator[Trial]]
    quoted: str = ""


def label(text: str, labels: Mapping[str, bool], where: str) -> bool:
    """Whether a label string means synthetic. Raises DataError that names line and string."""
    if text not in labels:
        known = " or ".join(map(repr, labels))
        raise DataError(f"{where}: the label must be {known}, not {text!r}.")
    return labels[text]


def place(name: str, line: Line) -> str:
    """How errors call a line."""
    return f"{name}, line {line.number}"
