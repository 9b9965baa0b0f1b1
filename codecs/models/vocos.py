"""Vocos (Siuzdak 2023): log-mel in, ConvNeXt, ISTFT head out. 16 kHz, FFT 1024, hop 256."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...core.recipe import Strict
from ...core.spectral_torch import Istft, LogMel
from ..parts.layers import ConvNeXtStack


class VocosConfig(Strict):
    """Analysis and widths."""

    rate: int = 16_000
    n_fft: int = 1024
    hop_length: int = 256
    n_mels: int = 80
    channels: int = 192
    hidden: int = 576
    layers: int = 6


class Vocos(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop; nothing is quantised."""

    def __init__(self, config: VocosConfig) -> None:
        super().__init__()
        self.rate, self.hop_length = config.rate, config.hop_length
        self.mel = LogMel(config.rate, config.n_fft, config.hop_length, config.n_mels)
        bins = config.n_fft // 2 + 1
        self.body = ConvNeXtStack(
            config.n_mels, config.channels, config.hidden, config.layers, 2 * bins, causal=False
        )
        self.istft = Istft(config.n_fft, config.hop_length)

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> log-mels (batch, n_mels, n / hop + 1)."""
        return self.mel(wave[:, 0])  # type: ignore[no-any-return]

    def synthesise(self, mels: Tensor) -> Tensor:
        """(batch, n_mels, frames) -> (batch, 1, (frames - 1) * hop). Magnitude exp(m) capped at 100 (paper, 3.2)."""
        log_magnitude, phase = self.body(mels).chunk(2, dim=1)
        magnitude = log_magnitude.exp().clamp_max(100.0)
        return self.istft(magnitude * torch.cos(phase), magnitude * torch.sin(phase))[:, None]  # type: ignore[no-any-return]
