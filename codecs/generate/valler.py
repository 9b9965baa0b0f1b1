"""VALL-E R (Han et al. 2024): a language model over codec tokens that always knows which phone it is saying.

The published model predicts at each step whether to stay on a phone or move to the next; here the durations come from
a predictor, so the pointer moves by itself and can neither skip nor loop. Codes of our `wavtokenizer`: one codebook
of 2048 at 80 Hz, so no second stage is needed, and as clear at 0.9 kbps as our `soundstream` at 1.5 (STOI 0.71).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.recipe import Strict
from .parts import Layout, Mel, PhoneEncoder, Voice
from .sampling import Sampler, guided
from .transformer import GroupedCodes, Transformer, TransformerConfig, corrupted


class VallerConfig(Strict):
    """Widths; codes of the codec and its hop in samples; `group` neighbours are one step.

    free: share of training clips without a condition, for guidance. corrupt: in training up to this share of the past
    codes is replaced, another for each clip. Real past codes say nearly all of what comes next, so a model that
    always has them does not learn to look at the phones.
    """

    dim: int = 192
    heads: int = 4
    layers: int = 4
    hidden: int = 384
    phone_layers: int = 2
    codebook: int = 2048
    hop_length: int = 200
    group: int = 1
    free: float = 0.1
    corrupt: float = 0.9
    dropout: float = 0.1


class Valler(nn.Module):
    """Phones, their ends in samples and a prompt become codes (batch, frames)."""

    rate = 16_000

    def __init__(self, config: VallerConfig) -> None:
        super().__init__()
        self.config, self.hop_length = config, config.hop_length
        shape = TransformerConfig(
            dim=config.dim, heads=config.heads, layers=config.layers, hidden=config.hidden, dropout=config.dropout
        )
        self.mel, self.voice = Mel(), Voice(config.dim)
        self.encoder = PhoneEncoder(shape.model_copy(update={"layers": config.phone_layers}))
        self.layout = Layout(config.dim)
        # One more code than the codec has: before the first.
        self.codes = GroupedCodes(config.codebook + 1, config.dim, config.group)
        self.body = Transformer(shape, causal=True)
        self.nothing = nn.Parameter(torch.zeros(config.dim))

    def encode(self, phones: Tensor, prompt: Tensor, present: Tensor) -> Tensor:
        """Phones (batch, phones), a prompt's wave (batch, n), bool (batch, phones) -> (batch, phones, dim)."""
        encoded: Tensor = self.encoder(phones, self.voice(self.mel(prompt)), present)
        return encoded

    def conditions(self, encoded: Tensor, ends: Tensor, start: Tensor, frames: int) -> Tensor:
        """(batch, steps, dim) for frames from sample `start` (batch,) of the clip: where the pointer stands."""
        centres = start[:, None] + self.hop_length * torch.arange(frames, device=ends.device) + self.hop_length // 2
        laid: Tensor = self.layout(encoded, ends, centres)
        batch, count, dim = laid.shape
        return laid.reshape(batch, count // self.config.group, self.config.group, dim).mean(2)

    def logits(self, past: Tensor, condition: Tensor) -> Tensor:
        """Past codes (batch, frames), the first `group` of them the start mark, condition (batch, steps, dim)."""
        return self.codes.logits(self.body(self.codes.embed(past) + condition))

    def losses(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Of a batch of `datasets.utterances.Spoken` with codes: `code` (nats) and `length`."""
        config, codes = self.config, batch["codes"][:, 0]
        codes = codes[:, : codes.shape[1] // config.group * config.group]
        encoded = self.encode(batch["phones"], batch["prompt"], batch["present"])
        condition = self.conditions(encoded, batch["ends"], batch["start"], codes.shape[1])
        alone = torch.rand(len(codes), 1, 1, device=codes.device) < config.free
        condition = torch.where(alone, self.nothing, condition)
        past = F.pad(codes, (config.group, 0), value=config.codebook)[:, : -config.group]
        past = torch.where(past < 0, config.codebook, past)
        past = corrupted(past, config.codebook, config.corrupt)
        logits = self.logits(past, condition)
        return {
            "code": F.cross_entropy(logits.flatten(0, 1), codes.flatten(), ignore_index=-1),
            "length": self.encoder.length_loss(encoded, batch["ends"], batch["present"]),
        }

    @torch.no_grad()
    def render(
        self, encoded: Tensor, ends: Tensor, *, sampler: Sampler, guidance: float, generator: torch.Generator
    ) -> Tensor:
        """Codes (1, 1, frames) of encoded phones that end at `ends` (1, phones), in samples.

        guidance 1 is without; above it, a second pass that is told nothing is moved away from.
        """
        steps = -(-int(ends[0, -1]) // (self.hop_length * self.config.group))
        empty = torch.full((1, 1, steps * self.config.group), -1)
        every = torch.ones(empty.shape[-1], dtype=torch.bool)
        return self.redraw(empty, every, encoded, ends, sampler=sampler, guidance=guidance, generator=generator)

    @torch.no_grad()
    def redraw(
        self,
        codes: Tensor,
        redrawn: Tensor,
        encoded: Tensor,
        ends: Tensor,
        *,
        sampler: Sampler,
        generator: torch.Generator,
        guidance: float = 1.0,
        forced: bool = False,
    ) -> Tensor:
        """Codes (1, 1, frames), a multiple of the group, in which those of bool (frames,) `redrawn` are drawn anew.

        forced: each is drawn after the given codes instead of after those drawn before it.
        """
        group, size = self.config.group, self.config.codebook
        given, steps = codes[0, 0].tolist(), codes.shape[-1] // group
        anew = redrawn.nonzero()
        if not len(anew):
            return codes
        # What stands before the first code to draw is known, and all of it when forced: one pass for that.
        first, last = int(anew[0]) // group, int(anew[-1]) // group + 1
        known = last if forced else first + 1
        condition = self.conditions(encoded, ends, torch.zeros(1, dtype=torch.int64), steps * group)
        lanes = 1 if guidance == 1 else 2
        if lanes == 2:
            condition = torch.cat([condition, self.nothing.expand_as(condition)])
        cache = self.body.cache(lanes, last)

        def ahead(begin: int, end: int) -> Tensor:
            past = torch.tensor([size] * group + (given if forced else said))[group * begin : group * end]
            hidden = self.body(self.codes.embed(past.expand(lanes, -1)) + condition[:, begin:end], cache)
            rows = self.codes.logits(hidden)[..., :size]
            return rows[0] if lanes == 1 else guided(rows[0], rows[1], guidance)

        said: list[int] = given[: group * first]
        rows = ahead(0, known)[group * first :]
        for step in range(first, last):
            place = step - first if step < known else 0
            if step >= known:
                rows = ahead(step, step + 1)
            for row in rows[group * place : group * (place + 1)]:
                said.append(sampler.draw(row, said, generator) if redrawn[len(said)] else given[len(said)])
        return torch.tensor([*said, *given[len(said) :]])[None, None]
