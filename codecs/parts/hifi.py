"""HiFi-GAN's generator (Kong et al. 2020, section 2.2): transposed convolutions and multi-receptive-field fusion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import PadConv1d, PadConvT1d, keep_variance

_SLOPE = 0.1


class MrfBlock(nn.Module):
    """Residual block of one kernel size: LeakyReLU and a dilated conv for each dilation, each with a skip.

    paired: a second conv without dilation follows each (ResBlock1 of the paper's V1 and V2; V3 has none).
    """

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int], paired: bool) -> None:
        super().__init__()
        self.wide = nn.ModuleList(PadConv1d(channels, channels, kernel, dilation=d, causal=False) for d in dilations)
        self.near = nn.ModuleList(
            PadConv1d(channels, channels, kernel, causal=False) if paired else nn.Identity() for _ in dilations
        )
        self.paired = paired

    def forward(self, x: Tensor) -> Tensor:
        for wide, near in zip(self.wide, self.near, strict=True):
            y = wide(F.leaky_relu(x, _SLOPE))
            x = x + (near(F.leaky_relu(y, _SLOPE)) if self.paired else y)
        return x


class Mrf(nn.Module):
    """Mean of residual blocks with different kernels and dilations."""

    def __init__(
        self, channels: int, kernels: Sequence[int], dilations: Sequence[Sequence[int]], paired: bool
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            MrfBlock(channels, kernel, spread, paired) for kernel, spread in zip(kernels, dilations, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = sum(block(x) for block in self.blocks)  # type: ignore[assignment]
        return total / len(self.blocks)


class HifiGenerator(nn.Module):
    """(batch, inner, frames) -> (batch, 1, frames * prod(strides)) within +-1. Channels halve at each stride."""

    def __init__(
        self,
        inner: int,
        channels: int,
        strides: Sequence[int],
        kernels: Sequence[int],
        dilations: Sequence[Sequence[int]],
        *,
        paired: bool,
    ) -> None:
        super().__init__()
        self.inlet = PadConv1d(inner, channels, 7, causal=False)
        widths = [channels // 2**level for level in range(len(strides) + 1)]
        self.ups = nn.ModuleList(
            PadConvT1d(wide, narrow, stride, causal=False)
            for (wide, narrow), stride in zip(pairwise(widths), strides, strict=True)
        )
        self.fusions = nn.ModuleList(Mrf(width, kernels, dilations, paired) for width in widths[1:])
        self.outlet = PadConv1d(widths[-1], 1, 7, causal=False)
        keep_variance(self)
        # Mels come as they are, far from unit variance: start quiet, or tanh saturates.
        with torch.no_grad():
            self.outlet.conv.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inlet(x)
        for up, fusion in zip(self.ups, self.fusions, strict=True):
            x = fusion(up(F.leaky_relu(x, _SLOPE)))
        return torch.tanh(self.outlet(F.leaky_relu(x)))
