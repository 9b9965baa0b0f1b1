"""Records as JSON Lines and CSV, and where they are written."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path

import pytest
from earwitness.api.schemas import Failed, Result, Scanned, from_failure, from_verdict, line, text_path
from earwitness.api.table import scan_row, summary
from earwitness.api.writers import COLUMNS, Record, csv_writer, opened
from earwitness.core.errors import UsageError
from earwitness.detect.verdict import Failure, Span, Verdict
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

VERDICT = Verdict(
    decision="synthetic",
    score=2.5,
    probability=0.92,
    prior=0.5,
    seconds=3.25,
    reasons=("it sounds like synthesis",),
    spans=(Span(0.0, 1.5, 0.5), Span(1.5, 3.25, 4.0)),
    warnings=("only 2 s of speech",),
    model={"name": "toy", "version": "1"},
    channel=1,
    path="a.wav",
)
SCANNED = Scanned(path="a.wav", result=from_verdict(VERDICT))


@given(st.text())
def test_a_line_is_one_printable_line_that_any_parser_reads_back(name: str) -> None:
    text = line(Failed(path=name.encode("utf-8", "replace").decode(), error=""))
    assert text.isprintable()
    assert json.loads(text)["path"] == name.encode("utf-8", "replace").decode()


def test_text_beyond_unicode_is_written_out() -> None:
    assert text_path(os.fsdecode(b"a\xff.wav")) == r"a\xff.wav"
    assert json.loads(line(from_failure(Failure(os.fsdecode(b"a\xff"), "no \udcff")))) == {
        "path": r"a\xff",
        "error": r"no \udcff",
    }


def test_a_verdict_becomes_the_public_record() -> None:
    record = json.loads(line(from_verdict(VERDICT)))
    assert record["score"] == 2.5 and record["channel"] == 1 and record["model"] == {"name": "toy", "version": "1"}
    assert record["spans"][1] == {"start": 1.5, "end": 3.25, "score": 4.0}


def test_the_schema_refuses_what_no_reader_could_use() -> None:
    good = from_verdict(VERDICT).model_dump()
    for member, value in [("score", float("nan")), ("probability", 1.5), ("prior", 0.0), ("decision", "guilty")]:
        with pytest.raises(ValidationError):
            Result.model_validate({**good, member: value})


def test_csv_has_a_cell_for_each_column() -> None:
    stream = io.StringIO()
    write = csv_writer(stream)
    write(SCANNED)
    write(Failed(path="+b\x1b.wav", error="=HYPERLINK()"))
    first, second = csv.DictReader(io.StringIO(stream.getvalue()))
    assert set(first) == set(COLUMNS)
    assert first["spans"] == "0-1.5:0.500 1.5-3.25:4.000" and first["warnings"] == "only 2 s of speech"
    assert second["path"] == r"'+b\x1b.wav" and second["error"] == "'=HYPERLINK()" and second["score"] == ""


def test_the_table_names_the_loudest_stretch_and_counts_decisions() -> None:
    records: list[Record] = [SCANNED, Failed(path="b", error="broken")]
    assert scan_row(records[0]) == (
        "a.wav",
        "3.2",
        "synthetic",
        "+2.50",
        "92%",
        "it sounds like synthesis; only 2 s of speech; strongest at 1.5-3.2 s",
    )
    assert summary(records) == "2 files: 1 synthetic, 1 could not be read."


def test_a_file_appears_only_when_all_is_written(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), opened(str(tmp_path / "out.jsonl")) as stream:
        stream.write("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_to_and_never_replaced() -> None:
    with opened(os.devnull) as stream:
        stream.write("gone")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "out.csv", tmp_path):
        with pytest.raises(UsageError, match="Cannot write"), opened(str(place)):
            pass
