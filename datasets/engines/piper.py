"""Piper's VITS, the graph alone in ONNX Runtime: the GPL program around it is not used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...core.audio import Audio
from ...core.errors import MissingPart
from . import phonemes
from .pinned import PinnedEngine
from .pins import Pins, pins_of
from .protocol import Voice, voice_of, words

# Phonemes in one call: far more than a sentence, and little memory.
_MOST = 400
_JOE = Voice(
    "joe",
    "en-US",
    "CC0-1.0 by its card",
    "Piper voice en_US-joe-medium; fine-tuned from the voice 'lessac', whose corpus is for research only",
)


@dataclass(frozen=True)
class Piper(PinnedEngine):
    """`protocol.Engine`; the seed draws how varied tone and timing are, the pace, and the noise."""

    pins: Pins = field(default_factory=lambda: pins_of("piper"))
    name: str = "piper"
    summary: str = "neural: VITS with a HiFi-GAN decoder, ONNX"
    held_out: bool = False
    voices: Sequence[Voice] = (_JOE,)

    def speak(self, text: str, voice: str, seed: int) -> Audio:
        """At the rate of the voice's settings, 22.05 kHz for this one."""
        import onnxruntime

        from ...core.onnx_session import open_session

        line = words(text)
        voice_of(self, voice)
        if not phonemes.present():
            raise MissingPart(self.missing())
        table = self._settings["phoneme_id_map"]
        rng = np.random.default_rng(seed)
        # noise_scale, length_scale, noise_w around the defaults 0.667, 1, 0.8.
        scales = rng.uniform((0.5, 0.85, 0.6), (0.8, 1.18, 0.95)).astype(np.float32)
        # The graph draws its noise itself, from a generator that is set when a session opens.
        onnxruntime.set_seed(int(rng.integers(2**31)))
        session = open_session(self._model, name=self.name, optimise=False)
        spoken = []
        for part in phonemes.symbols(phonemes.clauses(line, self.name), table, _MOST):
            ids = np.array([[*table["^"], *table["_"], *self._padded(part), *table["$"]]], np.int64)
            fed = {"input": ids, "input_lengths": np.array([ids.shape[1]], np.int64), "scales": scales}
            spoken.append(np.asarray(session.run(["output"], fed)[0], np.float32).reshape(-1))
        return Audio(np.concatenate(spoken)[None], int(self._settings["audio"]["sample_rate"]))

    def _padded(self, part: str) -> list[int]:
        """Ids of the phonemes, a blank behind each."""
        table = self._settings["phoneme_id_map"]
        return [number for symbol in part for number in (*table[symbol], *table["_"])]

    def _chosen(self, name: str) -> Voice:
        return voice_of(self, name)

    def _read(self) -> None:
        _ = self._settings, self._model

    @cached_property
    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = json.loads(self.pins.read("settings"))
        return settings

    @cached_property
    def _model(self) -> bytes:
        return self.pins.read("model")
