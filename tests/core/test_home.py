"""Where state lives, and that asking creates nothing."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest
from earwitness.core.home import home, set_home


def test_the_variable_decides_and_nothing_is_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARWITNESS_HOME", str(tmp_path / "x"))
    assert home() == tmp_path / "x"
    set_home(tmp_path / "y")
    assert home() == tmp_path / "y"
    assert list(tmp_path.iterdir()) == []


def test_without_it_the_platform_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARWITNESS_HOME")
    assert home() == platformdirs.user_data_path("earwitness", appauthor=False)


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    set_home("here")
    monkeypatch.chdir("/")
    assert home() == tmp_path / "here"
