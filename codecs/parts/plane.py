"""Residual blocks over a time-frequency plane (batch, channels, frequencies, frames), and along time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with 4 channels a group, at most 32 groups."""
    return nn.GroupNorm(min(max(1, channels // 4), 32), channels)


class FrequencyAttention(nn.Module):
    """Self-attention over the frequencies of each frame, with a skip."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.attend = nn.MultiheadAttention(channels, heads, batch_first=True)
        nn.init.zeros_(self.attend.out_proj.weight)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, bins, frames = x.shape
        rows = self.norm(x).permute(0, 3, 2, 1).reshape(batch * frames, bins, channels)
        mixed = self.attend(rows, rows, rows, need_weights=False)[0]
        return x + mixed.reshape(batch, frames, bins, channels).permute(0, 3, 2, 1)  # type: ignore[no-any-return]


class ResBlock(nn.Module):
    """GroupNorm, SiLU, conv 3, twice, the second starting at zero; a condition (batch, `condition`) is added between.

    dims 2 for planes, 1 for (batch, channels, frames). Channels are kept or change to `outer` through a 1x1 conv.
    """

    def __init__(self, inner: int, outer: int, *, dims: int = 2, condition: int = 0, attention: bool = False) -> None:
        super().__init__()
        conv = nn.Conv2d if dims == 2 else nn.Conv1d
        self.norm1, self.norm2 = norm(inner), norm(outer)
        self.first = conv(inner, outer, 3, padding=1)
        self.second = conv(outer, outer, 3, padding=1)
        self.skip = conv(inner, outer, 1) if inner != outer else nn.Identity()
        self.condition = nn.Linear(condition, outer) if condition else None
        self.attention = FrequencyAttention(outer) if attention else nn.Identity()
        nn.init.zeros_(self.second.weight)
        if self.condition is not None:
            nn.init.zeros_(self.condition.weight)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        y = self.first(F.silu(self.norm1(x)))
        if self.condition is not None and condition is not None:
            shift = self.condition(condition)
            y = y + shift.reshape(*shift.shape, *(1 for _ in range(y.dim() - 2)))
        y = self.second(F.silu(self.norm2(y)))
        out: Tensor = self.attention(self.skip(x) + y)
        return out


def down(inner: int, outer: int, *, frequency_only: bool, normed: bool = False) -> nn.Module:
    """Frequencies by 4, or frequencies and frames by 2."""
    if frequency_only:
        conv = nn.Conv2d(inner, outer, (5, 1), (4, 1), padding=(2, 0))
    else:
        conv = nn.Conv2d(inner, outer, 3, 2, padding=1)
    return nn.Sequential(norm(inner), conv) if normed else conv


class Up(nn.Module):
    """Inverse of `down`: repeated, then smoothed by a convolution."""

    def __init__(self, inner: int, outer: int, *, frequency_only: bool) -> None:
        super().__init__()
        self.factor = (4.0, 1.0) if frequency_only else (2.0, 2.0)
        kernel = (5, 1) if frequency_only else (3, 3)
        self.conv = nn.Conv2d(inner, outer, kernel, padding=(kernel[0] // 2, kernel[1] // 2))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(F.interpolate(x, scale_factor=self.factor, mode="nearest"))
        return y


def positions(x: Tensor, size: int) -> Tensor:
    """Sines and cosines of x (batch,) at wavelengths growing to 10,000: (batch, size)."""
    steps = torch.arange(size // 2, device=x.device) / (size // 2 - 1)
    angle = x[:, None] * (1e-4**steps)[None]
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
