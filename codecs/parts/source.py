"""Source and filters of neural source-filter models (Wang et al. 2019, sections III and IV)."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.signal import firwin
from torch import Tensor, nn

from .layers import PadConv1d

_AMPLITUDE, _NOISE = 0.1, 0.003
_TAPS = 31


class HarmonicSource(nn.Module):
    """Sines at the pitch and its multiples merged to one excitation, and noise.

    (batch, 1, n) pitch in Hz, 0 where unvoiced -> sines (batch, 1, n), noise (batch, 1, n).
    """

    def __init__(self, rate: int, harmonics: int) -> None:
        super().__init__()
        self.rate, self.harmonics = rate, harmonics
        self.merge = nn.Conv1d(harmonics, 1, 1)

    def forward(self, pitch: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        # Cycles in double precision: a float32 sum drifts by a tenth of a cycle within minutes.
        cycles = torch.cumsum(pitch.double() / self.rate, dim=-1) % 1.0
        order = torch.arange(1, self.harmonics + 1, device=pitch.device)[:, None]
        voiced = (pitch > 0) & (pitch * order < self.rate / 2)
        sines = torch.sin(2 * math.pi * ((cycles * order) % 1.0)).float() * _AMPLITUDE * voiced
        shape = sines.shape
        noise = torch.randn(shape, device=pitch.device, generator=generator)
        excitation = sines + noise * torch.where(pitch > 0, _NOISE, _AMPLITUDE / 3)
        return torch.tanh(self.merge(excitation)), noise[:, :1] * _AMPLITUDE / 3


class NeuralFilter(nn.Module):
    """Dilated causal convolutions over a signal, with a condition added at each: (batch, 1, n) kept."""

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.inlet = nn.Conv1d(1, channels, 1)
        self.layers = nn.ModuleList(PadConv1d(channels, channels, 3, dilation=2**level) for level in range(layers))
        self.outlet = nn.Sequential(nn.Conv1d(channels, 16, 1), nn.Tanh(), nn.Conv1d(16, 1, 1))

    def forward(self, signal: Tensor, condition: Tensor) -> Tensor:
        x = torch.tanh(self.inlet(signal))
        for layer in self.layers:
            x = x + torch.tanh(layer(x)) + condition
        y: Tensor = self.outlet(x / (1 + len(self.layers)))
        return signal + y


def crossover(rate: int) -> Tensor:
    """Low- and high-pass kernels (4, 1, taps): low for voiced, high for voiced, low and high for unvoiced."""
    kernels = []
    for edge in (5000.0, 1000.0):
        low = firwin(_TAPS, min(edge, 0.45 * rate), fs=rate)
        high = -low
        high[_TAPS // 2] += 1.0
        kernels += [low, high]
    return torch.from_numpy(np.array(kernels, dtype=np.float32))[:, None]
