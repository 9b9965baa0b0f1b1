"""Attacks on a mark by name: what life and adversaries do to a recording.

    attack("mp3:64", audio, resynthesise=...)   attack("room:0.5@3,noise-pink:20", audio, seed=7)

A name may be followed by a colon and a setting, a second one by @; commas chain attacks. Codecs, classical and
neural, belong to other rooms and come in through `resynthesise`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

import numpy as np

from ..core.audio import Audio
from ..core.errors import AudioError, UsageError
from ..core.run import seed_for
from ..core.text import printable
from . import attack_level, attack_place, attack_removal, attack_time
from .attack_kit import Attack, Setting
from .attack_suites import SUITES, suite

__all__ = ["SUITES", "Attack", "Resynthesise", "Setting", "attack", "family", "names", "suite"]

Resynthesise = Callable[[str, Audio, float | None], Audio]
"""(name of a codec or vocoder, audio, kbit/s or None for its highest) -> what comes back, same rate and length."""

_KBPS = (Setting("kbit/s", 0, 0, 1000),)
_CODECS = tuple(
    Attack(name, kind, f"coded and decoded: {name}", _KBPS)
    for kind, many in (
        ("codec", "mp3 aac opus opus-voip vorbis amr-nb mulaw alaw g722 g726 gsm"),
        ("neural", "soundstream streamcodec vocos encodec dac snac mimi lyra"),
    )
    for name in many.split()
)
_ANY_CODEC = Attack("codec", "neural", "any codec or vocoder of the zoo, as codec:NAME or codec:NAME@KBPS")
_ALL = (
    *_CODECS,
    _ANY_CODEC,
    *attack_level.ATTACKS,
    *attack_place.ATTACKS,
    *attack_time.ATTACKS,
    *attack_removal.ATTACKS,
)
_BY_NAME = {known.name: known for known in _ALL}


def names() -> tuple[Attack, ...]:
    """All attacks. Which codecs really run depends on what is handed to `attack`."""
    return _ALL


def family(name: str) -> str:
    """The family of an attack string (of the last one of a chain, neural before all others)."""
    families = [_found(part)[0].family for part in _parts(name)]
    return "neural" if "neural" in families else families[-1]


def attack(name: str, audio: Audio, seed: int = 0, resynthesise: Resynthesise | None = None) -> Audio:
    """`audio` after the attack: same rate and channels; the length changes only where the attack is about it.

    The same name and seed give the same samples. Raises UsageError for an unknown name, an impossible setting, or a
    codec without `resynthesise`; AudioError for samples that are NaN or Inf.
    """
    if not np.isfinite(audio.samples).all():
        raise AudioError("Samples that are NaN or Inf cannot be attacked.")
    # All are read before the first runs.
    steps = [(part, *_found(part)) for part in _parts(name)]
    for place, (part, known, text) in enumerate(steps):
        if known.run is None:
            audio = _coded(known, text, audio, resynthesise)
        elif audio.samples.shape[1]:
            first, second = (*known.read(text), 0.0, 0.0)[:2]
            rng = np.random.default_rng(seed_for(seed, f"{place} {part}"))
            audio = known.run(audio, first, second, rng)
    return audio


def _parts(name: str) -> list[str]:
    return [part.strip() for part in name.split(",")]


def _found(part: str) -> tuple[Attack, str]:
    """The attack and what stands after its colon. Raises UsageError, with the nearest known name."""
    name, _, text = part.partition(":")
    known = _BY_NAME.get(name)
    if known is None:
        near = difflib.get_close_matches(name, _BY_NAME, 1, 0.3)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(_BY_NAME)}."
        raise UsageError(f"There is no attack {printable(name)!r}; {hint}")
    if known is _ANY_CODEC:
        codec, _, kbps = text.partition("@")
        if not codec:
            raise UsageError("codec takes the name of a codec after the colon, such as codec:soundstream@2.")
        known, text = Attack(codec, "neural", known.help, _KBPS), kbps
    known.read(text)
    return known, text


def _coded(known: Attack, text: str, audio: Audio, resynthesise: Resynthesise | None) -> Audio:
    (kbps,) = known.read(text)
    if resynthesise is None:
        raise UsageError(f"{known.name} is a codec, and no codecs were handed in.")
    return resynthesise(known.name, audio, kbps or None)
