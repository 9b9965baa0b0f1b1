"""Descript Audio Codec (Kumar et al. 2023): strided convolutions with Snake, residual factorised VQ.

16, 24 or 44.1 kHz, hop 320 or 512, 12, 32 or 9 stages of 10 bits. `codecs.published.dac_state` maps published
checkpoints onto this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.recipe import Strict
from ..parts.factorised import FactorisedVq
from ..parts.layers import keep_variance
from ..parts.quantise import ResidualQuantiser
from ..parts.snake import Snake


class DacConfig(Strict):
    """Widths; `strides` in the encoder's order, their product is the hop."""

    rate: int = 16_000
    channels: int = 8
    strides: tuple[int, ...] = (4, 4, 4, 5)
    dilations: tuple[int, ...] = (1, 3)
    latent: int = 64
    decoder_channels: int = 160
    stages: int = Field(8, ge=1)
    codebook: int = 1024
    codebook_dim: int = 8


class Dac(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop."""

    def __init__(self, config: DacConfig) -> None:
        super().__init__()
        self.rate, self.hop_length = config.rate, math.prod(config.strides)
        self.bits = (math.log2(config.codebook),) * config.stages
        stages = [FactorisedVq(config.latent, config.codebook, config.codebook_dim) for _ in range(config.stages)]
        self.encoder = _calm(_encoder(config))
        self.quantiser = ResidualQuantiser(stages)
        self.decoder = _calm(_decoder(config))
        # Transposed convolutions of odd stride come out one step short, which later strides multiply.
        self.missing = 0
        for stride in reversed(config.strides):
            self.missing = self.missing * stride + stride % 2

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> latents (batch, latent, n / hop)."""
        return self.encoder(wave)  # type: ignore[no-any-return]

    def synthesise(self, latents: Tensor) -> Tensor:
        """(batch, latent, frames) -> (batch, 1, frames * hop), zeros where the published decoder falls short."""
        return F.pad(torch.tanh(self.decoder(latents)), (0, self.missing))


class _Unit(nn.Module):
    """Snake, dilated conv 7, Snake, 1x1 conv, skip."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            Snake(channels),
            nn.Conv1d(channels, channels, 7, dilation=dilation, padding=3 * dilation),
            Snake(channels),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        return x + y


@torch.no_grad()
def _calm(half: nn.Sequential) -> nn.Sequential:
    """Start with faint residual branches: at full strength each doubles the variance, and tanh saturates."""
    for module in keep_variance(half).modules():
        if isinstance(module, _Unit):
            last: nn.Conv1d = module.block[-1]  # type: ignore[assignment]
            last.weight.mul_(0.1)
    return half


def _units(channels: int, dilations: Sequence[int]) -> list[nn.Module]:
    return [_Unit(channels, dilation) for dilation in dilations]


def _encoder(config: DacConfig) -> nn.Sequential:
    width = config.channels
    layers: list[nn.Module] = [nn.Conv1d(1, width, 7, padding=3)]
    for stride in config.strides:
        down = nn.Conv1d(width, 2 * width, 2 * stride, stride, padding=-(-stride // 2))
        layers.append(nn.Sequential(*_units(width, config.dilations), Snake(width), down))
        width *= 2
    return nn.Sequential(*layers, Snake(width), nn.Conv1d(width, config.latent, 3, padding=1))


def _decoder(config: DacConfig) -> nn.Sequential:
    width = config.decoder_channels
    layers: list[nn.Module] = [nn.Conv1d(config.latent, width, 7, padding=3)]
    for stride in reversed(config.strides):
        up = nn.ConvTranspose1d(width, width // 2, 2 * stride, stride, padding=-(-stride // 2))
        layers.append(nn.Sequential(Snake(width), up, *_units(width // 2, config.dilations)))
        width //= 2
    return nn.Sequential(*layers, Snake(width), nn.Conv1d(width, 1, 7, padding=3))
