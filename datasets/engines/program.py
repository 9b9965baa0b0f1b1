"""Engines that are programs: a text file goes in, a WAV file comes out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...core import program
from ...core.audio import Audio, load
from ...core.errors import MissingPart
from .protocol import Voice, voice_of, words

Command = Callable[[Voice, np.random.Generator, Path, Path], list[str]]


@dataclass(frozen=True)
class ProgramEngine:
    """`protocol.Engine` around a program.

    command(voice, rng, text file, WAV file) draws pace and pitch from `rng`. packages: the Debian package that has
    the program, then by voice what else it needs. files: by voice what must exist for it.
    """

    name: str
    summary: str
    program: str
    package: str
    voices: tuple[Voice, ...]
    command: Command
    packages: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    held_out: bool = False
    pin: str = ""

    def missing(self, voices: Sequence[str] = ()) -> str:
        """What to install, as a sentence; "" when all is there."""
        absent = [] if shutil.which(self.program) else [self.package]
        named = [voice_of(self, name).name for name in voices] or [voice.name for voice in self.voices]
        absent += [self.packages[name] for name in named if name in self.files and not self.files[name].exists()]
        if not absent:
            return ""
        what = f"the program {self.program}" if absent == [self.package] else "parts that are not here"
        return f"The engine {self.name!r} needs {what}: apt-get install {' '.join(absent)}."

    def check(self, voices: Sequence[str] = ()) -> None:
        """Raise MissingPart when something is missing."""
        if sentence := self.missing(voices):
            raise MissingPart(sentence)

    def speak(self, text: str, voice: str, seed: int) -> Audio:
        """Run the program in a temporary folder."""
        chosen, line = voice_of(self, voice), words(text)
        self.check((voice,))
        with tempfile.TemporaryDirectory(prefix="earwitness-") as folder:
            source, target = Path(folder) / "in.txt", Path(folder) / "out.wav"
            source.write_text(line + "\n", encoding="utf-8")
            program.run(self.command(chosen, np.random.default_rng(seed), source, target), self.name)
            return load(target).mono()
