"""WavTokenizer (Ji et al. 2024): SEANet encoder, one codebook, attention and ConvNeXt, ISTFT head.

24 kHz, hop 320 (75 Hz), 4096 codes: 0.9 kbps. The published backbone is conditioned on a bandwidth that is always the
same; plain LayerNorm stands in its place.
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core.recipe import Strict
from ...core.spectral_torch import Istft
from ..parts import seanet
from ..parts.layers import ConvNeXtStack, keep_variance
from ..parts.position import PositionNet
from ..parts.quantise import EmaVq, ResidualQuantiser


class WavTokenizerConfig(Strict):
    """Widths; `strides` of the encoder, their product is the hop; the window is four hops long."""

    rate: int = 16_000
    filters: int = 8
    strides: tuple[int, ...] = (4, 5, 5, 2)
    lstm: int = 1
    pad: str = Field("constant", pattern="^(constant|reflect)$")
    latent: int = 64
    codebook: int = 2048
    channels: int = 160
    hidden: int = 480
    layers: int = 5
    position: bool = True


class WavTokenizer(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop."""

    def __init__(self, config: WavTokenizerConfig) -> None:
        super().__init__()
        self.rate, self.hop_length = config.rate, math.prod(config.strides)
        self.bits = (math.log2(config.codebook),)
        shape = seanet.Seanet(config.filters, config.strides, config.latent, config.lstm, False, config.pad)
        self.encoder = keep_variance(seanet.encoder(shape))
        self.quantiser = ResidualQuantiser([EmaVq(config.latent, config.codebook)])
        n_fft = 4 * self.hop_length
        between = PositionNet(config.channels) if config.position else nn.Identity()
        self.body = ConvNeXtStack(
            config.latent, config.channels, config.hidden, config.layers, n_fft + 2, causal=False, between=between
        )
        self.istft = Istft(n_fft, self.hop_length, padding="same")

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> latents (batch, latent, n / hop)."""
        return self.encoder(wave)  # type: ignore[no-any-return]

    def synthesise(self, latents: Tensor) -> Tensor:
        """(batch, latent, frames) -> (batch, 1, frames * hop). Magnitude exp(m) capped at 100, as in Vocos."""
        log_magnitude, phase = self.body(latents).chunk(2, dim=1)
        magnitude = log_magnitude.exp().clamp_max(100.0)
        return self.istft(magnitude * torch.cos(phase), magnitude * torch.sin(phase))[:, None]  # type: ignore[no-any-return]
