"""The one transformer of the generators: pre-norm, rotary positions, SDPA, a static key-value cache, grouped codes.

Feed-forward layers are linear (SwiGLU, Shazeer 2020): a convolution of the same size costs half as much again on a
CPU.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.recipe import Strict


class TransformerConfig(Strict):
    """Widths; `hidden` of the feed-forward layer."""

    dim: int = 192
    heads: int = 4
    layers: int = 4
    hidden: int = 384
    dropout: float = 0.0


@dataclass
class Cache:
    """Keys and values of all layers, (batch, heads, most, head_dim) each, written in place, read up to `filled`."""

    keys: list[Tensor]
    values: list[Tensor]
    filled: int = 0

    @property
    def most(self) -> int:
        """Positions that fit."""
        return self.keys[0].shape[2]


@dataclass
class _Layer:
    """What one layer needs of the whole: rotation of its positions, mask, where its keys go."""

    rotation: tuple[Tensor, Tensor]
    causal: bool
    mask: Tensor | None = None
    keys: Tensor | None = None
    values: Tensor | None = None
    start: int = field(default=0)


class Attention(nn.Module):
    """Multi-head self-attention with rotary positions (Su et al. 2021, RoFormer, eq. 34)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.inlet = nn.Linear(config.dim, 3 * config.dim, bias=False)
        self.outlet = nn.Linear(config.dim, config.dim, bias=False)

    def forward(self, x: Tensor, layer: _Layer) -> Tensor:
        """(batch, n, dim) -> (batch, n, dim)."""
        batch, length, dim = x.shape
        query, key, value = (
            part.reshape(batch, length, self.heads, -1).transpose(1, 2) for part in self.inlet(x).chunk(3, dim=-1)
        )
        query, key = rotate(query, *layer.rotation), rotate(key, *layer.rotation)
        causal = layer.causal
        if layer.keys is not None and layer.values is not None:
            stop = layer.start + length
            layer.keys[:, :, layer.start : stop], layer.values[:, :, layer.start : stop] = key, value
            key, value = layer.keys[:, :, :stop], layer.values[:, :, :stop]
            # A single new position may see all before it, so it needs no mask; SDPA's own would align to the start.
            causal = causal and layer.start == 0 and length > 1
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=layer.mask, is_causal=causal)
        y: Tensor = self.outlet(mixed.transpose(1, 2).reshape(batch, length, dim))
        return y


class Block(nn.Module):
    """RMSNorm, attention, skip; RMSNorm, SwiGLU, skip."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm_attention, self.norm_hidden = nn.RMSNorm(config.dim), nn.RMSNorm(config.dim)
        self.attention = Attention(config)
        self.expand = nn.Linear(config.dim, 2 * config.hidden, bias=False)
        self.contract = nn.Linear(config.hidden, config.dim, bias=False)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, layer: _Layer) -> Tensor:
        """(batch, n, dim) -> (batch, n, dim)."""
        x = x + self.drop(self.attention(self.norm_attention(x), layer))
        gate, value = self.expand(self.norm_hidden(x)).chunk(2, dim=-1)
        return x + self.drop(self.contract(F.silu(gate) * value))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """A stack of blocks over embedded inputs, causal or not."""

    def __init__(self, config: TransformerConfig, *, causal: bool) -> None:
        super().__init__()
        if config.dim % (2 * config.heads):
            raise ValueError("dim must be a multiple of twice the heads")
        self.causal, self.head_dim, self.heads = causal, config.dim // config.heads, config.heads
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.dim)
        # GPT-2's scaling: what the blocks add does not grow with their number.
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                narrow = name.endswith(("outlet.weight", "contract.weight"))
                nn.init.normal_(weight, std=0.02 * ((2 * config.layers) ** -0.5 if narrow else 1.0))

    def cache(self, batch: int, most: int) -> Cache:
        """Room for `most` positions."""
        like = next(self.parameters())
        shape = (batch, self.heads, most, self.head_dim)
        return Cache([like.new_zeros(shape) for _ in self.blocks], [like.new_zeros(shape) for _ in self.blocks])

    def forward(self, x: Tensor, cache: Cache | None = None, present: Tensor | None = None) -> Tensor:
        """(batch, n, dim) -> (batch, n, dim).

        cache: x follows what it holds, and is added to it; after the first call one position at a time, or several.
        present: bool (batch, n), False at padding that nobody may look at; without a cache only.
        Raises ValueError when the cache is full.
        """
        length, start = x.shape[1], 0 if cache is None else cache.filled
        if cache is not None and start + length > cache.most:
            raise ValueError(f"the cache holds {cache.most} positions, and {start + length} are wanted")
        rotation = rotations(self.head_dim, start, length, x)
        mask = self._mask(x, start, present)
        for number, block in enumerate(self.blocks):
            layer = _Layer(rotation, self.causal and mask is None, mask, start=start)
            if cache is not None:
                layer.keys, layer.values = cache.keys[number], cache.values[number]
            x = block(x, layer)
        if cache is not None:
            cache.filled += length
        y: Tensor = self.norm(x)
        return y

    def _mask(self, x: Tensor, start: int, present: Tensor | None) -> Tensor | None:
        """Who may look at whom, where SDPA's own causal mask does not say it: broadcasts to (batch, 1, n, n)."""
        length = x.shape[1]
        if present is not None:
            seen = present[:, None, None, :]
            seen = seen & _before(length, 0, x.device) if self.causal else seen
            # Padding sees itself, since a row that sees nothing would be NaN.
            return seen | torch.eye(length, dtype=torch.bool, device=x.device)
        if self.causal and start and length > 1:
            return _before(length, start, x.device)
        return None


def _before(length: int, start: int, device: torch.device) -> Tensor:
    """(length, start + length): True where a position may look, at itself and before."""
    place = torch.arange(start + length, device=device)
    return place[None] <= place[start:, None]


def rotations(head_dim: int, start: int, length: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the positions from `start`, (length, head_dim / 2) each."""
    rate = 10_000.0 ** (-torch.arange(0, head_dim, 2, device=like.device, dtype=torch.float32) / head_dim)
    angle = torch.arange(start, start + length, device=like.device, dtype=torch.float32)[:, None] * rate
    return angle.cos().to(like.dtype), angle.sin().to(like.dtype)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn the pairs (first half, second half) of (..., n, head_dim) by their positions' angles."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)


class GroupedCodes(nn.Module):
    """Codes in and out of a language model, `group` neighbours as one step (VALL-E 2, Chen et al. 2024, section 3.2).

    size: number of codes. The embeddings of a group are joined and projected to one input, and one output gives the
    logits of all its codes; a group of 1 is plain autoregression.
    """

    def __init__(self, size: int, dim: int, group: int = 1) -> None:
        super().__init__()
        self.size, self.group = size, group
        self.table = nn.Embedding(size, dim)
        self.inlet = nn.Linear(group * dim, dim, bias=False) if group > 1 else nn.Identity()
        self.outlet = nn.Linear(dim, group * size)
        nn.init.normal_(self.table.weight, std=0.02)

    def embed(self, codes: Tensor) -> Tensor:
        """(batch, n) with n a multiple of the group -> (batch, n / group, dim)."""
        batch, length = codes.shape
        y: Tensor = self.inlet(self.table(codes).reshape(batch, length // self.group, -1))
        return y

    def logits(self, hidden: Tensor) -> Tensor:
        """(batch, steps, dim) -> (batch, steps * group, size), the logits of each code of each step."""
        batch, steps, _ = hidden.shape
        y: Tensor = self.outlet(hidden).reshape(batch, steps * self.group, self.size)
        return y


def corrupted(past: Tensor, codes: int, most: float) -> Tensor:
    """Past codes (batch, n) for training: of each row up to the share `most`, another each time, is replaced."""
    share = most * torch.rand(len(past), 1, device=past.device)
    wrong = torch.rand(past.shape, device=past.device) < share
    return torch.where(wrong, torch.randint_like(past, codes), past)
