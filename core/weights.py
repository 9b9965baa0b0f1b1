"""Every shipped or fetched weight by name: files, digests, licence, recipe. A mismatch refuses.

A weight is a card `<name>.toml` with its files beside it, in the package or under EARWITNESS_HOME/weights:

    name = "baseline"            kind = "detector" | "codec" | "resynthesiser"
    version, summary, licence, recipe, recipe_digest, data_digest, seed, created, machine, earwitness
    [files.onnx]                 file = "baseline.onnx", sha256 = "..."
    [metrics]                    numbers measured when it was made
    [settings]                   what its user needs at run time (calibration, bitrates ...)
"""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from .errors import WeightsError
from .files import replacing, sha256
from .home import home

# Rooms with a folder `weights`. They are not imported for it.
SHIPPED = ("codecs", "detect", "watermark")


@dataclass(frozen=True)
class Card:
    """What is known of one weight; `folder` is where its files lie."""

    name: str
    kind: str
    folder: Path
    version: str = "1"
    summary: str = ""
    licence: str = ""
    recipe: str = ""
    recipe_digest: str = ""
    data_digest: str = ""
    seed: int = 0
    created: str = ""
    machine: str = ""
    earwitness: str = ""
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_card(path: Path) -> Card:
    """Read one card. Raises WeightsError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return Card(folder=path.parent, **table)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise WeightsError(f"The model card {path.name!r} cannot be read: {error}.") from error


def write_card(card: Card, parts: Mapping[str, Path]) -> Path:
    """Write `<folder>/<name>.toml` for files that lie in the folder already; date and machine are filled in."""
    import tomli_w

    from .. import __version__

    table: dict[str, Any] = {
        key: getattr(card, key)
        for key in ("name", "kind", "version", "summary", "licence", "recipe", "recipe_digest", "data_digest", "seed")
    }
    table["created"] = card.created or datetime.now(UTC).strftime("%Y-%m-%d")
    table["machine"] = card.machine or f"{platform.machine()} {platform.system()}, Python {platform.python_version()}"
    table["earwitness"] = card.earwitness or __version__
    table["files"] = {part: {"file": path.name, "sha256": sha256(path)} for part, path in parts.items()}
    table["metrics"], table["settings"] = dict(card.metrics), dict(card.settings)
    target = card.folder / f"{card.name}.toml"
    with replacing(target) as temporary:
        temporary.write_text(tomli_w.dumps(table), encoding="utf-8")
    return target


def check_name(name: str) -> None:
    """Whether a card and its files may be called so. Raises WeightsError."""
    if not name or Path(name).name != name or name.startswith(".") or not name.isprintable():
        raise WeightsError(f"{name!r} cannot be a weight's name: use letters, digits and hyphens.")


def folders() -> list[Path]:
    """Where cards are looked for, first match wins: the package, then EARWITNESS_HOME/weights."""
    package = Path(str(resources.files("earwitness")))
    return [*(package / room / "weights" for room in SHIPPED), home() / "weights"]


def cards(kind: str | None = None) -> dict[str, Card]:
    """All known cards by name, of one kind if given."""
    found: dict[str, Card] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
            card = read_card(path)
            if kind in (None, card.kind):
                found.setdefault(card.name, card)
    return found


def card(name: str, kind: str | None = None) -> Card:
    """The card of a name. Raises WeightsError that lists the known ones."""
    known = cards(kind)
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise WeightsError(f"There is no {kind or 'weight'} named {name!r}; known: {listed}.")
    return known[name]


def path(card: Card, part: str) -> Path:
    """The checked file of one part ("onnx", "safetensors" ...). Raises WeightsError when absent or altered."""
    if part not in card.files:
        raise WeightsError(f"The weights of {card.name!r} have no part {part!r}; they have {', '.join(card.files)}.")
    entry = card.files[part]
    file = card.folder / Path(entry["file"]).name
    if not file.is_file():
        raise WeightsError(f"The file {file.name!r} of {card.name!r} is missing; install or import it again.")
    if sha256(file) != entry["sha256"]:
        raise WeightsError(f"The file {file.name!r} of {card.name!r} is not the one that its card names.")
    return file
