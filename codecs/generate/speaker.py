"""A trained generator that says phones in the voice of a prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core import weights
from ...core.audio import Audio
from ...core.errors import UsageError
from ...core.weights import Card
from ..engine_torch import load_model
from .coding import codec_of, decoded
from .loading import loaded
from .parts import RATE, unscaled
from .sampling import Sampler
from .text import IDS, SIL, Phones, estimate
from .valler import Valler

# Seconds: of silence at the edges of a piece, of a pause, of a phone.
_EDGE, _PAUSE, _PHONE = 0.1, (0.08, 0.4), (0.02, 0.4)
# A piece is not longer than most clips of the training.
_MOST_PHONES = 60
_MOST_PROMPT = 8 * RATE
_VALLE_PROMPT = 3 * RATE
# Share of the usual length before which VALL-E may not end, and at which it must.
_LEAST, _MOST = 0.7, 1.6


@dataclass(frozen=True)
class Manner:
    """How to speak. pace: above 1 faster. steps, temperature: of the flow. guidance, sampler: of codes; without a
    sampler, the usual one with the card's threshold of repetition.
    """

    pace: float = 1.0
    steps: int = 8
    # Matcha's own is 0.667; a model of a few minutes' training is understood better below it.
    temperature: float = 0.3
    guidance: float = 2.0
    sampler: Sampler | None = None


class Speaker:
    """Opened from its card; `digest` is that of the weights."""

    def __init__(self, card: Card) -> None:
        settings = card.settings
        self.name, self.digest = card.name, card.files["safetensors"]["sha256"]
        if settings["model"] == "audiolm":
            raise UsageError(f"{card.name!r} speaks no text; it continues a recording: earwitness continue.")
        self.model = loaded(card)
        self._say: Callable[[Phones, NDArray[np.float32], Manner, torch.Generator], NDArray[np.float32]]
        if settings["model"] == "matcha":
            self._vocoder: Any = _vocoder()
            self._say = self._matcha
        else:
            self._codec = codec_of(card)
            self._threshold = float(settings["repetition"])
            self._say = self._valler if settings["model"] == "valler" else self._valle

    def speak(
        self, sentences: Sequence[Phones], prompt: NDArray[np.float32], seed: int, manner: Manner | None = None
    ) -> Audio:
        """The sentences one after the other, mono at 16 kHz.

        sentences: from `text.phonemise`; prompt: from `prompt.prepared`. The same seed gives the same sound on the
        same machine. Raises EarwitnessError when the model says nothing.
        """
        generator = torch.Generator().manual_seed(seed)
        pieces = [piece for sentence in sentences for piece in cut(sentence)]
        with torch.no_grad():
            waves = [self._say(piece, prompt, manner or Manner(), generator) for piece in pieces]
        wave = np.concatenate(waves)
        return Audio((wave / max(1.0, float(np.abs(wave).max(initial=0.0)) / 0.99)).astype(np.float32)[None], RATE)

    @property
    def hop_length(self) -> int:
        """Samples between two frames."""
        return int(self.model.hop_length)

    def again(
        self, wave: NDArray[np.float32], phones: Phones, stops: Tensor, span: tuple[int, int] | None, seed: int
    ) -> NDArray[np.float32]:
        """Prepared speech (n,) through the codec, the frames of `span` drawn anew; None: all, after their real past.

        stops: int64 (1, phones), where each phone of it ends. Raises UsageError for a model that cannot.
        """
        if not isinstance(self.model, Valler):
            raise UsageError(f"{self.name!r} cannot speak parts of a recording again; a 'valler' can.")
        codes = self._codec.encode(Audio(wave[None], RATE)).codes
        frames, group = codes.shape[1], self.model.config.group
        padded = np.pad(codes[:1], ((0, 0), (0, -frames % group)), mode="edge")
        redrawn = torch.zeros(padded.shape[1], dtype=torch.bool)
        redrawn[slice(None) if span is None else slice(*span)] = True
        ids = _ids(phones)
        with torch.no_grad():
            heard = torch.from_numpy(wave[None, :_MOST_PROMPT])
            encoded = self.model.encode(ids, heard, torch.ones_like(ids, dtype=torch.bool))
            drawn = self.model.redraw(
                torch.from_numpy(padded)[None],
                redrawn,
                encoded,
                stops,
                sampler=self._sampler(Manner()),
                generator=torch.Generator().manual_seed(seed),
                forced=span is None,
            )
        return self._decoded(drawn[..., :frames])

    def _timed(self, phones: Phones, prompt: NDArray[np.float32], pace: float) -> tuple[Tensor, Tensor]:
        ids = _ids(phones)
        heard = torch.from_numpy(prompt[None, :_MOST_PROMPT])
        encoded = self.model.encode(ids, heard, torch.ones_like(ids, dtype=torch.bool))
        return encoded, ends(phones, self.model.encoder.log_seconds(encoded)[0].exp().numpy(), pace)[None]

    def _matcha(
        self, phones: Phones, prompt: NDArray[np.float32], manner: Manner, generator: torch.Generator
    ) -> NDArray[np.float32]:
        encoded, stops = self._timed(phones, prompt, manner.pace)
        mel = self.model.render(
            encoded, stops, steps=manner.steps, temperature=manner.temperature, generator=generator
        )
        wave: NDArray[np.float32] = self._vocoder.synthesise(unscaled(mel))[0, 0].numpy()
        return wave

    def _valler(
        self, phones: Phones, prompt: NDArray[np.float32], manner: Manner, generator: torch.Generator
    ) -> NDArray[np.float32]:
        encoded, stops = self._timed(phones, prompt, manner.pace)
        sampler = self._sampler(manner)
        codes = self.model.render(encoded, stops, sampler=sampler, guidance=manner.guidance, generator=generator)
        return self._decoded(codes)

    def _valle(
        self, phones: Phones, prompt: NDArray[np.float32], manner: Manner, generator: torch.Generator
    ) -> NDArray[np.float32]:
        # A short prompt is heard again, as in training.
        heard = self._codec.encode(Audio(np.resize(prompt, _VALLE_PROMPT)[None], RATE)).codes
        usual = estimate(phones) / manner.pace * RATE / self.model.hop_length
        codes = self.model.render(
            _ids(phones),
            torch.from_numpy(heard[None, : self.model.config.levels]),
            least=int(_LEAST * usual),
            most=int(_MOST * usual),
            sampler=self._sampler(manner),
            generator=generator,
        )
        return self._decoded(codes)

    def _sampler(self, manner: Manner) -> Sampler:
        return manner.sampler or Sampler(threshold=self._threshold)

    def _decoded(self, codes: Tensor) -> NDArray[np.float32]:
        return decoded(self._codec, codes[0].numpy())


def ends(phones: Phones, seconds: NDArray[np.floating[Any]], pace: float) -> Tensor:
    """Where each phone ends, int64 (phones,) in samples, from predicted seconds kept within what speech can be."""
    silent = np.array([phone == SIL for phone in phones])
    lasting = np.where(silent, np.clip(seconds, *_PAUSE), np.clip(seconds, *_PHONE)) / pace
    lasting[0], lasting[-1] = (_EDGE if silent[k] else lasting[k] for k in (0, -1))
    return torch.from_numpy(np.cumsum(np.rint(lasting * RATE)).astype(np.int64))


def cut(sentence: Phones) -> list[Phones]:
    """A sentence in pieces of at most _MOST_PHONES, at its pauses where it has some, with SIL at all ends."""
    if len(sentence) <= _MOST_PHONES:
        return [sentence]
    middle = len(sentence) // 2
    pauses = [k for k in range(1, len(sentence) - 1) if sentence[k] == SIL]
    place = min(pauses, key=lambda k: abs(k - middle), default=middle)
    return [*cut((*sentence[:place], SIL)), *cut((SIL, *sentence[place:][sentence[place] == SIL :]))]


def _ids(phones: Phones) -> Tensor:
    return torch.tensor([[IDS[phone] for phone in phones]])


def _vocoder() -> Any:
    card = weights.card("vocos", "vocoder")
    return load_model(card.settings["model"], card.settings["arguments"], weights.path(card, "safetensors"))
