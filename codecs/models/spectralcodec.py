"""Spectral codec (Langman et al. 2024, NeMo): bands of the log-mel, finite scalar quantisers, HiFi-GAN out.

22.05 kHz, 80 mels in 8 bands, hop 256, 8 x FSQ [8, 5, 5, 5]: 6.9 kbps. Every band is needed, so the rate is fixed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...core.recipe import Strict
from ...core.spectral_torch import LogMel
from ..parts.group import GroupQuantiser
from ..parts.hifi import HifiGenerator
from ..parts.layers import ConvNeXtStack
from ..parts.quantise import Fsq


class SpectralCodecConfig(Strict):
    """Analysis, bands and widths; the hop is the product of `strides`."""

    rate: int = 16_000
    n_fft: int = 1024
    n_mels: int = 80
    bands: int = 8
    levels: tuple[int, ...] = (8, 5, 5, 5)
    band_channels: int = 48
    band_hidden: int = 96
    band_layers: int = 2
    channels: int = 96
    strides: tuple[int, ...] = (8, 8, 4)
    kernels: tuple[int, ...] = (3, 5, 7)
    dilations: tuple[tuple[int, ...], ...] = ((1, 2), (2, 6), (3, 12))
    paired: bool = False


class SpectralCodec(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop."""

    scalable = False

    def __init__(self, config: SpectralCodecConfig) -> None:
        super().__init__()
        self.rate, self.hop_length = config.rate, math.prod(config.strides)
        self.bits = (math.log2(math.prod(config.levels)),) * config.bands
        self.mel = LogMel(config.rate, config.n_fft, self.hop_length, config.n_mels, padding="same")
        body = config.band_channels, config.band_hidden, config.band_layers
        dim, lines = len(config.levels), config.n_mels // config.bands
        self.bands = nn.ModuleList(ConvNeXtStack(lines, *body, dim, causal=False) for _ in range(config.bands))
        self.quantiser = GroupQuantiser([Fsq(dim, config.levels) for _ in range(config.bands)])
        self.generator = HifiGenerator(
            dim * config.bands,
            config.channels,
            config.strides,
            config.kernels,
            config.dilations,
            paired=config.paired,
        )

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> latents (batch, bands * axes, n / hop)."""
        parts = self.mel(wave[:, 0]).chunk(len(self.bands), dim=1)
        return torch.cat([band(part) for band, part in zip(self.bands, parts, strict=True)], dim=1)

    def synthesise(self, latents: Tensor) -> Tensor:
        """(batch, bands * axes, frames) -> (batch, 1, frames * hop)."""
        return self.generator(latents)  # type: ignore[no-any-return]
