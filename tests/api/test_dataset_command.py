"""earwitness dataset engines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[str]"]


def test_engines_are_listed_with_what_to_install(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    flite = tmp_path / "flite"
    flite.write_text("#!/bin/sh\n")
    flite.chmod(0o755)
    done = run("dataset", "engines", "--json", "-")
    rows = {(row["engine"], row["voice"]): row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0
    assert rows["flite", "slt"]["missing"] == ""
    assert "apt-get install espeak-ng" in rows["espeak-ng", "en-us+m3"]["missing"]
    assert {engine for (engine, _), row in rows.items() if row["held_out"]} == {"kokoro"}
    assert rows["openjtalk", "mei"]["language"] == "ja" and rows["openjtalk", "mei"]["licence"] == "CC-BY-3.0"
    table = run("dataset", "engines").stdout
    assert all(engine in table and voice in table for engine, voice in rows)
    assert "held out" in table and "apt-get install espeak-ng" in table and "installed" in table
