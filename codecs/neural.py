"""Neural members of the zoo as their users see them. No torch here: an engine runs the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.audio import Audio, exactly, resample
from ..core.errors import DataError, UsageError
from .tokens import Tokens

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
UNUSED = -1


class CodecEngine(Protocol):
    """Runs the two halves of a codec. Waves are (1, 1, n) with n a multiple of the hop."""

    def encode(self, wave: Floats) -> Codes:
        """-> (1, stages, frames)."""
        ...

    def decode(self, codes: Codes) -> Floats:
        """(1, stages, frames), UNUSED where a stage is left out -> (1, 1, n)."""
        ...


class ResynthEngine(Protocol):
    """Runs a vocoder from wave to wave, (1, 1, n) with n a multiple of the hop."""

    def resynth(self, wave: Floats) -> Floats:
        """-> (1, 1, n)."""
        ...


@dataclass(frozen=True)
class NeuralSpec:
    """What the outside of a network must know; `bits` for each quantiser stage, empty for a vocoder.

    scalable: whether the first stages alone give speech too; else all of them are needed.
    """

    name: str
    digest: str
    rate: int
    hop_length: int
    bits: tuple[float, ...] = ()
    scalable: bool = True

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.rate / self.hop_length

    @property
    def code_bits(self) -> int:
        """Bits that one code takes in a token file."""
        return int(np.ceil(max(self.bits)))

    @property
    def kbps(self) -> tuple[float, ...]:
        """Nominal bitrate with 1, 2, ... stages, in kbit/s; with all of them when it is not scalable."""
        rates = tuple(round(float(total) * self.frame_rate / 1000, 3) for total in np.cumsum(np.ceil(self.bits)))
        return rates if self.scalable else rates[-1:]


def _to_frames(audio: Audio, spec: NeuralSpec) -> tuple[Floats, int]:
    """Mono at the network's rate, padded to whole hops: (1, 1, n), and the length before padding."""
    wave = resample(audio, spec.rate).samples
    length = wave.shape[1]
    whole = max(1, -(-length // spec.hop_length)) * spec.hop_length
    return exactly(wave, whole)[None], length


def _by_channel(audio: Audio, spec: NeuralSpec, through: Sequence[Floats]) -> Audio:
    """Stack channels that went through a network, back at the input's rate and length."""
    mono = [resample(Audio(wave, spec.rate), audio.rate).samples[0] for wave in through]
    fitted = [exactly(wave, audio.samples.shape[1]) for wave in mono]
    return Audio(np.stack(fitted).astype(np.float32), audio.rate)


@dataclass(frozen=True)
class NeuralCodec:
    """A codec of the zoo; implements `protocol.Codec`."""

    spec: NeuralSpec
    engine: CodecEngine

    @property
    def name(self) -> str:
        """Name in the zoo."""
        return self.spec.name

    @property
    def kbps(self) -> tuple[float, ...]:
        """Bitrates offered, one for each number of stages."""
        return self.spec.kbps

    def levels_for(self, kbps: float) -> int:
        """Number of stages whose bitrate is nearest to `kbps`. Raises UsageError below zero."""
        if kbps <= 0:
            raise UsageError(f"A bitrate must be above 0 kbit/s, and {kbps:g} is not.")
        if not self.spec.scalable:
            return len(self.spec.bits)
        return int(np.argmin(np.abs(np.array(self.kbps) - kbps))) + 1

    def encode(self, audio: Audio, levels: int | None = None) -> Tokens:
        """Codes of the mono mix with `levels` stages (default all). Raises UsageError for an impossible number."""
        stages = len(self.spec.bits)
        levels = stages if levels is None else levels
        least = 1 if self.spec.scalable else stages
        if not least <= levels <= stages:
            offered = f"1 to {stages}" if self.spec.scalable else f"always {stages}"
            raise UsageError(f"{self.name} has {offered} levels; {levels} is not one of them.")
        wave, length = _to_frames(audio.mono(), self.spec)
        codes = self.engine.encode(wave)[0, :levels]
        spec = self.spec
        return Tokens(codes, spec.name, spec.digest, spec.rate, length, spec.code_bits)

    def decode(self, tokens: Tokens) -> Audio:
        """Speech (1, length) at the codec's rate. Raises DataError for tokens of another codec or other weights."""
        spec = self.spec
        if tokens.codec != spec.name:
            raise DataError(f"These tokens are of the codec {tokens.codec!r}, and this is {spec.name!r}.")
        if tokens.digest != spec.digest or tokens.rate != spec.rate:
            raise DataError(f"These tokens were made with other weights of {spec.name!r} and cannot be decoded.")
        levels, frames = tokens.codes.shape
        if levels > len(spec.bits) or frames * spec.hop_length < tokens.length:
            raise DataError(f"The tokens do not fit {spec.name!r}: {levels} levels, {frames} frames.")
        full = np.full((1, len(spec.bits), frames), UNUSED, dtype=np.int64)
        full[0, :levels] = tokens.codes
        wave = self.engine.decode(full)[0, :, : tokens.length]
        return Audio(np.ascontiguousarray(wave, dtype=np.float32), spec.rate)

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        """Each channel through the codec, at the input's rate and length."""
        levels = None if kbps is None else self.levels_for(kbps)
        parts = (Audio(channel[None], audio.rate) for channel in audio.samples)
        return _by_channel(audio, self.spec, [self.decode(self.encode(part, levels)).samples for part in parts])


@dataclass(frozen=True)
class NeuralVocoder:
    """A vocoder of the zoo; implements `protocol.Resynthesiser`."""

    spec: NeuralSpec
    engine: ResynthEngine
    kbps: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """Name in the zoo."""
        return self.spec.name

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        """Each channel through analysis and synthesis. Raises UsageError when a bitrate is asked for."""
        if kbps is not None:
            raise UsageError(f"{self.name} is a vocoder and has no bitrates; leave out --kbps.")
        through = []
        for channel in audio.samples:
            wave, length = _to_frames(Audio(channel[None], audio.rate), self.spec)
            through.append(self.engine.resynth(wave)[0, :, :length])
        return _by_channel(audio, self.spec, through)
