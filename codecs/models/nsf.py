"""Harmonic-plus-noise neural source-filter (Wang et al. 2019): sines at the pitch and noise through dilated filters.

16 kHz, 80 mels and pitch, hop 80. No critic: the loss is spectral. The published branches are merged by a fixed pair
of FIR filters that voicing switches; here too.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.recipe import Strict
from ...core.spectral_torch import LogMel
from ..parts.pitch import track
from ..parts.source import HarmonicSource, NeuralFilter, crossover


class NsfConfig(Strict):
    """Analysis and widths; `blocks` filters of `layers` dilated convolutions on the harmonic branch."""

    rate: int = 16_000
    n_fft: int = 512
    hop_length: int = 80
    n_mels: int = 80
    harmonics: int = 8
    context: int = 32
    channels: int = 16
    blocks: int = 3
    layers: int = 8
    noise_layers: int = 4


class Nsf(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop; nothing is quantised."""

    def __init__(self, config: NsfConfig) -> None:
        super().__init__()
        self.rate, self.hop_length = config.rate, config.hop_length
        self.mel = LogMel(config.rate, config.n_fft, config.hop_length, config.n_mels)
        self.memory = nn.LSTM(config.n_mels, config.context // 2, bidirectional=True, batch_first=True)
        self.condition = nn.Conv1d(config.context, config.channels, 3, padding=1)
        self.source = HarmonicSource(config.rate, config.harmonics)
        self.harmonic = nn.ModuleList(NeuralFilter(config.channels, config.layers) for _ in range(config.blocks))
        self.noise = NeuralFilter(config.channels, config.noise_layers)
        self.register_buffer("crossover", crossover(config.rate), persistent=False)

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> log-mels and log pitch (batch, n_mels + 1, n / hop + 1); pitch row 0 where unvoiced."""
        pitch = track(wave[:, 0], self.rate, self.hop_length)
        return torch.cat([self.mel(wave[:, 0]), torch.log1p(pitch)[:, None]], dim=1)

    def synthesise(self, features: Tensor) -> Tensor:
        """(batch, n_mels + 1, frames) -> (batch, 1, (frames - 1) * hop)."""
        mels, pitch = features[:, :-1], torch.expm1(features[:, -1:])
        context, _ = self.memory(mels.transpose(1, 2))
        length = (features.shape[-1] - 1) * self.hop_length
        shaped = self._stretch(self.condition(context.transpose(1, 2)), length, "linear")
        fundamental = self._stretch(pitch, length, "nearest")
        sines, noise = self.source(fundamental, _generator(self.training, features.device))
        for block in self.harmonic:
            sines = block(sines, shaped)
        noise = self.noise(noise, shaped)
        voiced = (fundamental > 0).to(sines.dtype)
        return self._merge(sines, noise, voiced)

    def _stretch(self, x: Tensor, length: int, mode: str) -> Tensor:
        return F.interpolate(x, scale_factor=float(self.hop_length), mode=mode)[..., :length]

    def _merge(self, sines: Tensor, noise: Tensor, voiced: Tensor) -> Tensor:
        """Sines below and noise above 5 kHz where voiced, 1 kHz elsewhere."""
        kernels: Tensor = self.crossover  # type: ignore[assignment]
        side = kernels.shape[-1] // 2
        low, high = F.conv1d(sines, kernels[0::2], padding=side), F.conv1d(noise, kernels[1::2], padding=side)
        both = low + high
        return voiced * both[:, :1] + (1 - voiced) * both[:, 1:]


def _generator(training: bool, device: torch.device) -> torch.Generator | None:
    """Fixed noise in use, so that the same speech gives the same wave; fresh noise in training."""
    return None if training else torch.Generator(device).manual_seed(0)
