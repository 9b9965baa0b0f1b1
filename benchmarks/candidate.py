"""A detector for a benchmark: a name, or one that is not published yet."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from earwitness.core import weights
from earwitness.core.home import home, set_home
from earwitness.core.weights import Card
from earwitness.detect import registry

HELP = "a detector's name, or the path of a card, of a graph, or of a training's folder"
_USUAL = home()
_homes: list[tempfile.TemporaryDirectory[str]] = []


def detector(text: str) -> str:
    """The name under which `text` can be opened until the next call, in this process and its workers.

    What has no name yet goes by "candidate-NAME", because shipped names win, in a home of its own that ends with the
    process.
    """
    set_home(_USUAL)
    path = Path(text)
    if text in registry.names() or not path.exists():
        return text
    _homes.append(tempfile.TemporaryDirectory())
    set_home(_homes[-1].name)
    return publish(path, home() / "weights")


def publish(source: Path, folder: Path) -> str:
    """Copy the detector at a path, see `found`, into `folder` under another name, which is returned."""
    card, graph = found(source)
    name = f"candidate-{card.name}"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.onnx"
    shutil.copyfile(graph, target)
    weights.write_card(replace(card, name=name, folder=folder), {"onnx": target})
    return name


def found(source: Path) -> tuple[Card, Path]:
    """Card and graph of the detector at a path, which is its card, its graph or the folder of its training.

    A graph that no card beside it names gets one that says that its numbers are no likelihood ratios.
    """
    if source.suffix == ".toml":
        fitting = [weights.read_card(source)]
    else:
        beside = sorted((source if source.is_dir() else source.parent).glob("*.toml"))
        cards = [card for file in beside if (card := weights.read_card(file)).kind == registry.KIND]
        fitting = [c for c in cards if source.is_dir() or c.files.get("onnx", {}).get("file") == source.name]
    if fitting:
        return fitting[0], weights.path(fitting[0], "onnx")
    if source.is_dir():
        raise SystemExit(f"{source} holds no detector.")
    return Card(source.stem, registry.KIND, source.parent, settings={"calibrated": False}), source
