"""Files of scores: ours (CSV, JSON Lines, the output of a scan) and the text files that others publish."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ..core.errors import DataError, UsageError
from .choices import HigherIs

NAMES = ("path", "file", "filename", "file_name")
SCORES = ("score", "cm-score", "cm_score")


@dataclass(frozen=True)
class ScoreRow:
    """One row: score in nats, above 0 for synthetic (None: the detector had no answer), and its other columns.

    where: the row's place, for errors.
    """

    path: str
    score: float | None
    columns: Mapping[str, Any]
    where: str


def read_scores(file: Path, higher_is: HigherIs | None = None) -> list[ScoreRow]:
    """Rows of a score file; where high means bona fide, the sign is turned.

    Read are JSON Lines with path and score, the output of `scan --json` (a file without a score has no answer), CSV
    or tab-separated columns with a header (path, file or filename; score or cm-score), and lines without a header:
    `name score`, `name score label` (Codecfake) or `name attack key score` (AASIST's tools). higher_is: must be given
    for files with cm-score or without a header, which say it nowhere; others hold our scores unless told otherwise.
    Raises DataError that names the line, and UsageError when the direction is not known.
    """
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            ours, rows = _opened(stream, file)
            found = list(rows)
    except OSError as error:
        raise DataError(f"The scores {str(file)!r} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise DataError(f"The scores {str(file)!r} are neither CSV nor JSON Lines: {error}.") from error
    if not found:
        raise DataError(f"The scores {str(file)!r} hold no row.")
    if higher_is is None and not ours:
        raise UsageError(
            f"{str(file)!r} does not say whether its high scores mean bona fide (as ASVspoof's do) or synthetic: add "
            "--higher-is bonafide or --higher-is synthetic (--against-higher-is for the other file)."
        )
    sign = -1.0 if higher_is == HigherIs.BONAFIDE else 1.0
    return [
        ScoreRow(row.path, None if row.score is None else sign * row.score, row.columns, row.where) for row in found
    ]


def _opened(stream: TextIO, file: Path) -> tuple[bool, Iterator[ScoreRow]]:
    """Whether the file is of our own kind, and its rows with the scores as they stand there."""
    first = stream.readline()
    stream.seek(0)
    suffix = file.suffix.lower()
    if suffix == ".csv" or (suffix == ".tsv" and "\t" in first) or first.split("\t")[0].strip() in NAMES:
        header = first.strip("\r\n").split("\t" if "\t" in first else ",")
        return "cm-score" not in header and "cm_score" not in header, _table(stream, file, "\t" in first)
    if suffix not in (".jsonl", ".json", ".ndjson") and first.strip() and not first.lstrip().startswith("{"):
        return False, _plain(stream, file)
    return True, _json(stream, file)


def _table(stream: TextIO, file: Path, tabs: bool) -> Iterator[ScoreRow]:
    reader = csv.DictReader(stream, delimiter="\t" if tabs else ",")
    for row in reader:
        yield _row(row, f"{file.name}, line {reader.line_num}")


def _json(stream: TextIO, file: Path) -> Iterator[ScoreRow]:
    for number, text in enumerate(stream, 1):
        if text.strip():
            row = json.loads(text)
            if not isinstance(row, dict):
                raise DataError(f"Line {number} of the scores is not a JSON object.")
            where = f"{file.name}, line {number}"
            if isinstance(row.get("result"), dict):  # of a scan
                row = {**row, "score": row["result"].get("score")}
            elif "error" in row:
                row = {**row, "score": None}
            yield _row(row, where)


def _plain(stream: TextIO, file: Path) -> Iterator[ScoreRow]:
    for number, text in enumerate(stream, 1):
        fields, where = text.split(), f"{file.name}, line {number}"
        if not fields:
            continue
        columns: dict[str, str] = {}
        if len(fields) == 3:
            columns = {"label": fields[2]}
        elif len(fields) == 4:
            columns = {"system": fields[1] if fields[1] != "-" else "", "label": fields[2]}
        elif len(fields) != 2:
            raise DataError(f"{where}: a line without a header is 'name score', not {len(fields)} fields.")
        yield ScoreRow(fields[0], number_of(fields[3 if len(fields) == 4 else 1], where), columns, where)


def _row(row: Mapping[str, Any], where: str) -> ScoreRow:
    path = _first(row, NAMES)
    column = next((name for name in SCORES if name in row), None)
    if column is None:
        raise DataError(f"{where}: there is no score.")
    return ScoreRow(str(path or ""), number_of(row[column], where), row, where)


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if name in row), None)


def number_of(score: Any, where: str) -> float | None:
    """A finite score, or None for an empty cell. Raises DataError."""
    if score in (None, ""):
        return None
    try:
        value = float(score)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: the score {score!r} is not a number.") from error
    if not math.isfinite(value):
        raise DataError(f"{where}: the score {score!r} is not finite.")
    return value
