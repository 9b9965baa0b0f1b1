"""earwitness watermark embed and verify with the bad-input set: a sentence, and nothing half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from earwitness.core.audio import load

from .hostile import endless, no_sound, put

Run = Callable[..., Any]


@pytest.fixture
def key(run: Run, tmp_path: Path) -> Path:
    assert run("watermark", "keygen", tmp_path / "key").returncode == 0
    return tmp_path / "key"


@pytest.fixture
def bad(tmp_path: Path) -> list[Path]:
    """What is no sound, and what is no file."""
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "gone.wav").symlink_to(folder / "nothing.wav")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    os.mkfifo(folder / "pipe.wav")
    return [*put(folder, no_sound()), folder / "gone.wav", folder / "loop.wav", folder / "pipe.wav"]


def test_embed_refuses_and_writes_nothing(run: Run, key: Path, bad: list[Path], tmp_path: Path) -> None:
    out, before = tmp_path / "out", sorted(tmp_path.iterdir())
    out.mkdir()
    kept = out / "kept.wav"
    kept.write_bytes(b"what was there before")
    for path in [*bad, tmp_path / "absent.wav", bad[0].parent, Path("/dev/zero")]:
        target = kept if path.suffix == ".wav" else out / "new.wav"
        done = run("watermark", "embed", path, target, "--key", key)
        assert (done.returncode, done.stdout) == (2, ""), path
        assert done.stderr.startswith("earwitness: ") and done.stderr.count("\n") == 1, done.stderr
        assert list(out.iterdir()) == [kept] and kept.read_bytes() == b"what was there before", path
    assert sorted(tmp_path.iterdir()) == sorted([*before, out])
    assert run("watermark", "records", "list", "--json", "-").stdout == ""


def test_verify_reports_each_and_goes_on(run: Run, key: Path, bad: list[Path]) -> None:
    done = run("watermark", "verify", *bad, "--key", key, "--plain", "--json", "-")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [row["path"] for row in rows] == [str(path) for path in bad]
    assert all(set(row) == {"path", "error"} and row["error"].endswith(".") for row in rows)
    assert run("watermark", "verify", bad[0], "--key", key, "--fail-on", "error").returncode == 1


def test_claims_of_endless_sound_are_marked_as_far_as_they_go_or_refused(
    run: Run, key: Path, tmp_path: Path, encode: Callable[..., Path]
) -> None:
    folder, out = tmp_path / "endless", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    for path in put(folder, endless(folder, encode)):
        done = run("watermark", "embed", path, out / "new.flac", "--key", key, "--no-verify")
        assert "Traceback" not in done.stderr
        if done.returncode:
            assert done.returncode == 2 and done.stderr.count("\n") == 1 and list(out.iterdir()) == [], path
        else:
            assert load(out / "new.flac").seconds < 5
            (out / "new.flac").unlink()
