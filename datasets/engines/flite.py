"""Flite: small voices of Carnegie Mellon, clunits and diphones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .program import ProgramEngine
from .protocol import Voice

_LICENCE = "BSD-like (CMU)"
_CREDIT = "Carnegie Mellon University, Flite; {}"
_MEAN_PITCH = {"kal16": 105.0}


def _command(voice: Voice, rng: np.random.Generator, source: Path, target: Path) -> list[str]:
    command = ["flite", "-voice", voice.name, "--setf", f"duration_stretch={rng.uniform(0.9, 1.15):.3f}"]
    if voice.name in _MEAN_PITCH:  # the others take their pitch from the recorded units
        command += ["--setf", f"int_f0_target_mean={_MEAN_PITCH[voice.name] * rng.uniform(0.85, 1.25):.1f}"]
    return [*command, "-f", str(source), "-o", str(target)]


ENGINE = ProgramEngine(
    "flite",
    "units and diphones, by the program flite",
    "flite",
    "flite",
    (
        Voice("slt", "en-US", _LICENCE, _CREDIT.format("CMU ARCTIC speaker slt")),
        Voice("rms", "en-US", _LICENCE, _CREDIT.format("CMU ARCTIC speaker rms")),
        Voice("awb", "en-GB", _LICENCE, _CREDIT.format("CMU ARCTIC speaker awb")),
        Voice("kal16", "en-US", _LICENCE, _CREDIT.format("diphones of kal")),
    ),
    _command,
)
