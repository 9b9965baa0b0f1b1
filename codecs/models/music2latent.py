"""Music2Latent (Pasini et al. 2024): complex STFT to a continuous latent, back in one step of a consistency model.

44.1 kHz, FFT 2048, hop 512, 64 latents at 10.8 Hz. Small here: 16 kHz, FFT 1024, hop 256, 15.6 Hz. Nothing is
quantised, so it has no codes and no bitrate.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.recipe import Strict
from ...core.spectral_torch import Istft, Stft
from ..parts.consistency_net import Conditioner, Denoiser, Encoder, Shape

# Exponent and factor that bring STFTs of music and speech to about the spread below (paper, section 3.1).
_EXPONENT, _FACTOR = 0.65, 0.34
_SPREAD = 0.5
SIGMA_MIN, SIGMA_MAX = 0.002, 80.0


class Music2LatentConfig(Strict):
    """Analysis and widths; the last three levels attend over frequency."""

    rate: int = 16_000
    step: int = 256
    channels: int = 12
    multipliers: tuple[int, ...] = (1, 2, 4, 4)
    attention: int = 2
    blocks: int = 1
    bottleneck: int = 128
    bottleneck_blocks: int = 2
    latent: int = 64
    condition: int = 64


class Music2Latent(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop."""

    def __init__(self, config: Music2LatentConfig) -> None:
        super().__init__()
        levels = len(config.multipliers)
        self.rate, self.hop_length = config.rate, config.step * 2 ** (levels - 2)
        shape = Shape(
            bins=2 * config.step,
            channels=[config.channels * factor for factor in config.multipliers],
            attention=[level >= levels - config.attention for level in range(levels)],
            blocks=config.blocks,
            bottleneck=config.bottleneck,
            bottleneck_blocks=config.bottleneck_blocks,
            latent=config.latent,
            condition=config.condition,
        )
        self.stft = Stft(4 * config.step, config.step, padding="same")
        self.istft = Istft(4 * config.step, config.step, padding="same")
        self.encoder, self.conditioner, self.denoiser = Encoder(shape), Conditioner(shape), Denoiser(shape)
        self.shape = shape

    def represent(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> compressed real and imaginary parts (batch, 2, bins, n / step), the top bin left out."""
        both = torch.stack(self.stft(wave[:, 0]), 1)[:, :, : self.shape.bins]
        size = both.square().sum(1, keepdim=True).add(1e-12).sqrt()
        return _FACTOR * both * size ** (_EXPONENT - 1)

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> latents (batch, latent, n / hop)."""
        return self.encoder(self.represent(wave))  # type: ignore[no-any-return]

    def synthesise(self, latents: Tensor) -> Tensor:
        """(batch, latent, frames) -> (batch, 1, frames * hop): one step from noise, always the same in use."""
        frames = latents.shape[-1] * self.hop_length // (self.shape.bins // 2)
        generator = None if self.training else torch.Generator(latents.device).manual_seed(0)
        size = (len(latents), 2, self.shape.bins, frames)
        noise = torch.randn(size, generator=generator, device=latents.device)
        sigma = torch.full((len(latents),), SIGMA_MAX, device=latents.device)
        both = self.denoise(SIGMA_MAX * noise, sigma, self.conditioner(latents)) / _FACTOR
        magnitude = both.square().sum(1, keepdim=True).add(1e-12).sqrt()
        real, imaginary = F.pad(both * magnitude ** (1 / _EXPONENT - 1), (0, 0, 0, 1)).unbind(1)
        return self.istft(real, imaginary)[:, None]  # type: ignore[no-any-return]

    def denoise(self, noisy: Tensor, sigma: Tensor, planes: list[Tensor]) -> Tensor:
        """The clean representation from one with noise of size sigma (batch,); exact at SIGMA_MIN (Song 2023)."""
        apart = (sigma - SIGMA_MIN)[:, None, None, None]
        whole = (sigma**2 + _SPREAD**2)[:, None, None, None]
        keep, take = _SPREAD**2 / (apart**2 + _SPREAD**2), _SPREAD * apart / whole.sqrt()
        return keep * noisy + take * self.denoiser(noisy / whole.sqrt(), sigma, planes)  # type: ignore[no-any-return]
