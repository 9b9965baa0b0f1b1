"""Marks in words, for tables that people read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from .schemas import Failed, MarkResult, MarkVerdict, Verified, VerifiedBand

MARK_HEADER = ("file", "sec", "verdict", "p", "marked", "record", "speed", "why")
RECORD_HEADER = ("record", "created", "key", "sec", "strength", "claims")
WORDS: dict[MarkVerdict, str] = {
    "marked": "marked",
    "marked_content_differs": "marked, other content",
    "marked_unknown_record": "marked, record unknown",
    "fingerprint_only": "known content, no mark",
    "no_evidence": "no mark found",
    "inconclusive": "inconclusive",
}
# A table shows this many spans; the JSON holds all.
_SPANS = 3


def mark_row(record: Verified | VerifiedBand | Failed) -> tuple[str, ...]:
    """The cells of MARK_HEADER for one file."""
    if isinstance(record, Failed):
        return (record.path, "", "error", "", "", "", "", record.error)
    if isinstance(record, VerifiedBand):
        cells = (record.path, f"{record.seconds:.1f}", WORDS[record.verdict], f"p {record.p_value_band}")
        return (*cells, "", "", "", "The server tells the evidence to the mark's owner only.")
    return (
        record.path,
        f"{record.seconds:.1f}",
        WORDS[record.verdict],
        p_words(record.p_value),
        _spans(record),
        record.record or "",
        _speed(record),
        "; ".join([*record.reasons, *_edits(record), *record.warnings]),
    )


def mark_cell(marks: MarkResult | None) -> str:
    """A mark in one cell, beside a score."""
    if marks is None:
        return ""
    found = marks.record or (marks.key_id and f"key {marks.key_id}")
    return " ".join(part for part in (WORDS[marks.verdict], _certain(marks), found) if part)


def mark_summary(records: Sequence[Verified | VerifiedBand | Failed]) -> str:
    """One line that counts the verdicts, and says what an absent mark does not mean."""
    counts = Counter("error" if isinstance(record, Failed) else record.verdict for record in records)
    parts = [f"{counts[verdict]} {words}" for verdict, words in WORDS.items() if counts[verdict]]
    if counts["error"]:
        parts.append(f"{counts['error']} could not be read")
    line = f"{len(records)} file{'s' if len(records) != 1 else ''}: {'; '.join(parts)}."
    if counts["no_evidence"]:
        line += " No mark says nothing about where a sound comes from."
    return line


def p_words(p_value: float) -> str:
    """A bound as people read it, rounded up: "p <= 3e-9"; what is no evidence at all stays empty."""
    if p_value >= 0.1:
        return ""
    exponent = math.floor(math.log10(p_value))
    digit = math.ceil(p_value / 10.0**exponent - 1e-9)
    return f"p <= {digit}e{exponent}" if digit < 10 else f"p <= 1e{exponent + 1}"


def _certain(marks: MarkResult) -> str:
    return p_words(marks.p_value) if marks.key_id else ""


def _spans(record: MarkResult) -> str:
    shown = [f"{span.start:.1f}-{span.end:.1f} s" for span in record.spans[:_SPANS]]
    more = len(record.spans) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _speed(record: MarkResult) -> str:
    if not record.key_id:
        return ""
    parts = [f"{record.speed:g}"] if record.speed != 1 or record.tempo == record.pitch == 1 else []
    parts += [f"tempo {record.tempo:g}"] if record.tempo != 1 else []
    parts += [f"pitch {record.pitch:g}"] if record.pitch != 1 else []
    return ", ".join(parts)


def _edits(record: MarkResult) -> list[str]:
    return [f"{edit.kind} of {edit.seconds:.1f} s at {edit.at:.1f} s" for edit in record.edits[:_SPANS]]
