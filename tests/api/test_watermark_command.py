"""earwitness watermark, and the marks that a scan reports: outputs, exit codes, keys, hostile names."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from earwitness.api import mark_table, marking, schemas
from earwitness.core.audio import Audio, load, save
from earwitness.watermark.key_file import read_key

Run = Callable[..., "CompletedProcess[str]"]
MEMBERS = {"path", "verdict", "p_value", "hypotheses", "spans", "key_id", "record", "speed"}
MORE = {"edits", "tempo", "pitch", "seconds", "reasons", "claims", "handle", "warnings", "track", "channel"}
NO_MARK = "says nothing about where"


@pytest.fixture
def key(run: Run, tmp_path: Path) -> Path:
    file = tmp_path / "key"
    assert run("watermark", "keygen", file).returncode == 0
    return file


@pytest.fixture
def clean(tmp_path: Path, speech: Callable[..., Any]) -> Path:
    """Four seconds without a mark."""
    path = tmp_path / "clean.wav"
    save(path, Audio(speech(4.0, 3)[None], 16000))
    return path


@pytest.fixture
def marked(run: Run, tmp_path: Path, key: Path, clean: Path) -> Path:
    path = tmp_path / "marked" / "a.flac"
    done = run("watermark", "embed", clean, path, "--key", key, "--claims", '{"title": "test"}')
    assert done.returncode == 0, done.stderr
    return path


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_keygen_writes_a_private_file_and_never_prints_the_secret(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key"
    done = run("watermark", "keygen", file)
    secret = read_key(file).secret
    assert done.returncode == 0 and read_key(file).id in done.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret.hex() not in done.stdout and file.read_text().split("secret = ")[1][:20] not in done.stdout
    again = run("watermark", "keygen", file)
    assert (again.returncode, again.stdout) == (2, "") and "exists already" in again.stderr
    assert read_key(file).secret == secret
    assert run("watermark", "keygen", tmp_path / "quiet", "--quiet").stdout == ""


def test_embed_tells_what_it_did_and_verify_finds_it(run: Run, tmp_path: Path, key: Path, clean: Path) -> None:
    out = tmp_path / "out.wav"
    done = run("watermark", "embed", clean, out, "--key", key, "--claims", '{"title": "x"}', "--json", tmp_path / "j")
    made = rows((tmp_path / "j").read_text())[0]
    assert done.returncode == 0 and made["record"] in done.stdout and "found again, p <= " in done.stdout
    assert made["claims"] == {"title": "x"} and made["format"] == "WAV PCM_16" and made["p_value"] <= 1e-6
    assert load(out).samples.shape == load(clean).samples.shape
    answer = run("watermark", "verify", out, "--key", key, "--json", "-")
    assert (answer.returncode, answer.stderr) == (0, "")
    record = rows(answer.stdout)[0]
    assert set(record) == MEMBERS | MORE and list(record)[:3] == ["path", "verdict", "p_value"]
    assert record["path"] == str(out) and record["verdict"] == "marked" and 0 < record["p_value"] <= 1e-6
    assert record["record"] == made["record"] and record["key_id"] == made["key_id"] == read_key(key).id
    assert record["handle"] == made["handle"] and record["claims"] == {"title": "x"}
    assert record["speed"] == record["tempo"] == record["pitch"] == 1.0 and record["edits"] == []
    assert record["hypotheses"] > 1000 and record["seconds"] == 4.0
    assert record["spans"][0]["start"] < 0.5 and record["spans"][-1]["end"] > 3.5


def test_the_table_is_for_people_and_calls_nothing_authentic(
    run: Run, marked: Path, clean: Path, key: Path, tmp_path: Path
) -> None:
    (marked.parent / "broken.wav").write_text("no sound")
    (marked.parent / "notes.txt").write_text("not looked at")
    save(marked.parent / "music.wav", Audio.of(np.sin(np.arange(64000) / 5) / 4, 16000))
    done = run("watermark", "verify", marked.parent, clean, "--key", key)
    assert (done.returncode, done.stderr) == (0, "")
    head, found, broken, other, unmarked, summary = done.stdout.splitlines()
    assert head.split() == ["file", "sec", "verdict", "p", "marked", "record", "speed", "why"]
    assert str(marked) in found and "  marked  " in found and "p <= 1e-" not in head
    assert "p <= " in found and "0.0-4.0 s" in found
    assert "broken.wav" in broken and "error" in broken and "not a sound file" in broken
    assert "music.wav" in other and "no mark found" in other and NO_MARK in other
    assert "known content, no mark" in unmarked
    assert summary.startswith("4 files: 1 marked; 1 known content, no mark; 1 no mark found; 1 could not be read.")
    assert NO_MARK in summary
    for word in ("authentic", "genuine", "clean bill", "original"):
        assert word not in done.stdout.replace(str(tmp_path), "").lower()


def test_exit_codes_follow_the_conditions(run: Run, marked: Path, clean: Path, key: Path) -> None:
    verify = ("watermark", "verify", "--key", key, "--plain")
    assert run(*verify, marked, "--fail-on", "not_marked").returncode == 0
    assert run(*verify, marked, "--fail-on", "marked").returncode == 1
    assert run(*verify, clean, marked, "--fail-on", "not_marked").returncode == 1
    assert run(*verify, clean, "--fail-on", "no_evidence", "--fail-on", "fingerprint_only").returncode == 1
    (marked.parent / "broken.wav").write_text("no sound")
    assert run(*verify, marked.parent).returncode == 0
    assert run(*verify, marked.parent, "--fail-on", "error").returncode == 1
    assert run(*verify, marked.parent / "nothing.wav").returncode == 2
    assert run("watermark", "verify", marked).returncode == 2


def test_workers_change_nothing(run: Run, marked: Path, clean: Path, key: Path) -> None:
    command = ("watermark", "verify", clean, marked, "--key", key, "--plain", "--json", "-")
    assert run(*command).stdout == run(*command, "--workers", "2").stdout


def test_several_keys_and_passphrases(run: Run, tmp_path: Path, clean: Path, key: Path) -> None:
    secret, locked, out = tmp_path / "passphrase", tmp_path / "locked", tmp_path / "out.wav"
    secret.write_text("correct horse\n")
    assert run("watermark", "keygen", locked, "--passphrase-file", secret).returncode == 0
    assert "secret" not in locked.read_text().split("check")[0].split("\n", 1)[1]
    embed = ("watermark", "embed", clean, out, "--key", locked)
    for more, words in (
        ([], "is encrypted; its passphrase is needed"),
        (["--passphrase-file", tmp_path / "absent"], "cannot be read"),
        (["--passphrase-file", clean.with_name("wrong")], "is not the one"),
    ):
        clean.with_name("wrong").write_text("battery staple")
        refused = run(*embed, *more)
        assert refused.returncode == 2 and words in refused.stderr and "horse" not in refused.stderr
        assert not out.exists()
    assert run(*embed, "--passphrase-file", secret).returncode == 0
    done = run("watermark", "verify", out, "--key", key, "--key", locked, "--passphrase-file", secret, "--json", "-")
    assert rows(done.stdout)[0]["key_id"] == read_key(locked, b"correct horse").id
    other = run("watermark", "verify", out, "--key", key, "--records", tmp_path / "none")
    assert other.returncode == 2 and "no records at" in other.stderr and not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda key: key.unlink(), "There is no key file"),
        (lambda key: key.chmod(0o644), "Others may read the key file"),
        (lambda key: key.write_text("hello"), "is not a key file"),
        (lambda key: key.write_text(key.read_text().replace("epoch = 0", "epoch = 1")), "is damaged"),
    ],
)
def test_key_files_that_cannot_be_used(
    run: Run, tmp_path: Path, clean: Path, key: Path, change: Callable[[Path], Any], words: str
) -> None:
    change(key)
    for command in (("embed", clean, tmp_path / "out.wav"), ("verify", clean)):
        done = run("watermark", *command, "--key", key)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr and done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path != key) == ["clean.wav"]


def test_wrong_arguments_write_nothing(run: Run, tmp_path: Path, clean: Path, key: Path) -> None:
    embed = ("watermark", "embed", clean)
    out = tmp_path / "out.wav"
    for arguments, words in (
        ((out, "--claims", "[1]"), "needs a JSON object"),
        ((out, "--claims", "{"), "needs a JSON object"),
        ((out, "--claims", '{"a": NaN}'), "NaN is no JSON"),
        ((out, "--claims", "@" + str(tmp_path / "absent")), "cannot be read"),
        ((out, "--strength", "9"), "strength must lie between"),
        ((tmp_path / "out.xyz",), "suffix '.xyz'"),
        ((clean,), "is the input itself"),
    ):
        done = run(*embed, *arguments, "--key", key)
        assert done.returncode == 2 and words in done.stderr, arguments
        assert sorted(path.name for path in tmp_path.iterdir()) == ["clean.wav", "key"]
    before = clean.read_bytes()
    assert run(*embed, clean, "--key", key, "--force").returncode == 0
    assert clean.read_bytes() != before
    (tmp_path / "c.json").write_text('{"from": "file"}')
    done = run(*embed, out, "--key", key, "--claims", f"@{tmp_path / 'c.json'}", "--json", "-")
    assert rows(done.stdout)[0]["claims"] == {"from": "file"}


def test_what_carries_no_mark_is_refused_unless_told(run: Run, tmp_path: Path, key: Path) -> None:
    silent, out = tmp_path / "silent.wav", tmp_path / "out.wav"
    save(silent, Audio(np.zeros((1, 48000), np.float32), 16000))
    refused = run("watermark", "embed", silent, out, "--key", key)
    assert refused.returncode == 2 and "not found again" in refused.stderr and "too quiet" in refused.stderr
    assert not out.exists() and rows(run("watermark", "records", "list", "--json", "-").stdout) == []
    done = run("watermark", "embed", silent, out, "--key", key, "--no-verify")
    assert done.returncode == 0 and "not looked for again" in done.stdout and out.exists()


def test_records_are_listed_and_shown(run: Run, marked: Path, clean: Path, key: Path, tmp_path: Path) -> None:
    store = tmp_path / "own.sqlite"
    run("watermark", "embed", clean, tmp_path / "b.wav", "--key", key, "--records", store)
    mine = rows(run("watermark", "records", "list", "--records", store, "--json", "-").stdout)
    usual = rows(run("watermark", "records", "list", "--json", "-").stdout)
    assert len(mine) == len(usual) == 1 and mine[0]["record"] != usual[0]["record"]
    assert usual[0]["claims"] == {"title": "test"}
    shown = run("watermark", "records", "show", usual[0]["record"])
    assert shown.returncode == 0 and usual[0]["marked_sha256"] in shown.stdout
    assert run("watermark", "records", "show", "0" * 32).returncode == 2
    # What one store does not know, the mark alone still tells.
    answer = rows(run("watermark", "verify", tmp_path / "b.wav", "--key", key, "--plain", "--json", "-").stdout)[0]
    assert answer["verdict"] == "marked_unknown_record" and answer["key_id"] and answer["claims"] is None


def test_an_attack_is_written_and_the_mark_survives_it(run: Run, marked: Path, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "attacked.wav"
    done = run("watermark", "attack", "mp3:64,crop:3", marked, out, "--seed", "5")
    assert done.returncode == 0 and "3.0 s after mp3:64,crop:3" in done.stdout, done.stderr
    answer = rows(run("watermark", "verify", out, "--key", key, "--plain", "--json", "-").stdout)[0]
    assert answer["verdict"] == "marked" and answer["seconds"] == 3.0
    first = load(out).samples
    run("watermark", "attack", "mp3:64,crop:3", marked, out, "--seed", "5")
    np.testing.assert_array_equal(load(out).samples, first)
    assert "noise-white" in run("watermark", "attack", "--list").stdout
    listed = rows(run("watermark", "attack", "--list", "--json", "-").stdout)
    assert {row["name"] for row in listed} >= {"mp3", "opus", "crop", "speed", "pitch"}
    assert run("watermark", "attack").returncode == 2
    wrong = run("watermark", "attack", "opsu:16", marked, tmp_path / "x.wav")
    assert wrong.returncode == 2 and "'opus'" in wrong.stderr and not (tmp_path / "x.wav").exists()


def test_hostile_names_are_harmless_in_every_output(run: Run, marked: Path, key: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in ("two\nlines.flac", "\x1b[31mred.flac", os.fsdecode(b"\xff\xfe.flac"), "[bold]x.flac", "=cmd.flac"):
        (folder / name).write_bytes(marked.read_bytes())
    table = run("watermark", "verify", folder, "--key", key, "--plain").stdout
    assert len(table.splitlines()) == 7 and "\x1b" not in table and "[bold]x.flac" in table
    found = run("watermark", "verify", folder, "--key", key, "--plain", "--json", "-").stdout
    assert len(found.splitlines()) == 5 and "\x1b" not in found
    assert {row["verdict"] for row in rows(found)} == {"marked"}


# In a scan


def test_a_scan_without_keys_says_nothing_of_marks_and_loads_nothing_for_them(
    run: Run, toys: Path, marked: Path
) -> None:
    code = (
        "import sys\nfrom earwitness.api.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "assert not [name for name in sys.modules if name.startswith('earwitness.watermark')]"
    )
    command = [sys.executable, "-c", code, "scan", "--detector", "loud", str(marked), "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert set(rows(done.stdout)[0]) == {"path", "result"}
    assert "mark" not in run("scan", "--detector", "loud", marked).stdout.splitlines()[0]


@pytest.mark.parametrize("place", ["option", "home"])
def test_a_scan_with_keys_shows_marks_beside_the_score(
    run: Run, toys: Path, marked: Path, clean: Path, key: Path, tmp_path: Path, place: str
) -> None:
    plain = [row["result"] for row in rows(run("scan", "--detector", "loud", marked, clean, "--json", "-").stdout)]
    options = ["--watermark-key", key]
    if place == "home":
        (toys / "keys").mkdir()
        key.rename(toys / "keys" / "mine")
        options = []
    (tmp_path / "broken.wav").write_text("no sound")
    scan = ("scan", "--detector", "loud", marked, clean, tmp_path / "broken.wav", *options)
    first, second, third = rows(run(*scan, "--json", "-").stdout)
    assert [first["result"], second["result"]] == plain
    assert first["marks"]["verdict"] == "marked" and second["marks"]["verdict"] == "fingerprint_only"
    assert first["marks"]["record"] == second["marks"]["record"] and set(third) == {"path", "error"}
    assert set(first["marks"]) == (MEMBERS | MORE) - {"path"}
    if place == "option":
        assert rows(run(*scan, "--json", "-", "--workers", "2").stdout) == [first, second, third]
    lines = run(*scan).stdout.splitlines()
    assert lines[0].split()[-1] == "mark" and "marked p <= " in lines[1] and "known content, no mark" in lines[2]
    cells = list(csv.DictReader(run(*scan, "--csv", "-").stdout.splitlines()))
    assert cells[0]["marks"].startswith("marked p_value=") and cells[2]["marks"] == ""


def test_a_scan_refuses_a_key_that_it_cannot_read(run: Run, toys: Path, clean: Path, key: Path) -> None:
    key.chmod(0o640)
    done = run("scan", "--detector", "loud", clean, "--watermark-key", key)
    assert (done.returncode, done.stdout) == (2, "") and "Others may read" in done.stderr


# Words


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (1.0, ""),
        (0.1, ""),
        (0.02, "p <= 2e-2"),
        (1e-6, "p <= 1e-6"),
        (1.01e-6, "p <= 2e-6"),
        (9.2e-10, "p <= 1e-9"),
        (9.859e-305, "p <= 1e-304"),
    ],
)
def test_a_bound_is_rounded_up(p_value: float, words: str) -> None:
    assert mark_table.p_words(p_value) == words


def test_speed_spans_and_edits_in_words() -> None:
    result = schemas.Verified(
        path="a",
        verdict="marked",
        p_value=1e-9,
        hypotheses=10,
        spans=tuple(schemas.MarkSpan(start=start, end=start + 1) for start in range(5)),
        edits=(schemas.MarkEdit(at=3.0, kind="cut", seconds=1.5),),
        key_id="k",
        record="r",
        handle=7,
        claims={},
        speed=1.0,
        tempo=0.9,
        pitch=1.0,
        seconds=9.0,
        channel=None,
        reasons=("Found.",),
        warnings=(),
    )
    cells = dict(zip(mark_table.MARK_HEADER, mark_table.mark_row(result), strict=True))
    assert cells["marked"] == "0.0-1.0 s, 1.0-2.0 s, 2.0-3.0 s and 2 more"
    assert cells["speed"] == "tempo 0.9" and cells["p"] == "p <= 1e-9"
    assert cells["why"] == "Found.; cut of 1.5 s at 3.0 s"


def test_every_verdict_has_words_and_the_demo_forgets_its_key(clean: Path, tmp_path: Path, own_home: Path) -> None:
    assert set(mark_table.WORDS) == set(schemas.MarkVerdict.__args__)  # type: ignore[attr-defined]
    found = marking.try_out([clean], "gain:0.5", tmp_path)
    assert [record.verdict for record in found] == ["marked"]
    assert not list(own_home.iterdir())
