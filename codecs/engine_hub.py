"""Engines over the networks of other packages."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.sound import exactly
from .neural import Codes, Floats


def _used(codes: Codes) -> Codes:
    """Codes without the stages that are left out."""
    return codes[:, (codes >= 0).all(axis=(0, 2))]


class TransformersEngine:
    """Implements neural.CodecEngine over transformers' EncodecModel, DacModel or MimiModel."""

    def __init__(self, kind: str, model: Any) -> None:
        self.kind, self.model = kind, model.eval()

    @torch.no_grad()
    def encode(self, wave: Floats) -> Codes:
        """(1, 1, n) -> (1, stages, frames)."""
        heard = torch.from_numpy(wave)
        if self.kind == "encodec":
            codes: Tensor = self.model.encode(heard, bandwidth=max(self.model.config.target_bandwidths)).audio_codes[
                0
            ]
        elif self.kind == "mimi":
            codes = self.model.encode(heard, num_quantizers=self.model.config.num_quantizers).audio_codes
        else:
            codes = self.model.encode(heard).audio_codes
        return np.asarray(codes.numpy(), dtype=np.int64)

    @torch.no_grad()
    def decode(self, codes: Codes) -> Floats:
        """(1, stages, frames) -> (1, 1, n)."""
        kept = torch.from_numpy(_used(codes))
        if self.kind == "encodec":
            wave = self.model.decode(kept[None], [None]).audio_values
        elif self.kind == "mimi":
            wave = self.model.decode(kept).audio_values
        else:
            wave = self.model.decode(audio_codes=kept).audio_values
        config = self.model.config
        hop = round(config.sampling_rate / config.frame_rate) if self.kind == "mimi" else config.hop_length
        # DAC's odd strides fall some samples short of whole hops.
        return exactly(wave.reshape(1, 1, -1).numpy(), codes.shape[-1] * int(hop))


class SnacEngine:
    """Implements neural.CodecEngine over SNAC, whose codebooks run at different rates.

    One column is one coarsest frame: rows hold its coarse code, then the codes of the next book in time order, and
    so on, `rows` in all.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._each = [max(model.vq_strides) // stride for stride in model.vq_strides]
        self.rows = sum(self._each)

    @torch.no_grad()
    def encode(self, wave: Floats) -> Codes:
        """(1, 1, n) -> (1, rows, coarse frames)."""
        books = [book.numpy()[0] for book in self.model.encode(torch.from_numpy(wave))]
        frames = min(len(book) // each for book, each in zip(books, self._each, strict=True))
        rows = [book[: frames * each].reshape(frames, each).T for book, each in zip(books, self._each, strict=True)]
        return np.concatenate(rows)[None].astype(np.int64)

    @torch.no_grad()
    def decode(self, codes: Codes) -> Floats:
        """(1, rows, coarse frames) -> (1, 1, n), its noise the same each time."""
        books, start = [], 0
        for each in self._each:
            books.append(torch.from_numpy(np.ascontiguousarray(codes[0, start : start + each].T.reshape(1, -1))))
            start += each
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            wave: Floats = self.model.decode(books).numpy()
        return wave
