"""Kokoro-82M (StyleTTS 2 with an iSTFTNet decoder) as int8 ONNX, speaking English through IPA.

The package's styles are Japanese speakers; what they say in English comes out well all the same. A mean of styles is
a further voice: "jf_alpha+jm_kumo"; a name that comes twice weighs twice.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.audio import Audio
from ...core.errors import MissingPart
from . import phonemes
from .pinned import PinnedEngine
from .pins import Pins, pins_of
from .protocol import Voice, voice_of, words

RATE = 24_000
_STYLES = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
# A style for each length; the model takes 512 symbols, of which two are its frame.
_MOST = 509


def _voice(*styles: str) -> Voice:
    what = "style" if len(styles) == 1 else "mean of styles"
    return Voice("+".join(styles), "en-US", "Apache-2.0", f"hexgrad, Kokoro-82M, {what} {', '.join(styles)}")


@dataclass(frozen=True)
class Kokoro(PinnedEngine):
    """`protocol.Engine`. The held-out one: the attack that no detector of ours has heard in training."""

    pins: Pins = field(default_factory=lambda: pins_of("kokoro"))
    name: str = "kokoro"
    summary: str = "neural: style diffusion and an inverse-STFT decoder, ONNX"
    held_out: bool = True
    voices: Sequence[Voice] = (*map(_voice, _STYLES), *(_voice(*pair) for pair in combinations(_STYLES, 2)))

    def speak(self, text: str, voice: str, seed: int) -> Audio:
        """24 kHz; the seed draws the pace. The graph itself holds no chance."""
        chosen, line = self._chosen(voice), words(text)
        if not phonemes.present():
            raise MissingPart(self.missing())
        styles = np.mean([self._styles[name] for name in chosen.name.split("+")], axis=0)
        speed = np.float32(np.random.default_rng(seed).uniform(0.88, 1.12))
        spoken = []
        for part in phonemes.symbols(phonemes.clauses(line, self.name), self._symbols, _MOST):
            ids = [self._symbols[symbol] for symbol in part]
            fed = {
                "tokens": np.array([[0, *ids, 0]], np.int64),
                "style": styles[len(ids)].reshape(1, -1).astype(np.float32),
                "speed": np.array([speed], np.float32),
            }
            spoken.append(np.asarray(self._session.run(["audio"], fed)[0], np.float32).reshape(-1))
        return Audio(np.concatenate(spoken)[None], RATE)

    def _chosen(self, name: str) -> Voice:
        """A listed voice, or any other mixture of the styles."""
        parts = name.split("+")
        if len(parts) > 1 and name not in {voice.name for voice in self.voices}:
            listed = [voice_of(self, part) for part in parts]
            return replace(listed[0], name=name, note=_voice(*parts).note)
        return voice_of(self, name)

    def _read(self) -> None:
        _ = self._styles, self._symbols, self._session

    @cached_property
    def _styles(self) -> dict[str, NDArray[np.float32]]:
        with np.load(io.BytesIO(self.pins.read("styles")), allow_pickle=False) as table:
            return {name: table[name] for name in table.files}

    @cached_property
    def _symbols(self) -> dict[str, int]:
        table: dict[str, int] = json.loads(self.pins.read("symbols"))["vocab"]
        return table

    @cached_property
    def _session(self) -> Any:
        from ...core.onnx_session import open_session

        return open_session(self.pins.read("model"), name=self.name)
