"""espeak-ng: formant synthesis in many languages. A program under GPL-3, so it is run and never linked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .program import ProgramEngine
from .protocol import Voice

# By language: espeak-ng's name of it, and the variants that are offered.
_ACCENTS = {
    "en-US": ("en-us", ("m3", "m7", "f2", "f4")),
    "en-GB": ("en-gb", ("m2", "f3")),
    "de": ("de", ("m3", "f2")),
    "es": ("es", ("m3", "f2")),
    "fr": ("fr-fr", ("m3", "f2")),
    "it": ("it", ("m3", "f2")),
    "nl": ("nl", ("m3", "f2")),
    "pt": ("pt", ("m3", "f2")),
    "ru": ("ru", ("m3", "f2")),
}


def _command(voice: Voice, rng: np.random.Generator, source: Path, target: Path) -> list[str]:
    pace, pitch = rng.integers(140, 190), rng.integers(38, 62)  # words a minute; 0 to 99, 50 by default
    return [*f"espeak-ng -v {voice.name} -s {pace} -p {pitch} -w".split(), str(target), "-f", str(source)]


ENGINE = ProgramEngine(
    "espeak-ng",
    "formants, by the program espeak-ng",
    "espeak-ng",
    "espeak-ng",
    tuple(
        Voice(f"{name}+{variant}", language, "no restriction on output", "espeak-ng, a program under GPL-3.0")
        for language, (name, variants) in _ACCENTS.items()
        for variant in variants
    ),
    _command,
)
