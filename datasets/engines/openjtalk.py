"""Open JTalk: the HMM voice "Mei" that pyopenjtalk-plus brings, Japanese."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np

from ...core.audio import Audio
from ...core.errors import AudioError, MissingPart
from .pins import Pins, pins_of
from .protocol import Voice, voice_of, words

_CREDIT = 'HTS Voice "Mei", (c) 2009-2013 Nagoya Institute of Technology, MMDAgent, http://www.mmdagent.jp/'


@dataclass(frozen=True)
class OpenJTalk:
    """`protocol.Engine`; the seed draws pace and pitch."""

    pins: Pins = field(default_factory=lambda: pins_of("openjtalk"))
    name: str = "openjtalk"
    summary: str = "HMM (HTS), by pyopenjtalk-plus"
    held_out: bool = False
    voices: Sequence[Voice] = (Voice("mei", "ja", "CC-BY-3.0", _CREDIT),)

    @property
    def pin(self) -> str:
        """Names the voice."""
        return self.pins.pin

    def missing(self, voices: Sequence[str] = ()) -> str:
        """What to install, as a sentence."""
        return self.pins.missing()

    def check(self, voices: Sequence[str] = ()) -> None:
        """Raise MissingPart, WeightsError or UsageError."""
        for name in voices:
            voice_of(self, name)
        self.pins.read("voice")

    def speak(self, text: str, voice: str, seed: int) -> Audio:
        """48 kHz."""
        line = words(text)
        self.check((voice,))
        rng = np.random.default_rng(seed)
        try:
            package = import_module("pyopenjtalk")
        except ImportError as error:
            raise MissingPart(f"The engine {self.name!r} cannot load pyopenjtalk-plus: {error}.") from error
        try:
            samples, rate = package.tts(line, speed=rng.uniform(0.88, 1.12), half_tone=rng.uniform(-1.5, 1.5))
        except RuntimeError as error:
            raise AudioError(f"{self.name}: Open JTalk failed: {error}.") from error
        return Audio((np.asarray(samples)[None] / 32768).astype(np.float32), int(rate))
