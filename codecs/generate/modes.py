"""What a generator can make of recordings, by mode, for whoever makes many fakes. No torch until one is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from ...core.audio import Audio
from ...core.weights import Card
from . import registry
from .prompt import prepared
from .text import phonemise

if TYPE_CHECKING:
    from .revise import Revised
    from .speaker import Speaker

Mode = Literal["speak", "infill", "resample"]
MODES: tuple[Mode, ...] = get_args(Mode)
_OF: Mapping[str, tuple[Mode, ...]] = {"matcha": ("speak",), "valle": ("speak",), "valler": MODES}


def modes_of(card: Card) -> tuple[Mode, ...]:
    """Those that a generator has."""
    return _OF.get(str(card.settings.get("model")), ())


class Modes:
    """An opened generator, by `open`. Every method is as its namesake, and as repeatable: seed and input decide."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    def speak(self, text: str, prompt: Audio, seed: int) -> Audio:
        """`text` in the voice of a recording. Raises as `phonemise`, `prepared` and `Speaker.speak`."""
        return self._speaker.speak(phonemise(text), prepared(prompt), seed)

    def infill(self, audio: Audio, text: str, seed: int) -> Revised:
        """A word or stretch of a recording that says `text`, spoken again; the rest a codec copy.

        Raises as `revise.infill` and `revise.drawn_span`.
        """
        from . import revise

        found = revise.found_in(audio, text)
        start, end = revise.drawn_span(found, np.random.default_rng(seed))
        return revise.infill(self._speaker, audio, text, start, end, seed, keep_samples=False, found=found)

    def resample(self, audio: Audio, text: str, seed: int) -> Revised:
        """A recording that says `text` with every code drawn anew. Raises as `revise.resample_codes`."""
        from . import revise

        return revise.resample_codes(self._speaker, audio, text, seed)


def open(name: str) -> Modes:
    """By name or training folder. Raises as `registry.open`."""
    return Modes(registry.open(name))
