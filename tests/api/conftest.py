"""Toys that make the front door testable without the shipped models: a detector of loudness and a codec of steps."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from earwitness.api.cli import main
from earwitness.core.audio import Audio, save
from earwitness.core.weights import Card, write_card
from onnx import TensorProto, helper, numpy_helper

HOP = 160
COMMAND = (sys.executable, "-c", "from earwitness.api.cli import main; main()")


def graph(
    nodes: Sequence[Any],
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    constants: Mapping[str, Any],
    file: Path,
) -> Path:
    """Write an ONNX graph; `inputs` and `outputs` map names to (type, shape)."""

    def info(table: Mapping[str, Any]) -> list[Any]:
        return [helper.make_tensor_value_info(name, *kind) for name, kind in table.items()]

    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    body = helper.make_graph(list(nodes), "toy", info(inputs), info(outputs), tensors)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, file)
    return file


def loudness(folder: Path) -> None:
    """The detector "loud": score = 40 * (mean |x| - 0.05), so loud files are "synthetic" and quiet ones "genuine"."""
    nodes = [
        helper.make_node("Abs", ["samples"], ["size"]),
        helper.make_node("ReduceMean", ["size", "axes"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "middle"], ["above"]),
        helper.make_node("Mul", ["above", "slope"], ["score"]),
    ]
    constants = {"axes": np.array([1]), "middle": np.float32(0.05), "slope": np.float32(40)}
    file = graph(
        nodes,
        {"samples": (TensorProto.FLOAT, ["batch", "n"])},
        {"score": (TensorProto.FLOAT, ["batch"])},
        constants,
        folder / "loud.onnx",
    )
    write_card(Card("loud", "detector", folder, summary="toy", licence="CC0-1.0"), {"onnx": file})


def steps(folder: Path) -> None:
    """The codec "steps": the mean of each 10 ms at 16 kHz as one of 256 steps, held for 10 ms."""
    wave, codes = (TensorProto.FLOAT, [1, 1, "n"]), (TensorProto.INT64, [1, 1, "frames"])
    encode = graph(
        [
            helper.make_node("AveragePool", ["wave"], ["mean"], kernel_shape=[HOP], strides=[HOP]),
            helper.make_node("Mul", ["mean", "scale"], ["scaled"]),
            helper.make_node("Add", ["scaled", "middle"], ["shifted"]),
            helper.make_node("Clip", ["shifted", "least", "most"], ["clipped"]),
            helper.make_node("Cast", ["clipped"], ["codes"], to=TensorProto.INT64),
        ],
        {"wave": wave},
        {"codes": codes},
        {"scale": np.float32(127), "middle": np.float32(128.5), "least": np.float32(0), "most": np.float32(255)},
        folder / "steps-encode.onnx",
    )
    decode = graph(
        [
            helper.make_node("Cast", ["codes"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["number", "middle"], ["centred"]),
            helper.make_node("Div", ["centred", "scale"], ["value"]),
            helper.make_node("ConvTranspose", ["value", "hold"], ["wave"], strides=[HOP]),
        ],
        {"codes": codes},
        {"wave": wave},
        {"middle": np.float32(128), "scale": np.float32(127), "hold": np.ones((1, 1, HOP), dtype=np.float32)},
        folder / "steps-decode.onnx",
    )
    tensors = folder / "steps.safetensors"
    tensors.write_bytes(b"toy")
    settings = {"model": "toy", "arguments": {}, "rate": 16000, "hop_length": HOP, "bits": [8.0], "parameters": 0}
    card = Card("steps", "codec", folder, summary="toy", licence="CC0-1.0", settings=settings)
    write_card(card, {"encode": encode, "decode": decode, "safetensors": tensors})


@pytest.fixture(scope="session")
def toy_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toys")
    loudness(folder)
    steps(folder)
    return folder


@pytest.fixture
def toys(toy_weights: Path, own_home: Path) -> Path:
    """EARWITNESS_HOME of this test, with the toy detector "loud" and the toy codec "steps" in it."""
    shutil.copytree(toy_weights, own_home / "weights")
    return own_home


def make_tone(seconds: float = 1.0, level: float = 0.5, rate: int = 16000, channels: int = 1) -> Audio:
    """A 220 Hz tone of amplitude `level`, louder channel by channel."""
    time = np.arange(round(seconds * rate)) / rate
    wave = np.sin(2 * np.pi * 220 * time).astype(np.float32)
    gains = np.linspace(1, 1 + 0.1 * (channels - 1), channels, dtype=np.float32)[:, None]
    return Audio(level * gains * wave, rate)


@pytest.fixture(scope="session")
def tone() -> Callable[..., Audio]:
    return make_tone


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A folder with loud.wav (which "loud" calls synthetic), quiet.flac (genuine) and broken.wav (no sound file)."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    save(folder / "loud.wav", make_tone(level=0.5))
    save(folder / "quiet.flac", make_tone(level=0.01))
    (folder / "broken.wav").write_text("this is a letter")
    (folder / "notes.txt").write_text("not looked at")
    return folder


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in this process, with `stdin` as its standard input; answers like subprocess.run."""

    def call(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        words = [os.fspath(argument) for argument in arguments]
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
        own, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin))
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            try:
                main(words)
                code: Any = 0
            except SystemExit as end:
                code = end.code
            finally:
                sys.stdin = own
        stdout, stderr = (stream.buffer.getvalue().decode() for stream in streams)  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(words, int(code or 0), stdout, stderr)

    return call


@pytest.fixture
def spawn() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own, with options of subprocess.run."""

    def call(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        settings = {"capture_output": True, "text": True, "timeout": 120, "check": False, **options}
        return subprocess.run([*COMMAND, *map(str, arguments)], **settings)

    return call
