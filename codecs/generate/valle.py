"""VALL-E (Wang et al. 2023): text and a 3-second prompt, codes of the first level one by one, then the others.

Our `soundstream`, the first four levels (50 Hz, 1024 codes each). Two simplifications: the words of the prompt are
not given, only its codes; and the level of the second stage is an added embedding instead of AdaLN.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import EarwitnessError
from ...core.recipe import Strict
from .sampling import Sampler
from .text import PHONES
from .transformer import Transformer, TransformerConfig


class ValleConfig(Strict):
    """Widths; levels, codes and hop in samples of the codec."""

    dim: int = 192
    heads: int = 4
    layers: int = 4
    hidden: int = 384
    levels: int = 4
    codebook: int = 1024
    hop_length: int = 320


class Valle(nn.Module):
    """Phones and the codes of a prompt become codes (batch, levels, frames)."""

    rate = 16_000

    def __init__(self, config: ValleConfig) -> None:
        super().__init__()
        self.config, self.hop_length = config, config.hop_length
        shape = TransformerConfig(dim=config.dim, heads=config.heads, layers=config.layers, hidden=config.hidden)
        # Two more than the codec has: the mark before speech, and the end.
        self.start, self.end = config.codebook, config.codebook + 1
        self.phones = nn.Embedding(len(PHONES), config.dim)
        self.tables = nn.ModuleList(nn.Embedding(config.codebook + 2, config.dim) for _ in range(config.levels))
        self.kinds = nn.Embedding(3, config.dim)
        self.levels = nn.Embedding(config.levels, config.dim)
        self.first, self.others = Transformer(shape, causal=True), Transformer(shape, causal=False)
        self.first_out = nn.Linear(config.dim, config.codebook + 2)
        self.others_out = nn.ModuleList(nn.Linear(config.dim, config.codebook) for _ in range(config.levels - 1))

    def _sum(self, codes: Tensor, levels: int) -> Tensor:
        """Embeddings of the first levels of codes (batch, levels, frames), added: (batch, frames, dim)."""
        return torch.stack([table(codes[:, k]) for k, table in enumerate(self.tables) if k < levels]).sum(0)

    def _text(self, phones: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Embedded phones, their padding moved in front, where it does not part text and speech; who is there.

        So training and speaking lay out a prompt alike.
        """
        count, most = present.sum(1, keepdim=True), phones.shape[1]
        place = torch.arange(most, device=phones.device) - (most - count)
        moved = phones.gather(1, place.clamp_min(0))
        return self.phones(moved) + self.kinds.weight[0], place >= 0

    def losses(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Of a batch of whole clips with codes: `first` and `others` (nats a code)."""
        codes, prompt = batch["codes"][:, : self.config.levels], batch["prompt_codes"][:, : self.config.levels]
        text, there = self._text(batch["phones"], batch["present"])
        return {
            "first": self._first_loss(text, there, prompt, codes[:, 0]),
            "others": self._others_loss(text, there, prompt, codes),
        }

    def _first_loss(self, text: Tensor, there: Tensor, prompt: Tensor, codes: Tensor) -> Tensor:
        past = F.pad(codes, (1, 0), value=self.start)
        target = F.pad(codes, (0, 1), value=-1)
        ends = (codes >= 0).sum(1)
        target[torch.arange(len(codes), device=codes.device), ends] = self.end
        before = torch.cat([prompt[:, 0], past.clamp_min(0)], dim=1)
        x = torch.cat([text, self._spoken(before, prompt.shape[-1])], dim=1)
        hidden = self.first(x, present=F.pad(there, (0, before.shape[1]), value=True))
        logits = self.first_out(hidden[:, -target.shape[1] :])
        return F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1)

    def _spoken(self, codes: Tensor, prompt: int) -> Tensor:
        """First-level codes (batch, frames) as inputs; `prompt` of them are the prompt's."""
        kind = (torch.arange(codes.shape[1], device=codes.device) >= prompt).long() + 1
        y: Tensor = self.tables[0](codes) + self.kinds(kind)
        return y

    def _others_loss(self, text: Tensor, there: Tensor, prompt: Tensor, codes: Tensor) -> Tensor:
        level = int(torch.randint(1, self.config.levels, ()))
        target = codes[:, level]
        hidden = self._others(text, there, prompt, codes.clamp_min(0), level, target >= 0)
        logits = self.others_out[level - 1](hidden)
        return F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1)

    def _others(
        self, text: Tensor, there: Tensor, prompt: Tensor, codes: Tensor, level: int, spoken: Tensor
    ) -> Tensor:
        """Hidden states (batch, frames, dim) for one later level, given those below it."""
        heard = self._sum(prompt, self.config.levels) + self.kinds.weight[1]
        below = self._sum(codes, level) + self.kinds.weight[2]
        x = torch.cat([text, heard, below], dim=1) + self.levels.weight[level]
        present = torch.cat([F.pad(there, (0, heard.shape[1]), value=True), spoken], dim=1)
        hidden: Tensor = self.others(x, present=present)
        return hidden[:, -codes.shape[-1] :]

    @torch.no_grad()
    def render(
        self, phones: Tensor, prompt: Tensor, *, least: int, most: int, sampler: Sampler, generator: torch.Generator
    ) -> Tensor:
        """Codes (1, levels, frames) of phones (1, phones) in the voice of prompt codes (1, levels, frames).

        The end may come after `least` frames and must by `most`. Raises EarwitnessError when nothing was said.
        """
        text, there = self._text(phones, torch.ones_like(phones, dtype=torch.bool))
        cache = self.first.cache(1, text.shape[1] + prompt.shape[-1] + most + 1)
        before = F.pad(prompt[:, 0], (0, 1), value=self.start)
        hidden = self.first(torch.cat([text, self._spoken(before, prompt.shape[-1])], dim=1), cache)
        said = list[int]()
        while len(said) < most:
            logits = self.first_out(hidden[:, -1])[0]
            logits[self.start] = float("-inf")
            if len(said) < least:
                logits[self.end] = float("-inf")
            code = sampler.draw(logits, said, generator)
            if code == self.end:
                break
            said.append(code)
            hidden = self.first(self._spoken(torch.tensor([[code]]), 0), cache)
        if not said:
            raise EarwitnessError("The model ended before it said anything; try another --seed.")
        codes = torch.tensor(said)[None, None]
        spoken = torch.ones_like(codes[:, 0], dtype=torch.bool)
        for level in range(1, self.config.levels):
            below = F.pad(codes, (0, 0, 0, self.config.levels - level))
            hidden = self._others(text, there, prompt, below, level, spoken)
            codes = torch.cat([codes, self.others_out[level - 1](hidden).argmax(-1)[:, None]], dim=1)
        return codes
