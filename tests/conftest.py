"""What all tests share: the switch that turns a missing part into a failure, and the shared folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
# Parts that are Python packages; any other name but "shared" is a program on the PATH.
_PACKAGES = {
    "torch",
    "accelerate",
    "safetensors",
    "sklearn",
    "skl2onnx",
    "librosa",
    "onnx",
    "onnxscript",
    "pyroomacoustics",
    "pyarrow",
    "pesq",
    "pystoi",
    "psutil",
    "ai_edge_litert",
}


def shared_folder() -> Path:
    """Recordings that tests may read but the repository may not hold: EARWITNESS_SHARED, or ../shared."""
    return Path(os.environ.get("EARWITNESS_SHARED", _ROOT.parent / "shared"))


def present(name: str) -> bool:
    """Whether the part `name` ("shared", a package of an extra, or a program) is on this machine."""
    if name == "shared":
        return (shared_folder() / "audio" / "manifest.csv").is_file()
    if name in _PACKAGES:
        return importlib.util.find_spec(name) is not None
    return shutil.which(name) is not None


def demanded(name: str, setting: str) -> bool:
    """Whether EARWITNESS_REQUIRE (`setting`: "all", or names between commas) demands the part."""
    return bool({"all", name} & {part.strip() for part in setting.split(",")})


def demand(name: str) -> None:
    """Skip the running test when the part `name` is missing, or fail it when the part is demanded."""
    if present(name):
        return
    if demanded(name, os.environ.get("EARWITNESS_REQUIRE", "")):
        pytest.fail(f"EARWITNESS_REQUIRE demands {name!r}, which is not here.")
    pytest.skip(f"{name!r} is not here.")


@pytest.fixture(scope="session")
def require() -> Callable[[str], None]:
    """`require("torch")` inside a test: skip, or fail under EARWITNESS_REQUIRE, when that part is missing."""
    return demand


@pytest.fixture
def shared() -> Path:
    """The shared folder; the test is skipped (or fails, see `require`) without it."""
    demand("shared")
    return shared_folder()


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test gets an empty EARWITNESS_HOME: none reads or changes the user's own."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("EARWITNESS_HOME", str(folder))
    return folder
