"""Codecs that only a program speaks: Codec2 and Speex where they are installed, EVS where the user has it.

The programs read and write raw or WAV files, so sound goes through a temporary folder. EVS may not be passed on: name
your own binaries in EARWITNESS_EVS_ENCODER and EARWITNESS_EVS_DECODER (EVS_cod and EVS_dec of 3GPP TS 26.443).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.audio import Audio, exactly, resample
from ..core.audio import load as load_audio
from ..core.audio import save as save_audio
from ..core.errors import MissingPart, UsageError
from ..core.program import run

Samples = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Commands = Callable[["Program", float, Path], list[list[str]]]


@dataclass(frozen=True)
class Program:
    """A resynthesiser of `protocol.Resynthesiser` around an encoder and a decoder program.

    commands(program, kbps, folder) turn folder/in to folder/out, 16-bit samples at `rate`. needs: programs by the
    name of the variable that may point to them. delay: samples to drop.
    """

    name: str
    summary: str
    rate: int
    kbps: tuple[float, ...]
    needs: Mapping[str, str]
    commands: Commands
    wav: bool = False
    delay: int = 0
    advice: str = ""

    def path(self, program: str) -> str | None:
        """Where a needed program lies, None when it is not there."""
        return shutil.which(os.environ.get(self.needs[program], program))

    def present(self) -> bool:
        """Whether all programs are there."""
        return all(self.path(program) for program in self.needs)

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        """Each channel through the programs; same rate, length and channels come back.

        Raises UsageError for a bitrate that is not offered, MissingPart without the programs, AudioError when they
        fail.
        """
        chosen = max(self.kbps) if kbps is None else kbps
        if chosen not in self.kbps:
            raise UsageError(
                f"{self.name} has one of {', '.join(f'{k:g}' for k in self.kbps)}, not {chosen:g} kbit/s."
            )
        if not self.present():
            raise MissingPart(self.missing())
        length = audio.samples.shape[1]
        coded = resample(audio, self.rate)
        made = np.stack([self._channel(channel, chosen) for channel in coded.samples])
        back = resample(Audio(made, self.rate), audio.rate)
        return Audio(exactly(back.samples, length), audio.rate)

    def missing(self) -> str:
        """What to install, as a sentence."""
        absent = ", ".join(program for program in self.needs if not self.path(program))
        return f"{self.name!r} needs the program {absent}, which is not on the PATH. {self.advice}".strip()

    def _channel(self, samples: Samples, kbps: float) -> Samples:
        with tempfile.TemporaryDirectory(prefix="earwitness-") as name:
            folder = Path(name)
            padded = exactly(samples[None], samples.size + self.rate // 5)
            if self.wav:
                save_audio(folder / "in.wav", Audio(padded, self.rate))
            else:
                pcm = np.clip(np.round(padded[0] * 32768), -32768, 32767).astype("<i2")
                (folder / "in").write_bytes(pcm.tobytes())
            for command in self.commands(self, kbps, folder):
                run(command, self.name)
            if self.wav:
                out = load_audio(folder / "out.wav").samples[0]
            else:
                out = np.frombuffer((folder / "out").read_bytes(), dtype="<i2").astype(np.float32) / 32768
        kept: Samples = exactly(out[None, self.delay :], samples.size)[0]
        return kept


def _codec2(program: Program, kbps: float, folder: Path) -> list[list[str]]:
    mode = {0.7: "700C"}.get(kbps, f"{kbps * 1000:.0f}")
    encoder, decoder = (program.path(name) or name for name in program.needs)
    coded = str(folder / "coded")
    return [[encoder, mode, str(folder / "in"), coded], [decoder, mode, coded, str(folder / "out")]]


def _speex(program: Program, kbps: float, folder: Path) -> list[list[str]]:
    encoder, decoder = (program.path(name) or name for name in program.needs)
    coded = str(folder / "coded.spx")
    rate = ["--bitrate", f"{kbps * 1000:.0f}", "--wideband"]
    return [[encoder, *rate, str(folder / "in.wav"), coded], [decoder, coded, str(folder / "out.wav")]]


def _evs(program: Program, kbps: float, folder: Path) -> list[list[str]]:
    encoder, decoder = (program.path(name) or name for name in program.needs)
    coded, khz = str(folder / "coded"), f"{program.rate // 1000}"
    return [
        [encoder, f"{kbps * 1000:.0f}", khz, str(folder / "in"), coded],
        [decoder, khz, coded, str(folder / "out")],
    ]


_MEMBERS = {
    member.name: member
    for member in (
        Program(
            "codec2",
            "Codec2, 8 kHz sinusoidal speech codec (programs c2enc and c2dec)",
            8_000,
            (0.7, 1.2, 1.3, 1.4, 1.6, 2.4, 3.2),
            {"c2enc": "EARWITNESS_C2ENC", "c2dec": "EARWITNESS_C2DEC"},
            _codec2,
            # 20 ms, the delay of all modes but 700C, which has some 10 ms more.
            delay=160,
            advice="Debian and Ubuntu have it in the package codec2.",
        ),
        Program(
            "speex",
            "Speex, 16 kHz CELP speech codec (programs speexenc and speexdec)",
            16_000,
            (3.95, 5.75, 7.75, 9.8, 12.8, 16.8, 20.6, 27.8),
            {"speexenc": "EARWITNESS_SPEEXENC", "speexdec": "EARWITNESS_SPEEXDEC"},
            _speex,
            wav=True,
            advice="Debian and Ubuntu have it in the package speex.",
        ),
        Program(
            "evs",
            "EVS, 3GPP's codec for calls (your own EVS_cod and EVS_dec)",
            16_000,
            (7.2, 8.0, 9.6, 13.2, 16.4, 24.4),
            {"EVS_cod": "EARWITNESS_EVS_ENCODER", "EVS_dec": "EARWITNESS_EVS_DECODER"},
            _evs,
            advice="Set EARWITNESS_EVS_ENCODER and EARWITNESS_EVS_DECODER to your binaries.",
        ),
    )
}


def members() -> list[Program]:
    """Those whose programs are there."""
    return [member for member in _MEMBERS.values() if member.present()]


def names() -> list[str]:
    """Names of `members`."""
    return [member.name for member in members()]


def known() -> list[str]:
    """Names of all, installed or not."""
    return list(_MEMBERS)


def open(name: str) -> Program:
    """A member by name. Raises UsageError for an unknown name, MissingPart without its programs."""
    if name not in _MEMBERS:
        raise UsageError(f"There is no codec program {name!r}; known: {', '.join(_MEMBERS)}.")
    if not _MEMBERS[name].present():
        raise MissingPart(_MEMBERS[name].missing())
    return _MEMBERS[name]
