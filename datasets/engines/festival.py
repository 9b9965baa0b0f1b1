"""Festival: an HMM voice (HTS) and a diphone voice."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .program import ProgramEngine
from .protocol import Voice

_VOICES = Path("/usr/share/festival/voices")
_LICENCE = "BSD-like (CMU)"


def _command(voice: Voice, rng: np.random.Generator, source: Path, target: Path) -> list[str]:
    pace = rng.uniform(0.88, 1.15)
    # The HMM engine has its own rate, above 1 for faster; diphones are stretched.
    scheme = (
        f'(set! hts_engine_params (cons \'("-r" {pace:.3f}) hts_engine_params))'
        if voice.name.endswith("_hts")
        else f"(Parameter.set 'Duration_Stretch {1 / pace:.3f})"
    )
    return ["text2wave", "-eval", f"(voice_{voice.name})", "-eval", scheme, str(source), "-o", str(target)]


ENGINE = ProgramEngine(
    "festival",
    "HMM (HTS) and diphones, by the program text2wave",
    "text2wave",
    "festival",
    (
        Voice("cmu_us_slt_arctic_hts", "en-US", _LICENCE, "HTS working group and CMU ARCTIC speaker slt"),
        Voice("kal_diphone", "en-US", _LICENCE, "Carnegie Mellon University, diphones of kal"),
    ),
    _command,
    packages={"cmu_us_slt_arctic_hts": "festvox-us-slt-hts", "kal_diphone": "festvox-kallpc16k"},
    files={
        "cmu_us_slt_arctic_hts": _VOICES / "us" / "cmu_us_slt_arctic_hts",
        "kal_diphone": _VOICES / "english" / "kal_diphone",
    },
)
