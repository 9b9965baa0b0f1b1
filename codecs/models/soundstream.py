"""SoundStream (Zeghidour et al. 2021): SEANet encoder, residual VQ, SEANet decoder.

16 kHz, hop 320 (50 Hz), 8 stages of 10 bits: 4 kbps.
"""

from __future__ import annotations

import math

from pydantic import Field
from torch import Tensor, nn

from ...core.recipe import Strict
from ..parts.layers import keep_variance, seanet_decoder, seanet_encoder
from ..parts.quantise import EmaVq, ResidualQuantiser

# Usual RMS of speech: the network sees signals of about unit variance.
_LEVEL = 0.05


class SoundStreamConfig(Strict):
    """Widths and strides; `strides` in the encoder's order, their product is the hop in samples."""

    rate: int = 16_000
    channels: int = 16
    strides: tuple[int, ...] = (2, 4, 5, 8)
    dilations: tuple[int, ...] = (1, 3, 9)
    latent: int = 64
    stages: int = Field(8, ge=1)
    codebook: int = 1024


class SoundStream(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop."""

    def __init__(self, config: SoundStreamConfig) -> None:
        super().__init__()
        self.rate, self.hop_length = config.rate, math.prod(config.strides)
        self.bits = (math.log2(config.codebook),) * config.stages
        body = config.channels, config.strides, config.dilations, config.latent
        self.encoder = keep_variance(seanet_encoder(*body))
        self.quantiser = ResidualQuantiser([EmaVq(config.latent, config.codebook) for _ in range(config.stages)])
        self.decoder = keep_variance(seanet_decoder(*body))

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> latents (batch, latent, n / hop)."""
        return self.encoder(wave / _LEVEL)  # type: ignore[no-any-return]

    def synthesise(self, latents: Tensor) -> Tensor:
        """(batch, latent, frames) -> (batch, 1, frames * hop)."""
        return _LEVEL * self.decoder(latents)  # type: ignore[no-any-return]
