"""StreamCodec (Jiang et al. 2025): causal MDCT and ConvNeXt, residual scalar-then-vector quantiser. 16 kHz, hop 160.

A window of 320 samples makes the latency 20 ms. Block counts and MDCT size are ours: the paper does not give them.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from ...core.recipe import Strict
from ...core.spectral_torch import Imdct, Mdct
from ..parts.layers import ConvNeXtStack
from ..parts.quantise import EmaVq, Fsq, ResidualQuantiser


class StreamCodecConfig(Strict):
    """Widths; `scalar` are the FSQ levels of the first stage, `vectors` counts the VQ stages after it."""

    rate: int = 16_000
    hop_length: int = 160
    channels: int = 128
    hidden: int = 256
    layers: int = 5
    latent: int = 48
    scalar: tuple[int, ...] = (8, 5, 5, 5)
    vectors: int = 3
    codebook: int = 1024


class StreamCodec(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop; n / hop + 1 frames."""

    def __init__(self, config: StreamCodecConfig) -> None:
        super().__init__()
        self.rate, self.hop_length = config.rate, config.hop_length
        self.bits = (math.log2(math.prod(config.scalar)), *((math.log2(config.codebook),) * config.vectors))
        size, body = config.hop_length, (config.channels, config.hidden, config.layers)
        self.mdct = Mdct(size)
        self.encoder = ConvNeXtStack(size, *body, config.latent, causal=True)
        vectors = [EmaVq(config.latent, config.codebook) for _ in range(config.vectors)]
        self.quantiser = ResidualQuantiser([Fsq(config.latent, config.scalar), *vectors])
        self.decoder = ConvNeXtStack(config.latent, *body, size, causal=True)
        self.imdct = Imdct(size)

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> latents (batch, latent, n / hop + 1)."""
        return self.encoder(self.compress(self.mdct(wave[:, 0])))  # type: ignore[no-any-return]

    def synthesise(self, latents: Tensor) -> Tensor:
        """(batch, latent, frames) -> (batch, 1, (frames - 1) * hop)."""
        return self.imdct(self.expand(self.decoder(latents)))[:, None]  # type: ignore[no-any-return]

    @staticmethod
    def compress(coefficients: Tensor) -> Tensor:
        """Signed square root: MDCT lines of speech span 60 dB, and a linear input drowns the weak ones."""
        return coefficients.sign() * (coefficients.abs() + 1e-8).sqrt()

    @staticmethod
    def expand(compressed: Tensor) -> Tensor:
        """Inverse of `compress`."""
        return compressed * compressed.abs()
