"""Tables for people: boxes and colours on a terminal, the same columns as plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.text import printable
from .schemas import Failed
from .writers import Record

_COLOURS = {"synthetic": "bold red", "genuine": "green", "inconclusive": "yellow", "error": "magenta"}
_PLAIN_WIDTH = 100_000  # nothing is wrapped or cut for a pipe
# Nats below which a part is not worth a word.
LEAST_PART = 0.05
SCAN_HEADER = ("file", "sec", "decision", "score", "prob", "why")


def show(header: Sequence[str], rows: Iterable[Sequence[str]], stream: TextIO | None = None) -> None:
    """Print a table to `stream` (default: standard output). Cells are text, never markup, and cleaned here."""
    target = sys.stdout if stream is None else stream
    terminal = target.isatty()
    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=False, header_style="bold")
    for name in header:
        table.add_column(name, overflow="fold", no_wrap=not terminal)
    for row in rows:
        table.add_row(*(Text(printable(cell), style=_COLOURS.get(cell, "")) for cell in row))
    if terminal:
        Console(file=target).print(table)
        return
    console = Console(file=target, width=_PLAIN_WIDTH, no_color=True)
    with console.capture() as captured:
        console.print(table)
    target.writelines(f"{text.rstrip()}\n" for text in captured.get().splitlines())


def scan_row(record: Record) -> tuple[str, ...]:
    """The cells of SCAN_HEADER for one record."""
    if isinstance(record, Failed):
        return (record.path, "", "error", "", "", record.error)
    result = record.result
    why = [*result.reasons, *result.warnings]
    if result.spans and result.decision == "synthetic":
        loudest = max(result.spans, key=lambda span: span.score)
        why.append(f"strongest at {loudest.start:.1f}-{loudest.end:.1f} s")
    return (
        record.path,
        f"{result.seconds:.1f}",
        result.decision,
        "" if result.score is None else f"{result.score:+.2f}",
        "" if result.probability is None else f"{result.probability:.0%}",
        "; ".join(why),
    )


def explanations(records: Sequence[Record]) -> list[str]:
    """For each explained record a line with what spoke for synthetic most, and what against it."""
    lines = []
    for record in records:
        if isinstance(record, Failed) or not record.explanation:
            continue
        sides = [[part for part in record.explanation if sign * part.nats >= LEAST_PART] for sign in (1, -1)]
        told = [", ".join(f"{part.name} {part.nats:+.2f}" for part in side[:3]) or "nothing much" for side in sides]
        lines.append(f"{printable(record.path)}: for synthetic {told[0]}; against {told[1]}.")
    return lines


def summary(records: Sequence[Record]) -> str:
    """One line that counts the decisions."""
    counts = Counter("error" if isinstance(record, Failed) else record.result.decision for record in records)
    parts = [f"{counts[name]} {name}" for name in ("synthetic", "inconclusive", "genuine") if counts[name]]
    if counts["error"]:
        parts.append(f"{counts['error']} could not be read")
    return f"{len(records)} file{'s' if len(records) != 1 else ''}: {', '.join(parts)}."
