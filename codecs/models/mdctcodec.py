"""MDCTCodec (Jiang et al. 2024): MDCT and ConvNeXt V2, strided latents, residual VQ. 48 kHz, hop 40 x 8, 6 kbps.

Small here: 16 kHz, hop 160 x 2 (50 Hz).
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from ...core.recipe import Strict
from ...core.spectral_torch import Imdct, Mdct
from ..parts.layers import ConvNeXtStack, PadConv1d, PadConvT1d
from ..parts.quantise import EmaVq, ResidualQuantiser


class MdctCodecConfig(Strict):
    """Widths; `size` MDCT lines and samples a frame, `ratio` frames to a latent."""

    rate: int = 16_000
    size: int = 160
    ratio: int = 2
    channels: int = 128
    hidden: int = 256
    layers: int = 5
    latent: int = 32
    stages: int = 6
    codebook: int = 1024


class MdctCodec(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop; n / hop + 1 latents.

    Not causal: ConvNeXt V2 pools over time.
    """

    def __init__(self, config: MdctCodecConfig) -> None:
        super().__init__()
        self.rate, self.hop_length = config.rate, config.size * config.ratio
        self.bits = (math.log2(config.codebook),) * config.stages
        self.ratio = config.ratio
        size, width, body = config.size, config.channels, (config.channels, config.hidden, config.layers)
        self.mdct = Mdct(size)
        self.encoder = ConvNeXtStack(size, *body, width, causal=False, response=True)
        self.down = PadConv1d(width, width, 7, stride=config.ratio, causal=False)
        self.squeeze = PadConv1d(width, config.latent, 7, causal=False)
        self.quantiser = ResidualQuantiser([EmaVq(config.latent, config.codebook) for _ in range(config.stages)])
        self.stretch = PadConv1d(config.latent, width, 7, causal=False)
        self.up = PadConvT1d(width, width, config.ratio, causal=False)
        self.decoder = ConvNeXtStack(width, *body, width, causal=False, response=True)
        self.outlet = PadConv1d(width, size, 7, causal=False)
        self.imdct = Imdct(size)

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> latents (batch, latent, n / hop + 1)."""
        coefficients = self.mdct(wave[:, 0])
        # Square-root compression: MDCT lines of speech span 60 dB, and a linear input drowns the weak ones.
        compressed = coefficients.sign() * (coefficients.abs() + 1e-8).sqrt()
        # The MDCT gives one frame more than whole hops: fill its latent up.
        frames = F.pad(self.encoder(compressed), (0, self.ratio - 1))
        return self.squeeze(self.down(frames))  # type: ignore[no-any-return]

    def synthesise(self, latents: Tensor) -> Tensor:
        """(batch, latent, frames) -> (batch, 1, (frames - 1) * hop)."""
        frames = self.up(self.stretch(latents))
        frames = frames[..., : frames.shape[-1] - (self.ratio - 1)]
        compressed = self.outlet(self.decoder(frames))
        return self.imdct(compressed * compressed.abs())[:, None]  # type: ignore[no-any-return]
