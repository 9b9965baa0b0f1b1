"""Opening a protocol file: which format it has, its trials, each recording once."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from ...core.errors import DataError, UsageError
from .asvspoof import ASVSPOOF
from .others import OTHERS
from .trial import LOOKED_AT, Format, Line, Protocol, Trial

FORMATS: dict[str, Format] = {known.name: known for known in (*ASVSPOOF, *OTHERS)}


def read(path: Path | str, format: str | None = None) -> Protocol:
    """The trials of a protocol file, or of every `meta.csv` below a folder (MLAAD, In-the-Wild).

    format: a name of FORMATS; without one it is recognised from the file's first lines, and no or more than one
    fitting format is an error. Raises UsageError for an unknown format, and DataError that names line and string for
    a label that is not the format's, a line of another size, a recording that is listed twice, and an empty file.
    """
    if format is not None and format not in FORMATS:
        raise UsageError(f"There is no protocol format {format!r}; known: {', '.join(FORMATS)}.")
    root = Path(path)
    files = sorted(root.rglob("meta.csv")) if root.is_dir() else [root]
    if not files:
        raise DataError(f"There is no meta.csv below {str(root)!r}; name the protocol file itself.")
    protocols = [_read(file, format) for file in files]
    if len({protocol.format for protocol in protocols}) > 1:
        raise DataError(f"The files below {str(root)!r} are of different formats; name one of them.")
    return replace(protocols[0], trials=tuple(trial for protocol in protocols for trial in protocol.trials))


def _read(file: Path, name: str | None) -> Protocol:
    try:
        start = list(islice(_lines(file), LOOKED_AT))
        if not start:
            raise DataError(f"The protocol {str(file)!r} is empty.")
        chosen = FORMATS[name] if name is not None else _recognised(start, file)
        return Protocol(chosen.name, tuple(_once(chosen, file)), chosen.quoted)
    except OSError as error:
        raise DataError(f"The protocol {str(file)!r} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The protocol {str(file)!r} is not text: {error}.") from error


def _lines(file: Path) -> Iterator[Line]:
    with open(file, encoding="utf-8-sig") as stream:  # universal newlines: some of the corpora have CRLF
        for number, text in enumerate(stream, 1):
            if text.strip():
                yield Line(number, text.rstrip("\n"))


def _recognised(lines: list[Line], file: Path) -> Format:
    fitting = [known for known in FORMATS.values() if known.fits(lines)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " or ".join(known.name for known in fitting)
        raise DataError(f"The protocol {str(file)!r} can be {names}; say which with --format.")
    raise DataError(
        f"The protocol {str(file)!r} looks like none of {', '.join(FORMATS)}; if it is one of them, say which with "
        "--format, and its first wrong line will be named."
    )


def _once(chosen: Format, file: Path) -> Iterator[Trial]:
    seen: set[str] = set()
    for trial in chosen.parse(_lines(file), file.name):
        if trial.file in seen:
            raise DataError(f"The protocol {file.name!r} lists {trial.file!r} twice.")
        seen.add(trial.file)
        yield trial
