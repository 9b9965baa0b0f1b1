"""The net that WavTokenizer puts before its ConvNeXt blocks: residual convolutions around self-attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(min(32, channels // 4), channels, eps=1e-6)


class _Residual(nn.Module):
    """GroupNorm, SiLU, conv 3, twice, with a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _norm(channels),
            nn.SiLU(),
            nn.Conv1d(channels, channels, 3, padding=1),
            _norm(channels),
            nn.SiLU(),
            nn.Conv1d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y


class _Attention(nn.Module):
    """One head of self-attention over all frames, with a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.queries, self.keys, self.values, self.outlet = (nn.Conv1d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        weights = torch.bmm(self.queries(y).transpose(1, 2), self.keys(y)) * x.shape[1] ** -0.5
        mixed = torch.bmm(self.values(y), F.softmax(weights, dim=-1).transpose(1, 2))
        out: Tensor = self.outlet(mixed)
        return x + out


class PositionNet(nn.Sequential):
    """(batch, channels, frames) kept: two residual blocks, attention, two residual blocks, GroupNorm."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            _Residual(channels),
            _Residual(channels),
            _Attention(channels),
            _Residual(channels),
            _Residual(channels),
            _norm(channels),
        )
