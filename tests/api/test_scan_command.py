"""earwitness scan: outputs, order, exit codes, and hostile names in each output."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from earwitness.core.audio import save

Run = Callable[..., "CompletedProcess[str]"]
SCAN = ("scan", "--detector", "loud")
MEMBERS = {"seconds", "score", "probability", "prior", "decision", "reasons", "spans", "warnings", "model"}


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def names(text: str) -> list[str]:
    return [Path(record["path"]).name for record in records(text)]


def test_json_lines_hold_a_verdict_or_an_error_for_each_file(run: Run, toys: Path, recordings: Path) -> None:
    done = run(*SCAN, recordings, "--json", "-")
    assert (done.returncode, done.stderr) == (0, "")
    broken, loud, quiet = records(done.stdout)
    assert set(broken) == {"path", "error"} and "not" in broken["error"]
    assert set(loud) == {"path", "result"}
    loud, quiet = loud["result"], quiet["result"]
    assert set(loud) >= MEMBERS
    assert (loud["decision"], quiet["decision"]) == ("synthetic", "genuine")
    assert loud["score"] > 0 > quiet["score"] and loud["seconds"] == 1.0 and loud["prior"] == 0.5
    assert [set(span) for span in loud["spans"]] == [{"start", "end", "score"}]
    assert loud["reasons"] and loud["model"]["name"] == "loud"


def test_no_answer_is_null_with_a_reason(run: Run, toys: Path, tone: Any, tmp_path: Path) -> None:
    save(tmp_path / "silent.wav", tone(level=0.0))
    record = records(run(*SCAN, tmp_path / "silent.wav", "--json", "-").stdout)[0]["result"]
    assert record["score"] is None and record["probability"] is None and record["decision"] == "inconclusive"
    assert record["reasons"]


def test_output_keeps_the_order_of_the_paths_with_any_number_of_workers(
    run: Run, toys: Path, recordings: Path
) -> None:
    paths = [recordings / name for name in ("quiet.flac", "broken.wav", "loud.wav")]
    one = run(*SCAN, *paths, "--json", "-")
    two = run(*SCAN, *paths, "--json", "-", "--workers", "2")
    assert names(one.stdout) == ["quiet.flac", "broken.wav", "loud.wav"]
    assert one.stdout == two.stdout


def test_without_json_there_is_a_plain_table_without_colours(run: Run, toys: Path, recordings: Path) -> None:
    done = run(*SCAN, recordings)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["file", "sec", "decision", "score", "prob", "why"]
    assert "synthetic" in lines[2] and str(recordings / "loud.wav") in lines[2]
    assert lines[-1] == "3 files: 1 synthetic, 1 genuine, 1 could not be read."
    assert "\x1b" not in done.stdout and done.stderr == ""


def test_files_are_written_whole_and_the_table_is_still_shown(
    run: Run, toys: Path, recordings: Path, tmp_path: Path
) -> None:
    done = run(*SCAN, recordings, "--json", tmp_path / "a.jsonl", "--csv", tmp_path / "a.csv")
    assert "synthetic" in done.stdout
    assert names((tmp_path / "a.jsonl").read_text()) == ["broken.wav", "loud.wav", "quiet.flac"]
    rows = list(csv.DictReader((tmp_path / "a.csv").open(newline="")))
    assert [row["decision"] for row in rows] == ["", "synthetic", "genuine"]
    assert float(rows[2]["score"]) < 0  # a negative number stays a number
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.jsonl", "recordings"]


def test_quiet_prints_nothing(run: Run, toys: Path, recordings: Path) -> None:
    done = run(*SCAN, recordings, "--quiet")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    ("files", "conditions", "code"),
    [
        (["loud.wav"], ["synthetic"], 1),
        (["loud.wav"], ["inconclusive", "error"], 0),
        (["quiet.flac"], ["synthetic", "inconclusive", "error"], 0),
        (["quiet.flac", "broken.wav"], ["error"], 1),
        (["quiet.flac", "broken.wav"], ["synthetic"], 1),
        (["quiet.flac", "broken.wav", "loud.wav"], [], 0),
    ],
)
def test_fail_on_gives_exit_code_1(
    run: Run, toys: Path, recordings: Path, files: list[str], conditions: list[str], code: int
) -> None:
    options = [option for condition in conditions for option in ("--fail-on", condition)]
    assert run(*SCAN, *(recordings / name for name in files), *options).returncode == code


def test_fail_on_inconclusive(run: Run, toys: Path, tone: Any, tmp_path: Path) -> None:
    save(tmp_path / "silent.wav", tone(level=0.0))
    assert run(*SCAN, tmp_path, "--fail-on", "inconclusive").returncode == 1
    assert run(*SCAN, tmp_path, "--fail-on", "synthetic").returncode == 0


def test_wrong_usage_exits_with_2_and_a_sentence(run: Run, toys: Path, recordings: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments, word in [
        ((*SCAN, tmp_path / "absent.wav"), "absent.wav"),
        ((*SCAN, empty), "no sound"),
        (("scan", recordings, "--detector", "nobody"), "known: "),
        ((*SCAN, recordings, "--prior", "1.5"), "prior"),
        ((*SCAN, recordings, "--fail-on", "guilty"), "guilty"),
        ((*SCAN, recordings, "--workers", "0"), "workers"),
        ((*SCAN, recordings, "--json", "-", "--csv", "-"), "standard output"),
        ((*SCAN, recordings, "--json", recordings / "loud.wav" / "x"), "Cannot write"),
        (("scan",), "PATH"),
    ]:
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert word in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_limits_refuse_a_file_with_a_sentence(run: Run, toys: Path, recordings: Path) -> None:
    for option, value in [("--max-seconds", "0.5"), ("--max-bytes", "100"), ("--max-channels", "0")]:
        (record,) = records(run(*SCAN, recordings / "loud.wav", "--json", "-", option, value).stdout)
        assert "error" in record, option


def test_a_missing_path_among_others_is_reported_and_the_rest_scanned(run: Run, toys: Path, recordings: Path) -> None:
    (recordings / "away.wav").symlink_to(recordings / "nowhere.wav")
    (recordings / "loop").symlink_to(recordings)
    done = run(*SCAN, recordings / "absent.wav", recordings, "--json", "-")
    assert done.returncode == 0
    assert names(done.stdout) == ["absent.wav", "away.wav", "broken.wav", "loud.wav", "quiet.flac"]
    assert [("error" in record) for record in records(done.stdout)] == [True, True, True, False, False]


def test_the_prior_moves_the_probability_and_not_the_score(run: Run, toys: Path, recordings: Path) -> None:
    command = (*SCAN, recordings / "quiet.flac", "--json", "-")
    even, rare = (records(run(*command, *more).stdout)[0]["result"] for more in ((), ("--prior", "0.01")))
    assert even["score"] == rare["score"] and rare["prior"] == 0.01
    assert rare["probability"] < even["probability"]


HOSTILE = [
    "esc\x1b[31mred\x1b]0;title\x07.wav",
    "[bold red]markup[link=x].wav",
    "=cmd|' calc'!A0.wav",
    "two\nlines \"quoted\" 'names'.wav",
    "한국어 이름.wav",
    "right\u202eto left\u2066.wav",
]


@pytest.fixture
def hostile(tmp_path: Path, tone: Any) -> Path:
    folder = tmp_path / "hostile"
    folder.mkdir()
    save(tmp_path / "a.wav", tone())
    content = (tmp_path / "a.wav").read_bytes()
    for name in HOSTILE:
        (folder / name).write_bytes(content)
    with open(os.path.join(os.fsencode(folder), b"undecodable \xff\xfe.wav"), "wb") as file:
        file.write(content)
    return folder


def steers(text: str) -> bool:
    """Whether a terminal could be steered by text: controls other than the line end, or direction overrides."""
    return any(
        (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066" for char in text
    )


def test_hostile_names_cannot_steer_a_terminal_in_any_output(run: Run, toys: Path, hostile: Path) -> None:
    for options in [(), ("--json", "-"), ("--csv", "-")]:
        done = run(*SCAN, hostile, *options)
        assert done.returncode == 0, done.stderr
        assert not steers(done.stdout), options


def test_hostile_names_arrive_whole_in_json(run: Run, toys: Path, hostile: Path) -> None:
    found = names(run(*SCAN, hostile, "--json", "-").stdout)
    assert set(HOSTILE) < set(found)
    assert (set(found) - set(HOSTILE)) == {r"undecodable \xff\xfe.wav"}


def test_markup_in_a_name_is_shown_as_text(run: Run, toys: Path, hostile: Path) -> None:
    assert "[bold red]markup[link=x].wav" in run(*SCAN, hostile).stdout


def test_no_csv_cell_starts_a_formula(
    run: Run, toys: Path, tone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "=1+1.wav", tone())
    monkeypatch.chdir(tmp_path)
    done = run(*SCAN, "=1+1.wav", "--csv", "-")
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert row["path"] == "'=1+1.wav"


def test_hostile_names_in_error_sentences(run: Run, toys: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad\x1b[2J\n[red].wav"
    bad.write_text("no sound")
    for done in (run(*SCAN, bad), run(*SCAN, bad, "--csv", "-"), run(*SCAN, tmp_path / "absent\x1b[2J")):
        assert not steers(done.stdout + done.stderr)


def test_a_terminal_that_is_not_unicode_gets_escapes(spawn: Run, toys: Path, hostile: Path) -> None:
    done = spawn(*SCAN, hostile, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii() and r"\ud55c" in done.stdout
