"""A missing part skips a test at home and fails it where EARWITNESS_REQUIRE demands the part."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parent / "conftest.py"
TEST = """
def test_part(require):
    require("a-program-that-nobody-has")
    raise AssertionError("went on without the part")

def test_shared(shared):
    raise AssertionError("went on without the folder")
"""


@pytest.mark.parametrize(
    ("setting", "outcome"),
    [
        ("", "2 skipped"),
        ("torch", "2 skipped"),
        ("all", "1 failed, 1 error"),
        ("torch, a-program-that-nobody-has", "1 failed, 1 skipped"),
    ],
)
def test_missing_parts(tmp_path: Path, setting: str, outcome: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "tests" / "test_a.py").write_text(TEST, encoding="utf-8")
    settings = {**os.environ, "EARWITNESS_REQUIRE": setting, "EARWITNESS_SHARED": str(tmp_path / "absent")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=settings)
    assert outcome in done.stdout, done.stdout
