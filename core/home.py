"""Where fetched weights and all later state live."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "EARWITNESS_HOME"


def home() -> Path:
    """EARWITNESS_HOME, else the platform's folder for user data. Not created: whoever writes there does."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_data_path("earwitness", appauthor=False)


def set_home(path: Path | str) -> None:
    """Use `path` in this process and in the worker processes that it starts from now on."""
    os.environ[VARIABLE] = str(Path(path).expanduser().absolute())
