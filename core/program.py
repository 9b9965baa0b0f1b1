"""Running a program that is not ours: no shell, a time limit, and one sentence when it fails."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import AudioError

_PATIENCE = 600.0


def run(command: Sequence[str], name: str) -> bytes:
    """Standard output of `command`; `name` is what the sentence calls the part that wanted it.

    Raises AudioError when the program cannot be run, fails, or takes more than ten minutes.
    """
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AudioError(f"{name}: {Path(command[0]).name} could not be run or took too long.") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1] if lines else f"no message, exit status {done.returncode}"
        raise AudioError(f"{name}: {Path(command[0]).name} failed: {reason}")
    return done.stdout
