"""Narrow discriminators. Each forward gives (logits, feature maps) for waves (batch, 1, n)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.spectral_torch import Mdct, Stft

Judgement = tuple[Tensor, list[Tensor]]


class Plane(nn.Module):
    """Five 2-D convolutions over a time-frequency plane, strided in frequency."""

    def __init__(self, inner: int, channels: int) -> None:
        super().__init__()
        shapes = [(inner, (2, 1)), (channels, (2, 1)), (channels, (2, 2)), (channels, (2, 1))]
        self.layers = nn.ModuleList(
            nn.Conv2d(width, channels, (5, 3), stride, padding=(2, 1)) for width, stride in shapes
        )
        self.last = nn.Conv2d(channels, 1, (3, 3), padding=1)

    def forward(self, plane: Tensor) -> Judgement:
        maps = []
        for layer in self.layers:
            plane = F.leaky_relu(layer(plane), 0.1)
            maps.append(plane)
        return self.last(plane), maps


class StftCritic(nn.Module):
    """Judges the complex STFT at one resolution (EnCodec, section 3.4, narrow)."""

    def __init__(self, n_fft: int, channels: int) -> None:
        super().__init__()
        self.stft = Stft(n_fft, n_fft // 4, fast=True)
        self.plane = Plane(2, channels)

    def forward(self, wave: Tensor) -> Judgement:
        return self.plane(torch.stack(self.stft(wave[:, 0]), 1))  # type: ignore[no-any-return]


class MdctCritic(nn.Module):
    """Judges MDCT coefficients at one resolution (MDCTCodec, Jiang et al. 2024, MR-MDCTD, narrow)."""

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.mdct = Mdct(size)
        self.plane = Plane(1, channels)

    def forward(self, wave: Tensor) -> Judgement:
        size = self.mdct.size
        whole = wave[:, 0, : wave.shape[-1] // size * size]
        return self.plane(self.mdct(whole)[:, None])  # type: ignore[no-any-return]


class PeriodCritic(nn.Module):
    """Judges the wave folded at one period (HiFi-GAN, Kong et al. 2020, section 2.3, narrow)."""

    def __init__(self, period: int, channels: int) -> None:
        super().__init__()
        self.period = period
        widths = [1, *(min(channels * 4**level, 8 * channels) for level in range(4))]
        self.layers = nn.ModuleList(
            nn.Conv2d(inner, outer, (5, 1), (3, 1), padding=(2, 0)) for inner, outer in pairwise(widths)
        )
        self.last = nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, wave: Tensor) -> Judgement:
        whole = wave.shape[-1] // self.period * self.period
        plane = wave[..., :whole].reshape(len(wave), 1, -1, self.period)
        maps = []
        for layer in self.layers:
            plane = F.leaky_relu(layer(plane), 0.1)
            maps.append(plane)
        return self.last(plane), maps


class Critics(nn.Module):
    """Several critics side by side."""

    def __init__(self, stft: Sequence[int], mdct: Sequence[int], channels: int, periods: Sequence[int] = ()) -> None:
        super().__init__()
        parts: list[nn.Module] = [StftCritic(n_fft, channels) for n_fft in stft]
        parts += [MdctCritic(size, channels) for size in mdct]
        parts += [PeriodCritic(period, channels) for period in periods]
        self.parts = nn.ModuleList(parts)

    def forward(self, wave: Tensor) -> list[Judgement]:
        return [part(wave) for part in self.parts]
