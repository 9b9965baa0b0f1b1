"""An invented engine, programs that are shell scripts, and tiny graphs with the inputs of Kokoro and Piper."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from earwitness.core.audio import Audio
from earwitness.core.errors import AudioError, MissingPart
from earwitness.datasets.engines import Voice, voice_of
from earwitness.datasets.engines.pins import File, Pins

VOICES = (
    Voice("low", "en-US", "CC0-1.0", "nobody"),
    Voice("high", "en-GB", "CC-BY-4.0", "somebody"),
    Voice("hana", "ja", "CC0-1.0"),
)


@dataclass(frozen=True)
class Toy:
    """Syllables whose number is the text's, at 22.05 kHz, with silence around them and an offset."""

    name: str = "toy"
    summary: str = "a toy"
    held_out: bool = False
    pin: str = "1"
    voices: Sequence[Voice] = VOICES
    absent: str = ""
    dumb: str = ""

    def missing(self, voices: Sequence[str] = ()) -> str:
        return self.absent

    def check(self, voices: Sequence[str] = ()) -> None:
        if self.absent:
            raise MissingPart(self.absent)

    def speak(self, text: str, voice: str, seed: int) -> Audio:
        voice_of(self, voice)
        if self.dumb and self.dumb in text:
            raise AudioError("the toy is tongue-tied")
        rng = np.random.default_rng(seed)
        time = np.arange(int(22050 * 0.2 * (3 + len(text.split())))) / 22050
        pitch = {"low": 110, "high": 190, "hana": 240}[voice] * rng.uniform(0.9, 1.1)
        sound = (
            sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 30)) * np.sin(2 * np.pi * 2.5 * time) ** 2
        )
        quiet = np.zeros(9000)
        return Audio.of(np.concatenate([quiet, 0.2 * sound + 0.01, quiet]).astype(np.float32), 22050)


def script(folder: Path, name: str, body: str) -> Path:
    """An executable shell script."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


ECHO_LAST = 'for last; do :; done; printf "%s\\n" "$last"'
"""An espeak-ng whose phonemes are the letters."""


def package(folder: Path, name: str, files: dict[str, bytes]) -> None:
    """A package on disk that must never be imported."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "__init__.py").write_text("raise SystemExit('it was run')\n", encoding="utf-8")
    for path, data in files.items():
        (folder / name / path).write_bytes(data)


def pins(folder: Path, engine: str, files: dict[str, bytes]) -> Pins:
    """Pins of a package toy_<engine> with these files; the first one lies in two parts."""
    package(folder, f"toy_{engine}", files)
    table = {n: File((f"toy_{engine}/{n}",), hashlib.sha256(data).hexdigest()) for n, data in files.items()}
    first, data = next(iter(files.items()))
    package(folder, f"toy_{engine}_2", {"rest": data[100:]})
    (folder / f"toy_{engine}" / first).write_bytes(data[:100])
    table[first] = File((f"toy_{engine}/{first}", f"toy_{engine}_2/rest"), hashlib.sha256(data).hexdigest())
    return Pins(engine, f"toy-{engine}==1", table)


def kokoro_pins(folder: Path) -> Pins:
    """audio = every token 240 times, times the mean of the style, times speed."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", ["tokens"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["number"], ["column"], perm=[1, 0]),
        helper.make_node("Tile", ["column", "times"], ["long"]),
        helper.make_node("Reshape", ["long", "flat"], ["line"]),
        helper.make_node("ReduceMean", ["style"], ["level"], keepdims=0),
        helper.make_node("Mul", ["line", "level"], ["loud"]),
        helper.make_node("Mul", ["loud", "speed"], ["audio"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1, 240]), "times"),
        numpy_helper.from_array(np.array([-1]), "flat"),
    ]
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["m"])]
    styles = io.BytesIO()
    names = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
    levels = {name: np.full((510, 1, 256), 0.001 * (k + 1), np.float32) for k, name in enumerate(names)}
    np.savez(styles, **levels)  # type: ignore[arg-type]
    vocabulary = {symbol: number for number, symbol in enumerate(" abcdefghijklmnopqrstuvwxyz.,?!", 1)}
    model = _model(nodes, inputs, outputs, constants)
    symbols = json.dumps({"vocab": vocabulary}).encode()
    return pins(folder, "kokoro", {"model": model, "styles": styles.getvalue(), "symbols": symbols})


def piper_pins(folder: Path) -> Pins:
    """output = 100 samples of noise for every id, times noise_scale; length_scale is heard in their number."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", ["input"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Tile", ["number", "times"], ["long"]),
        helper.make_node("RandomNormalLike", ["long"], ["noise"]),
        helper.make_node("Gather", ["scales", "first"], ["size"]),
        helper.make_node("Mul", ["noise", "size"], ["loud"]),
        helper.make_node("Reshape", ["loud", "shape"], ["output"]),
        helper.make_node("Identity", ["input_lengths"], ["lengths"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1, 100]), "times"),
        numpy_helper.from_array(np.array(0), "first"),
        numpy_helper.from_array(np.array([1, 1, 1, -1]), "shape"),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    outputs = [
        helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "m"]),
        helper.make_tensor_value_info("lengths", TensorProto.INT64, [1]),
    ]
    table = {symbol: [number] for number, symbol in enumerate("_^$ abcdefghijklmnopqrstuvwxyz.,?!")}
    settings = json.dumps({"phoneme_id_map": table, "audio": {"sample_rate": 22050}}).encode()
    return pins(folder, "piper", {"model": _model(nodes, inputs, outputs, constants), "settings": settings})


def _model(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: list[Any]) -> bytes:
    import onnx
    from onnx import helper

    graph = helper.make_graph(nodes, "toy", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data
