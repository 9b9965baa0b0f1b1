"""Hostile text stays text, wherever it is shown."""

from __future__ import annotations

import csv
import io
import os
import unicodedata

import pytest
from earwitness.core.text import csv_cell, printable
from hypothesis import given
from hypothesis import strategies as st

ANY = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain name.wav", "plain name.wav"),
        *((same, same) for same in ("한국어", "é e\u0301 Łódź 日本 سلام", "می\u200cخواهم", "👩\u200d🚀")),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("two\nlines\r\ttab\x7f\x9b1m\0", "two\\x0alines\\x0d\\x09tab\\x7f\\x9b1m\\x00"),
        ("gpj.\u202eexe\u2066x\u200e", "gpj.\\u202eexe\\u2066x\\u200e"),
        ("a\u200bb\ufeffc\xadd\u2028e", "a\\u200bb\\ufeffc\\xadd\\u2028e"),
        (os.fsdecode(b"\xff\xfe"), "\\xff\\xfe"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("[red]markup[/red]", "[red]markup[/red]"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY)
def test_nothing_steers_and_everything_encodes(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(shown)
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1"]
)
def test_formulas_are_only_shown(text: str) -> None:
    assert csv_cell(text) == "'" + text


@given(ANY)
def test_cells_survive_but_for_the_mark(text: str) -> None:
    cell = csv_cell(printable(text))
    file = io.StringIO(newline="")
    csv.writer(file).writerow([cell, "next"])
    read = next(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert read == [cell, "next"]
    assert cell.removeprefix("'") == printable(text) or cell == printable(text)
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@"))
