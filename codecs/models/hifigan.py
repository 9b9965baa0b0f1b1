"""HiFi-GAN (Kong et al. 2020): log-mel in, transposed convolutions with multi-receptive-field fusion out.

22.05 kHz, 80 mels, FFT 1024, hop 256. `paired` False and three strides are the paper's V3, the small one here.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from ...core.recipe import Strict
from ...core.spectral_torch import LogMel
from ..parts.hifi import HifiGenerator


class HifiGanConfig(Strict):
    """Analysis and widths; the hop is the product of `strides`, `dilations` has a row for each of `kernels`."""

    rate: int = 16_000
    n_fft: int = 1024
    n_mels: int = 80
    channels: int = 96
    strides: tuple[int, ...] = (8, 8, 4)
    kernels: tuple[int, ...] = (3, 5, 7)
    dilations: tuple[tuple[int, ...], ...] = ((1, 2), (2, 6), (3, 12))
    paired: bool = False


class HifiGan(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop; nothing is quantised."""

    def __init__(self, config: HifiGanConfig) -> None:
        super().__init__()
        self.rate, self.hop_length = config.rate, math.prod(config.strides)
        self.mel = LogMel(config.rate, config.n_fft, self.hop_length, config.n_mels, padding="same")
        self.generator = HifiGenerator(
            config.n_mels, config.channels, config.strides, config.kernels, config.dilations, paired=config.paired
        )

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> log-mels (batch, n_mels, n / hop)."""
        return self.mel(wave[:, 0])  # type: ignore[no-any-return]

    def synthesise(self, mels: Tensor) -> Tensor:
        """(batch, n_mels, frames) -> (batch, 1, frames * hop)."""
        return self.generator(mels)  # type: ignore[no-any-return]
