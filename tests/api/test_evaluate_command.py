"""earwitness evaluate: labelled scores in, error rates out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

Run = Callable[..., "CompletedProcess[str]"]


def rows(count: int = 200) -> list[dict[str, Any]]:
    """Scores of two normal distributions 2 apart: EER 15.9 %; ten clips a speaker; two kinds of fakes."""
    draw = np.random.default_rng(5)
    made = []
    for number in range(count):
        spoof = number % 2 == 1
        made.append(
            {
                "path": f"{number}.wav",
                "label": "spoof" if spoof else "bonafide",
                "score": float(draw.normal(1 if spoof else -1)),
                "cluster": f"speaker {number // 10}",
                "kind": ("tts" if number % 4 == 1 else "codec") if spoof else "",
            }
        )
    return made


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "scores.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows()[0]))
        writer.writeheader()
        writer.writerows(rows())
    return file


def test_numbers_are_right_and_an_interval_holds_them(run: Run, table: Path) -> None:
    done = run("evaluate", table, "--json", "-")
    assert done.returncode == 0, done.stderr
    everything, *kinds = [json.loads(line) for line in done.stdout.splitlines()]
    assert everything["group"] == "all" and (everything["genuine"], everything["synthetic"]) == (100, 100)
    assert everything["clusters"] == 20 and 0.08 < everything["eer"] < 0.24
    assert everything["eer_low"] < everything["eer"] < everything["eer_high"]
    assert everything["min_dcf"] <= everything["act_dcf"] and 0 < everything["cllr"] < 1
    assert [kind["group"] for kind in kinds] == ["kind codec", "kind tts"]
    assert all((kind["genuine"], kind["synthetic"]) == (100, 50) for kind in kinds)


def test_json_lines_and_csv_give_the_same(run: Run, table: Path, tmp_path: Path) -> None:
    lines = tmp_path / "scores.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    assert run("evaluate", lines, "--json", "-").stdout == run("evaluate", table, "--json", "-").stdout


def test_the_table_for_people(run: Run, table: Path) -> None:
    lines = run("evaluate", table).stdout.splitlines()
    assert lines[0].startswith("group") and lines[1].startswith("all") and len(lines) == 4


def test_rows_without_an_answer_are_counted_and_left_out(run: Run, tmp_path: Path) -> None:
    made = [*rows(), {"path": "a", "label": "spoof", "score": None}]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    result = json.loads(run("evaluate", tmp_path / "s.jsonl", "--json", "-").stdout.splitlines()[0])
    assert (result["unanswered"], result["synthetic"]) == (1, 100)


def test_a_codec_has_a_line_of_its_own_with_both_classes(run: Run, tmp_path: Path) -> None:
    made = [{**row, "codec": "opus" if number % 3 else "none"} for number, row in enumerate(rows())]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    lines = run("evaluate", tmp_path / "s.jsonl", "--draws", "0", "--json", "-").stdout.splitlines()
    found = {row["group"]: row for row in map(json.loads, lines)}
    assert (found["codec none"]["genuine"], found["codec none"]["synthetic"]) == (34, 33)
    assert found["codec opus"]["genuine"] + found["codec none"]["genuine"] == 100
    assert found["all"]["eer_low"] is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("path,label,score\na,spoof,1\nb,real,0\n", "line 3"),
        ("path,label,score\na,spoof,high\n", "line 2"),
        ("path,label,score\na,spoof,inf\n", "not finite"),
        ("path,label\na,spoof\n", "no score"),
        ("path,label,score\n", "no row"),
        ("path,label,score\na,spoof,1\nb,bonafide,0\na,spoof,2\n", "line 4: 'a' was scored before"),
        ("path,label,score\na,spoof,1\n", "genuine"),
        ("", "no row"),
    ],
)
def test_a_wrong_file_is_a_sentence(run: Run, tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "s.csv").write_text(text)
    done = run("evaluate", tmp_path / "s.csv")
    assert (done.returncode, done.stdout) == (2, "") and word in done.stderr, done.stderr


def test_an_absent_or_binary_file_is_a_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_bytes(b"\xff\x00")
    for name in ("s.jsonl", "absent.csv"):
        done = run("evaluate", tmp_path / name)
        assert done.returncode == 2 and name in done.stderr
