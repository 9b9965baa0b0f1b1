"""The examples of deployment name commands, options and settings that there are."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from earwitness.api.cli.app import app
from earwitness.core.home import VARIABLE

ROOT = Path(__file__).resolve().parent.parent
COMPOSE, UNIT = ROOT / "deploy" / "compose.yaml", ROOT / "deploy" / "earwitness.service"


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def unit() -> dict[str, list[str]]:
    """The settings of the section Service; a name may stand there more than once."""
    text = UNIT.read_text(encoding="utf-8")
    parser = configparser.RawConfigParser(strict=True, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {name: shlex.split(value) for name, value in parser["Service"].items()}


def understood(words: list[str]) -> set[str]:
    """Environment variables of the command in `words`, which must be one that the command line takes as it stands."""
    assert Path(words[0]).name == "earwitness"
    root = typer.main.get_command(app)
    context = root.make_context("earwitness", words[1:])
    name, command, rest = root.resolve_command(context, words[1:])  # type: ignore[attr-defined]
    command.make_context(name, list(rest))
    return {str(option.envvar) for option in (*root.params, *command.params) if option.envvar}


@pytest.mark.parametrize("name", ["server", "worker"])
def test_compose_runs_commands_that_there_are(name: str) -> None:
    service = services()[name]
    known = understood(shlex.split(service["command"])) | {VARIABLE}
    settings = {key: value for key, value in service["environment"].items() if key.startswith("EARWITNESS_")}
    assert set(settings) == {"EARWITNESS_HOME", "EARWITNESS_DATABASE", "EARWITNESS_QUEUE"} <= known
    others = set(services()) - {name}
    for host in re.findall(r"(?://|@)([a-z]+)/", " ".join(settings.values())):
        assert host in others
    assert (
        service["read_only"]
        and service["cap_drop"] == ["ALL"]
        and "USER 1000" in service["build"]["dockerfile_inline"]
    )
    assert ":?" in settings["EARWITNESS_DATABASE"], "a password is asked for, and none is written here"


def test_only_the_server_is_reached_and_only_from_this_machine() -> None:
    assert {name: service.get("ports") for name, service in services().items() if service.get("ports")} == {
        "server": ["127.0.0.1:8000:8000"]
    }


def test_the_unit_runs_a_command_that_there_is_and_is_closed() -> None:
    found = unit()
    assert understood(found["ExecStart"]) >= {"EARWITNESS_DATABASE", "EARWITNESS_QUEUE"}
    assert any(word.startswith(f"{VARIABLE}=") for word in found["Environment"])
    for name in ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "ProtectHome"):
        assert found[name] == ["yes"]
    assert found["ProtectSystem"] == ["strict"] and found["CapabilityBoundingSet"] == []


def test_options_that_are_not_there_would_be_noticed() -> None:
    # Typer's own exceptions have no public name.
    for words in (["serve", "--no-such-option"], ["sevre"]):
        with pytest.raises(Exception, match=r"No such (option|command)"):
            understood(["earwitness", *words])


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """With systemd at hand also by systemd itself; else by the names that it is known to know."""
    if shutil.which("systemd-analyze") is None:
        assert not [name for name in unit() if not re.fullmatch(r"[A-Z][A-Za-z]+", name)]
        return
    copy = tmp_path / "earwitness.service"
    binary = str(Path(sys.executable).parent / "earwitness")
    copy.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/earwitness/bin/earwitness", binary))
    env = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False, env=env
    )
    assert "earwitness.service" not in done.stderr, done.stderr
