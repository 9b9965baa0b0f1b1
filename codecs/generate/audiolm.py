"""AudioLM (Borsos et al. 2022): what is said next as semantic units, then how it sounds as codec tokens.

Units of our `phonenet` (40 Hz, 256) and codes of our `wavtokenizer` (80 Hz, one codebook), so the paper's coarse and
fine stages are one. Two simplifications: the units are added to the codes' inputs where they lie in time instead of
standing before them, and a voice vector of the prompt is given besides its codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.recipe import Strict
from ..parts.layers import ConvNeXt1d
from .parts import Mel, Voice
from .sampling import Sampler
from .transformer import GroupedCodes, Transformer, TransformerConfig, corrupted

Tick = Callable[[int], None]
"""tick(steps done)."""
# Codes of the codec in the time of one unit.
CODES = 2
# Blocks of kernel 5 over the units: what comes two units later is told too.
_AROUND = 1


class AudioLmConfig(Strict):
    """Widths of the acoustic stage, as in `valler`, so that it can start from one; of the semantic stage, `unit_...`.

    units, codebook: how many there are; hop_length: samples of a unit; window: units that a stage looks back on;
    corrupt: in training up to this share of the past codes is replaced, another for each clip, as `valler` does, so
    that the codes follow the units; unit_corrupt: the same of the past units.
    """

    dim: int = 192
    heads: int = 4
    layers: int = 4
    hidden: int = 384
    unit_dim: int = 128
    unit_layers: int = 4
    unit_hidden: int = 256
    units: int = 256
    codebook: int = 2048
    hop_length: int = 400
    window: int = 144
    corrupt: float = 0.9
    unit_corrupt: float = 0.2


class AudioLm(nn.Module):
    """Units and codes of a prompt go on as others; a table of both is (CODES + 1, frames), the unit last."""

    rate = 16_000

    def __init__(self, config: AudioLmConfig) -> None:
        super().__init__()
        self.config, self.hop_length = config, config.hop_length
        heads = config.heads
        shape = TransformerConfig(dim=config.dim, heads=heads, layers=config.layers, hidden=config.hidden)
        smaller = {"dim": config.unit_dim, "layers": config.unit_layers, "hidden": config.unit_hidden}
        # One more than there are: before the first.
        self.units = GroupedCodes(config.units + 1, config.unit_dim)
        self.semantic = Transformer(shape.model_copy(update=smaller), causal=True)
        self.codes = GroupedCodes(config.codebook + 1, config.dim)
        self.body = Transformer(shape, causal=True)
        self.guide = nn.Embedding(config.units, config.dim)
        self.around = nn.Sequential(*(ConvNeXt1d(config.dim, 2 * config.dim, kernel=5) for _ in range(_AROUND)))
        self.mel, self.voice = Mel(), Voice(config.dim)

    def conditions(self, units: Tensor, prompt: Tensor) -> Tensor:
        """What each code is told: units (batch, frames) around it, a prompt's wave (batch, n) -> (batch, CODES
        frames, dim).
        """
        told: Tensor = self.around(self.guide(units).transpose(1, 2)).transpose(1, 2)
        voice: Tensor = self.voice(self.mel(prompt))
        return told.repeat_interleave(CODES, 1) + voice[:, None]

    def losses(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Of a batch of `datasets.utterances.Spoken` with tables as codes: `unit` and `code` (nats each)."""
        table = batch["codes"]
        units, codes = table[:, CODES], table[:, :CODES].transpose(1, 2).flatten(1)
        condition = self.conditions(units.clamp_min(0), batch["prompt"])
        return {
            "unit": _loss(self.units, self.semantic, units, None, self.config.unit_corrupt),
            "code": _loss(self.codes, self.body, codes, condition, self.config.corrupt),
        }

    @torch.no_grad()
    def more_units(
        self, given: Sequence[int], count: int, sampler: Sampler, generator: torch.Generator, tick: Tick | None = None
    ) -> list[int]:
        """`count` units that follow the given ones."""
        window = self.config.window
        return grown(self.units, self.semantic, None, given, count, window, sampler, generator, tick)

    @torch.no_grad()
    def more_codes(
        self,
        units: Sequence[int],
        given: Sequence[int],
        prompt: Tensor,
        sampler: Sampler,
        generator: torch.Generator,
        tick: Tick | None = None,
    ) -> list[int]:
        """The codes that follow the given ones up to the end of all units, those of the given ones among them.

        prompt: a wave (1, n), whose voice it is.
        """
        condition = self.conditions(torch.tensor([list(units)]), prompt)
        count, window = CODES * len(units) - len(given), CODES * self.config.window
        return grown(self.codes, self.body, condition, given, count, window, sampler, generator, tick)


def _loss(table: GroupedCodes, body: Transformer, codes: Tensor, condition: Tensor | None, corrupt: float) -> Tensor:
    """Nats a code, of codes (batch, n) with -1 where there is none; up to that share of the past is replaced."""
    start = table.size - 1
    past = F.pad(codes, (1, 0), value=start)[:, :-1]
    past = torch.where(past < 0, start, past)
    logits = predicted(table, body, corrupted(past, start, corrupt), condition)
    return F.cross_entropy(logits.flatten(0, 1), codes.flatten(), ignore_index=-1)


def predicted(table: GroupedCodes, body: Transformer, past: Tensor, condition: Tensor | None) -> Tensor:
    """Logits (batch, n, size) after each of the past codes (batch, n)."""
    told = table.embed(past)
    return table.logits(body(told if condition is None else told + condition))


def grown(
    table: GroupedCodes,
    body: Transformer,
    condition: Tensor | None,
    given: Sequence[int],
    count: int,
    window: int,
    sampler: Sampler,
    generator: torch.Generator,
    tick: Tick | None = None,
) -> list[int]:
    """`count` codes after the given ones, drawn one by one by a body that looks back on a window of them at most.

    Since no training piece was longer, a full window is begun anew with its later half. condition: (1, all, dim).
    """
    said, start = list(given), table.size - 1
    cache = body.cache(1, window)
    cache.filled = window
    for number in range(count):
        if cache.filled == window:
            first = max(0, len(said) - window // 2)
            cache = body.cache(1, window)
            past = [start, *said[first:]]
        else:
            first, past = len(said), said[-1:]
        told = table.embed(torch.tensor([past]))
        if condition is not None:
            told = told + condition[:, first : len(said) + 1]
        logits = table.logits(body(told, cache)[:, -1:])[0, 0, :start]
        said.append(sampler.draw(logits, said, generator))
        if tick is not None:
            tick(number + 1)
    return said[len(given) :]
