"""Policies: how often each step is drawn and from which ranges, in the order of the way from mouth to file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..codecs.classical_modes import MODES
from ..core.errors import RecipeError
from . import rooms
from .augment_denoise import Denoise
from .augment_device import Band, Compress, Gain, Overdrive, Peak, RawBoost, Tilt
from .augment_line import Codec, Loss, Rate
from .augment_place import Bed, Noise, Room
from .augment_step import Step

Range = tuple[float, float]

# How often a codec is drawn among codecs: what recordings meet in life, and what they cost in time.
_COMMON_CODECS = {
    "mp3": 4.0,
    "aac": 5.0,
    "opus": 3.0,
    "opus-voip": 3.0,
    "vorbis": 2.0,
    "amr-nb": 2.0,
    "gsm": 2.0,
    "g722": 1.5,
    "g726": 1.5,
    "mulaw": 2.0,
    "alaw": 2.0,
}
_RARE_CODECS = {
    "g723.1": 0.5,
    "msbc": 0.5,
    "sbc": 0.5,
    "mp2": 1.0,
    "ac3": 0.5,
    "eac3": 0.5,
    "wma2": 1.0,
    "nellymoser": 0.3,
    "adpcm-ima": 0.7,
    "adpcm-ms": 0.5,
    "adpcm-vox": 0.5,
    "real-144": 0.1,
}
_RATES = (8000, 11025, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True)
class Policy:
    """Chances (0..1) of each step for a clip that does not stay clean, and ranges to draw from.

    clean: share of clips that nothing is done to. noise is Gaussian, bed recorded (only when beds are at
    hand); snr in dB for both. phone, lowpass: shares of the two kinds of band limit. second: chance that a
    coded clip is coded again by another codec. codecs: weight of each. gain_db is drawn for each clip.
    """

    name: str
    clean: float
    room: float = 0.0
    noise: float = 0.0
    bed: float = 0.0
    snr: Range = (0.0, 30.0)
    overdrive: float = 0.0
    denoise: float = 0.0
    compress: float = 0.0
    tilt: float = 0.0
    peak: float = 0.0
    phone: float = 0.0
    lowpass: float = 0.0
    rate: float = 0.0
    codec: float = 0.0
    second: float = 0.0
    codecs: Mapping[str, float] = field(default_factory=dict)
    loss: float = 0.0
    rawboost: float = 0.0
    gain: float = 0.0
    gain_db: Range = (-12.0, 6.0)


POLICIES = {
    found.name: found
    for found in (
        Policy("none", clean=1.0),
        Policy(
            "light",
            clean=0.4,
            noise=0.3,
            bed=0.3,
            snr=(15.0, 40.0),
            tilt=0.2,
            lowpass=0.1,
            rate=0.3,
            codec=0.4,
            codecs={name: _COMMON_CODECS[name] for name in ("mp3", "aac", "opus", "vorbis")},
            gain=0.8,
            gain_db=(-6.0, 3.0),
        ),
        Policy(
            "lossy",
            clean=0.0,
            lowpass=0.1,
            rate=0.3,
            codec=1.0,
            second=0.25,
            codecs={"opus": 4.0, "opus-voip": 3.0, "mp3": 3.0, "aac": 2.0, "vorbis": 1.0, "g722": 0.5},
            gain=0.8,
            gain_db=(-6.0, 3.0),
        ),
        Policy(
            "wide",
            clean=0.3,
            room=0.3,
            noise=0.25,
            bed=0.35,
            overdrive=0.1,
            denoise=0.1,
            compress=0.2,
            tilt=0.25,
            peak=0.2,
            phone=0.12,
            lowpass=0.15,
            rate=0.35,
            codec=0.65,
            second=0.2,
            codecs=_COMMON_CODECS | _RARE_CODECS,
            loss=0.1,
            rawboost=0.15,
            gain=0.8,
        ),
    )
}


def named(name: str) -> Policy:
    """A shipped policy. Raises RecipeError for an unknown name."""
    if name not in POLICIES:
        raise RecipeError(f"There is no augmentation policy {name!r}; known: {', '.join(POLICIES)}.")
    return POLICIES[name]


def draw_steps(rng: np.random.Generator, policy: Policy, beds: Sequence[str]) -> tuple[Step, ...]:
    """Steps by the policy; how many numbers are drawn from `rng` depends on what they were."""
    if rng.random() < policy.clean:
        return ()
    steps = [*_place(rng, policy, beds), *_device(rng, policy), *_line(rng, policy)]
    if _happens(rng, policy.gain):
        steps.append(Gain(_between(rng, policy.gain_db)))
    return tuple(steps)


def _place(rng: np.random.Generator, policy: Policy, beds: Sequence[str]) -> list[Step]:
    steps: list[Step] = []
    if _happens(rng, policy.room):
        steps.append(Room(int(rng.integers(rooms.COUNT))))
    if _happens(rng, policy.noise):
        steps.append(Noise(str(rng.choice(["white", "pink", "brown"])), _between(rng, policy.snr)))
    if _happens(rng, policy.bed) and beds:
        steps.append(Bed(beds[int(rng.integers(len(beds)))], _between(rng, policy.snr)))
    return steps


def _device(rng: np.random.Generator, policy: Policy) -> list[Step]:
    steps: list[Step] = []
    if _happens(rng, policy.overdrive):
        steps.append(Overdrive(str(rng.choice(["soft", "hard"])), _between(rng, (1.0, 9.0))))
    if _happens(rng, policy.denoise):
        steps.append(Denoise(_between(rng, (6.0, 30.0)), _between(rng, (0.7, 3.0))))
    if _happens(rng, policy.tilt):
        steps.append(Tilt(_between(rng, (-4.0, 4.0))))
    if _happens(rng, policy.peak):
        hertz = round(float(np.exp(rng.uniform(np.log(100.0), np.log(6000.0)))), 1)
        steps.append(Peak(hertz, _between(rng, (-12.0, 9.0)), _between(rng, (0.3, 2.0))))
    if _happens(rng, policy.compress):
        steps.append(Compress(_between(rng, (-30.0, -10.0)), _between(rng, (1.5, 6.0))))
    if _happens(rng, policy.rawboost):
        steps.append(RawBoost(int(rng.integers(1, 9))))
    return steps


def _line(rng: np.random.Generator, policy: Policy) -> list[Step]:
    steps: list[Step] = []
    if _happens(rng, policy.phone):
        steps.append(Band(_between(rng, (200.0, 400.0)), _between(rng, (3000.0, 3800.0)), int(rng.integers(2, 7))))
    elif _happens(rng, policy.lowpass):
        steps.append(Band(0.0, _between(rng, (3000.0, 8000.0)), int(rng.integers(4, 11))))
    if _happens(rng, policy.rate):
        steps.append(Rate(int(rng.choice(_RATES))))
    if _happens(rng, policy.codec):
        steps.append(_codec(rng, policy.codecs))
        if _happens(rng, policy.loss):
            fill = str(rng.choice(["zero", "repeat", "fade"]))
            packet = int(rng.choice([10, 20, 40, 60]))
            steps.append(Loss(_between(rng, (0.5, 15.0)), packet, _between(rng, (1.0, 3.0)), fill))
        if _happens(rng, policy.second):
            steps.append(_codec(rng, policy.codecs))
    return steps


_KBPS = {mode.name: mode.kbps for mode in MODES}


def _codec(rng: np.random.Generator, weights: Mapping[str, float]) -> Codec:
    names = list(weights)
    share = np.array([weights[name] for name in names])
    name = names[int(rng.choice(len(names), p=share / share.sum()))]
    return Codec(name, float(rng.choice(_KBPS[name])) if _KBPS[name] else 0.0)


def _happens(rng: np.random.Generator, chance: float) -> bool:
    return bool(rng.random() < chance)


def _between(rng: np.random.Generator, bounds: Range) -> float:
    return round(float(rng.uniform(*bounds)), 2)
