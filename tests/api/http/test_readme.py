"""README, "Serve", as it stands there: from nothing to the first verdict by curl, the command line and Python."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import COMMAND, Process

ROOT = Path(__file__).resolve().parents[3]
URL = "http://127.0.0.1:8000"
DECISIONS = {"genuine", "synthetic", "inconclusive"}


def blocks() -> tuple[list[str], str]:
    """The lines of the first block of commands without their comments, and the first block of Python."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", text.partition("\n## Serve\n")[2], flags=re.MULTILINE)[0]
    commands = re.search(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    python = re.search(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert commands is not None and python is not None
    return [line.partition("  #")[0].strip() for line in commands[1].splitlines()], python[1]


@pytest.fixture
def served(launch: Callable[..., Process], tmp_path: Path) -> Process:
    """The server that the README starts, on a free port."""
    lines, _ = blocks()
    (serve,) = [line for line in lines if line.startswith("earwitness serve")]
    return launch(*shlex.split(serve)[1:], home=tmp_path / "home")


def test_what_is_installed_is_what_serving_needs() -> None:
    lines, _ = blocks()
    install = next(line for line in lines if line.startswith("pip install"))
    extra = re.fullmatch(r"pip install '\.\[(\w+)\]'", install)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extra is not None and "fastapi" in " ".join(extras[extra[1]])


def test_the_commands_lead_to_a_verdict(served: Process, clip: Path, require: Callable[[str], None]) -> None:
    require("curl")
    lines, _ = blocks()
    answers = []
    for line in lines:
        if line.startswith(("pip ", "earwitness serve")):
            continue
        words = shlex.split(line.replace(URL, served.url))
        words = [*COMMAND, *words[1:]] if words[0] == "earwitness" else [words[0], "--silent", *words[1:]]
        done = subprocess.run(words, cwd=clip.parent, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0 and done.stdout, (line, done.stderr)
        answers.append(done.stdout)
    helped, verdict, table = answers
    assert "--scope" in helped
    decision = json.loads(verdict)["result"]["decision"]
    assert decision in DECISIONS and decision in table


def test_the_python_prints_a_verdict(served: Process, clip: Path) -> None:
    _, code = blocks()
    assert URL in code
    words = [sys.executable, "-c", code.replace(URL, served.url)]
    done = subprocess.run(words, cwd=clip.parent, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] in DECISIONS
