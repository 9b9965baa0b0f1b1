"""A real recording that a model goes on with. No text is given: what follows is like speech, often without sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ...core.audio import Audio, exactly, resample
from ...core.weights import Card
from .audiolm import CODES, AudioLm
from .coding import codec_of, decoded
from .joining import FADE, joined
from .loading import loaded
from .prompt import check_seconds, loudness, prepared
from .recogniser import Recogniser
from .sampling import Sampler

RATE = 16_000
# Seconds of the prompt that give the voice.
_VOICE = 8 * RATE


@dataclass(frozen=True, eq=False)
class Continued:
    """Mono at 16 kHz, the recording and what follows it from second `start` on; clarity: see `Recogniser.clarity`."""

    audio: Audio
    start: float
    clarity: float

    def alone(self) -> Audio:
        """Only what the model made."""
        return Audio(self.audio.samples[:, round(self.start * RATE) :], RATE)


class Continuer:
    """Opened from its card and the recogniser whose units it learnt."""

    def __init__(self, card: Card, recogniser: Recogniser) -> None:
        self.name, self.recogniser = card.name, recogniser
        self.model: AudioLm = loaded(card)
        self._codec = codec_of(card)
        # Units last for several frames, and real speech repeats them: each stage has a threshold of its own.
        self.sampler = Sampler(threshold=float(card.settings["repetition"]))
        self.unit_sampler = Sampler(threshold=float(card.settings["unit_repetition"]))

    def go_on(
        self,
        audio: Audio,
        seconds: float,
        seed: int,
        *,
        keep_samples: bool = True,
        tick: Callable[[int, int], None] | None = None,
    ) -> Continued:
        """A recording, continued for `seconds`; the same seed gives the same on the same machine.

        keep_samples: the recording's own samples stay, else it goes through the codec as well. tick(done, steps).
        Raises UsageError as `prompt.check_seconds` and AudioError as `prompt.prepared`.
        """
        check_seconds(seconds)
        voice, heard = prepared(audio), resample(audio.mono(), RATE).samples[0]
        hop = self.model.hop_length
        # So much of its end is faded out that the border lies on a unit.
        known = (heard.size - FADE) // hop
        units = self.recogniser.units(voice)[:known].tolist()
        codes = self._codec.encode(Audio(voice[None], RATE)).codes[0, : CODES * known].tolist()
        count, generator = max(1, round(seconds * RATE / hop)), torch.Generator().manual_seed(seed)
        steps = (1 + CODES) * count

        def told(before: int) -> Callable[[int], None]:
            return lambda done: None if tick is None else tick(before + done, steps)

        units += self.model.more_units(units, count, self.unit_sampler, generator, told(0))
        prompt = torch.from_numpy(voice[None, -_VOICE:])
        codes += self.model.more_codes(units, codes, prompt, self.sampler, generator, told(count))
        made = decoded(self._codec, np.array([codes]))
        clarity = self.recogniser.clarity(made[known * hop :])
        made = made * np.float32(loudness(heard) / loudness(voice))
        made = made / np.float32(max(1.0, float(np.abs(made).max()) / 0.99))
        if keep_samples:
            made = joined(exactly(heard, made.size), made, known * hop, made.size)
        return Continued(Audio(made[None], RATE), known * hop / RATE, clarity)
