"""EnCodec (Defossez et al. 2022): SEANet with LSTM, residual VQ. 24 kHz, causal, hop 320 (75 Hz), 0.75 to 24 kbps.

`codecs.published.encodec_state` maps published checkpoints of the 24 kHz model onto this one.
"""

from __future__ import annotations

import math

from pydantic import Field
from torch import Tensor, nn

from ...core.recipe import Strict
from ..parts import seanet
from ..parts.layers import keep_variance
from ..parts.quantise import EmaVq, ResidualQuantiser


class EncodecConfig(Strict):
    """Widths; `strides` in the encoder's order, their product is the hop."""

    rate: int = 16_000
    filters: int = 8
    strides: tuple[int, ...] = (4, 4, 4, 5)
    lstm: int = 1
    pad: str = Field("constant", pattern="^(constant|reflect)$")
    latent: int = 64
    stages: int = Field(8, ge=1)
    codebook: int = 1024


class Encodec(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop."""

    def __init__(self, config: EncodecConfig) -> None:
        super().__init__()
        self.rate, self.hop_length = config.rate, math.prod(config.strides)
        self.bits = (math.log2(config.codebook),) * config.stages
        shape = seanet.Seanet(config.filters, config.strides, config.latent, config.lstm, True, config.pad)
        self.encoder = keep_variance(seanet.encoder(shape))
        self.quantiser = ResidualQuantiser([EmaVq(config.latent, config.codebook) for _ in range(config.stages)])
        self.decoder = keep_variance(seanet.decoder(shape))

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> latents (batch, latent, n / hop)."""
        return self.encoder(wave)  # type: ignore[no-any-return]

    def synthesise(self, latents: Tensor) -> Tensor:
        """(batch, latent, frames) -> (batch, 1, frames * hop)."""
        return self.decoder(latents)  # type: ignore[no-any-return]
