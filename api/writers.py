"""Where records go: JSON Lines and CSV, to a file that appears whole or to standard output line by line."""

from __future__ import annotations

import contextlib
import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from ..core.errors import UsageError
from ..core.files import replacing
from ..core.text import csv_cell, printable
from .schemas import Failed, MarkResult, Scanned, Span, SyntheticSpan, line

COLUMNS = (
    "path",
    "seconds",
    "decision",
    "score",
    "probability",
    "prior",
    "track",
    "channel",
    "reasons",
    "warnings",
    "spans",
    "synthetic_spans",
    "model",
    "error",
)
Record = Scanned | Failed


@contextlib.contextmanager
def opened(target: str) -> Iterator[TextIO]:
    """A text stream: standard output for "-", else a UTF-8 file that appears whole at the end.

    What exists and is no regular file (a pipe, /dev/null) is written to directly. Raises UsageError when the
    place cannot be written.
    """
    if target == "-":
        yield sys.stdout
        return
    path = Path(target)
    with contextlib.ExitStack() as stack:
        try:
            special = path.exists() and not path.is_file()
            place = path if special else stack.enter_context(replacing(path))
            file = stack.enter_context(open(place, "w", encoding="utf-8", newline=""))
        except OSError as error:
            raise UsageError(f"Cannot write {target!r}: {error.strerror}.") from error
        yield file


def json_writer(stream: TextIO) -> Callable[[Record], None]:
    """Writes one JSON object a line, flushed, so that a reader at the other end sees it at once."""

    def write(record: Record) -> None:
        stream.write(line(record) + "\n")
        stream.flush()

    return write


def csv_writer(stream: TextIO, *, marks: bool = False) -> Callable[[Record], None]:
    """Writes one CSV row a record after a header, with a column `marks` if asked.

    No text cell can start a formula in a spreadsheet.
    """
    rows = csv.writer(stream, lineterminator="\n")
    columns = (*COLUMNS, "marks") if marks else COLUMNS
    rows.writerow(columns)

    def write(record: Record) -> None:
        cells = _cells(record)
        rows.writerow([cells.get(column) for column in columns])
        stream.flush()

    return write


def _cells(record: Record) -> dict[str, str | float | None]:
    if isinstance(record, Failed):
        return {"path": _text(record.path), "error": _text(record.error)}
    result = record.result
    return {
        "path": _text(record.path),
        "seconds": result.seconds,
        "decision": result.decision,
        "score": result.score,
        "probability": result.probability,
        "prior": result.prior,
        "track": result.track,
        "channel": result.channel,
        "reasons": _text("; ".join(result.reasons)),
        "warnings": _text("; ".join(result.warnings)),
        "spans": _spans(result.spans),
        "synthetic_spans": _spans(result.synthetic_spans),
        "model": _text(" ".join(result.model.values())),
        "marks": _marks(record.marks),
    }


def _spans(spans: Sequence[Span | SyntheticSpan]) -> str:
    return " ".join(f"{span.start:g}-{span.end:g}:{span.score:.3f}" for span in spans)


def _marks(marks: MarkResult | None) -> str:
    """The verdict, and what backs it."""
    if marks is None:
        return ""
    backing = {"p_value": f"{marks.p_value:.3g}", "key_id": marks.key_id, "record": marks.record}
    return _text(" ".join([marks.verdict, *(f"{name}={value}" for name, value in backing.items() if value)]))


def _text(text: str) -> str:
    """A cell that neither a terminal nor a spreadsheet can be steered by; JSON Lines hold the exact name."""
    return csv_cell(printable(text))
