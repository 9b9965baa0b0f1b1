"""Parts of Music2Latent: encoder, conditioning decoder, and the U-Net that denoises (Pasini et al. 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .plane import ResBlock, Up, down, norm, positions


@dataclass(frozen=True)
class Shape:
    """Levels from the finest to the coarsest: channels, and whether frequencies attend to each other.

    The first step down takes frequencies by 4, the others frequencies and frames by 2.
    """

    bins: int
    channels: Sequence[int]
    attention: Sequence[bool]
    blocks: int
    bottleneck: int
    bottleneck_blocks: int
    latent: int
    condition: int

    @property
    def coarse_bins(self) -> int:
        """Frequencies at the coarsest level."""
        return self.bins // (4 << (len(self.channels) - 2))


class Encoder(nn.Module):
    """(batch, 2, bins, frames) -> (batch, latent, frames / 2^(levels - 2)) within +-1."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1, 1, shape.bins, 1))
        layers: list[nn.Module] = [nn.Conv2d(2, shape.channels[0], 3, padding=1)]
        width = shape.channels[0]
        for level, (channels, attention) in enumerate(zip(shape.channels, shape.attention, strict=True)):
            layers.append(ResBlock(width, channels, attention=attention))
            width = channels
            if level + 1 < len(shape.channels):
                layers.append(down(width, width, frequency_only=level == 0, normed=True))
        self.plane = nn.Sequential(*layers, norm(width))
        self.line = nn.Sequential(
            nn.Conv1d(width * shape.coarse_bins, shape.bottleneck, 1),
            *(ResBlock(shape.bottleneck, shape.bottleneck, dims=1) for _ in range(shape.bottleneck_blocks)),
            norm(shape.bottleneck),
            nn.SiLU(),
            nn.Conv1d(shape.bottleneck, shape.latent, 1),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.line(self.plane(x * self.gain).flatten(1, 2))
        return y


class Conditioner(nn.Module):
    """(batch, latent, frames) -> planes for every level of the U-Net, finest first."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.bins = shape.coarse_bins
        width = shape.channels[-1]
        self.line = nn.Sequential(
            nn.Conv1d(shape.latent, shape.bottleneck, 1),
            *(ResBlock(shape.bottleneck, shape.bottleneck, dims=1) for _ in range(shape.bottleneck_blocks)),
            nn.Conv1d(shape.bottleneck, width * self.bins, 1),
        )
        self.levels, self.ups = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(len(shape.channels))):
            channels, attention = shape.channels[level], shape.attention[level]
            self.levels.append(
                nn.Sequential(*(ResBlock(channels, channels, attention=attention) for _ in range(shape.blocks)))
            )
            if level:
                self.ups.append(Up(channels, shape.channels[level - 1], frequency_only=level == 1))

    def forward(self, latents: Tensor) -> list[Tensor]:
        x = self.line(latents).unflatten(1, (-1, self.bins))
        planes = []
        for index, level in enumerate(self.levels):
            x = level(x)
            planes.append(x)
            if index < len(self.ups):
                x = self.ups[index](x)
        return planes[::-1]


class Denoiser(nn.Module):
    """U-Net that takes noise out of (batch, 2, bins, frames) under planes from `Conditioner`, and its size."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.size = shape.condition
        self.embed = _perceptron(self.size, 2)
        self.scale_in = nn.Sequential(*_perceptron(self.size, 2), _silent(nn.Linear(self.size, shape.bins)))
        self.scale_out = nn.Sequential(*_perceptron(self.size, 2), _silent(nn.Linear(self.size, shape.bins)))
        widths = shape.channels
        self.inlet = nn.Conv2d(2, widths[0], 3, padding=1)
        self.falling, self.rising = nn.ModuleList(), nn.ModuleList()
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, (width, attention) in enumerate(zip(widths, shape.attention, strict=True)):
            self.falling.append(_steps(width, attention, shape))
            self.rising.insert(0, _steps(width, attention, shape))
            if level + 1 < len(widths):
                self.downs.append(down(width, widths[level + 1], frequency_only=level == 0))
                self.ups.insert(0, Up(widths[level + 1], width, frequency_only=level == 0))
        self.last = nn.Conv2d(widths[0], widths[0], 1)
        self.norm = norm(widths[0])
        self.outlet = _silent(nn.Conv2d(widths[0], 2, 3, padding=1))

    def forward(self, x: Tensor, sigma: Tensor, planes: Sequence[Tensor]) -> Tensor:
        place = positions(sigma.log() / 4, self.size)
        told = self.embed(place)
        x = self.inlet(x) * (1 + self.scale_in(place))[:, None, :, None]
        kept: list[Tensor] = []
        for level, steps in enumerate(self.falling):
            for step in steps:  # type: ignore[attr-defined]
                x = step["block"]((x + step["hint"](planes[level])) / math.sqrt(2), told)
                kept.append(x)
            if level < len(self.downs):
                x = self.downs[level](x)
        for index, steps in enumerate(self.rising):
            plane = planes[len(planes) - 1 - index]
            for step in steps:  # type: ignore[attr-defined]
                x = step["block"]((x + kept.pop() + step["hint"](plane)) / math.sqrt(3), told)
            if index < len(self.ups):
                x = self.ups[index](x)
        x = F.silu(self.norm((x + self.last(planes[0])) / math.sqrt(2)))
        out: Tensor = self.outlet(x * (1 + self.scale_out(place))[:, None, :, None])
        return out


def _steps(width: int, attention: bool, shape: Shape) -> nn.ModuleList:
    """Residual blocks of one level, each with the 1x1 conv that lets its plane in."""
    return nn.ModuleList(
        nn.ModuleDict(
            {
                "hint": nn.Conv2d(width, width, 1),
                "block": ResBlock(width, width, condition=shape.condition, attention=attention),
            }
        )
        for _ in range(shape.blocks)
    )


def _perceptron(size: int, layers: int) -> nn.Sequential:
    return nn.Sequential(*(part for _ in range(layers) for part in (nn.Linear(size, size), nn.SiLU())))


def _silent(layer: nn.Linear | nn.Conv2d) -> nn.Linear | nn.Conv2d:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
