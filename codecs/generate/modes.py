"""What a generator can make of recordings, by mode, for whoever makes many fakes. No torch until one is opened."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...core.audio import Audio
from ...core.weights import Card
from . import registry
from .prompt import prepared
from .text import phonemise

if TYPE_CHECKING:
    from .continuation import Continued, Continuer
    from .revise import Revised
    from .speaker import Speaker

Mode = Literal["speak", "infill", "resample", "continue"]
_OF: Mapping[str, tuple[Mode, ...]] = {
    "matcha": ("speak",),
    "valle": ("speak",),
    "valler": ("speak", "infill", "resample"),
    "audiolm": ("continue",),
}


def modes_of(card: Card) -> tuple[Mode, ...]:
    """Those that a generator has."""
    return _OF.get(str(card.settings.get("model")), ())


class Modes:
    """A generator, by name or training folder. Input and seed decide what every method makes.

    Each raises as `registry.open` too, and UsageError for a mode that the generator does not have.
    """

    def __init__(self, name: str) -> None:
        """Raises as `registry.open`: its network is opened here."""
        self.name = name
        _ = self._continuer if modes_of(registry.find(name)) == ("continue",) else self._speaker

    @cached_property
    def _speaker(self) -> Speaker:
        return registry.open(self.name)

    @cached_property
    def _continuer(self) -> Continuer:
        return registry.open_continuer(self.name)

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

    def go_on(self, audio: Audio, seconds: float, seed: int) -> Continued:
        """A recording, as a codec copy, and `seconds` of what may follow it. Raises as `Continuer.go_on`."""
        return self._continuer.go_on(audio, seconds, seed, keep_samples=False)
