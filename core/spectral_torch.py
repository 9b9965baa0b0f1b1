"""Spectral layers in torch, built from `core.spectral`. All are convolutions, so they export to ONNX as they are.

`Stft(fast=True)` calls torch.stft with the same kernel instead, which is quicker in losses on a CPU.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from . import spectral


def _buffer(array: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


class Stft(nn.Module):
    """Hann STFT: (batch, n) -> real, imaginary, each (batch, bins, frames).

    padding "center": reflected edges, frames = n // hop + 1. "same": zeros, frames = n / hop (n a multiple of hop).
    "none": only whole frames.
    """

    basis: Tensor
    window: Tensor

    def __init__(self, n_fft: int, hop_length: int, padding: str = "center", fast: bool = False) -> None:
        super().__init__()
        self.n_fft, self.hop_length, self.padding, self.fast = n_fft, hop_length, padding, fast
        self.register_buffer("basis", _buffer(spectral.stft_basis(n_fft))[:, None], persistent=False)
        self.register_buffer("window", _buffer(spectral.hann(n_fft)), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.padding == "center":
            x = F.pad(x[:, None], (self.n_fft // 2, self.n_fft // 2), mode="reflect")[:, 0]
        elif self.padding == "same":
            side = self.n_fft - self.hop_length
            x = F.pad(x, (side // 2, side - side // 2))
        if self.fast:
            spectrum = torch.stft(
                x, self.n_fft, self.hop_length, window=self.window, center=False, return_complex=True
            )
            return spectrum.real, spectrum.imag
        both = F.conv1d(x[:, None], self.basis, stride=self.hop_length)
        real, imaginary = both.chunk(2, dim=1)
        return real, imaginary


class Istft(nn.Module):
    """Inverse of `Stft` by weighted overlap-add: real, imaginary (batch, bins, frames) -> (batch, n)."""

    basis: Tensor
    square: Tensor

    def __init__(self, n_fft: int, hop_length: int, padding: str = "center") -> None:
        super().__init__()
        self.n_fft, self.hop_length, self.padding = n_fft, hop_length, padding
        self.register_buffer("basis", _buffer(spectral.istft_basis(n_fft))[:, None], persistent=False)
        self.register_buffer("square", _buffer(spectral.hann(n_fft) ** 2)[None, None], persistent=False)

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        wave = F.conv_transpose1d(torch.cat([real, imaginary], dim=1), self.basis, stride=self.hop_length)
        ones = torch.ones_like(real[:1, :1])
        envelope = F.conv_transpose1d(ones, self.square, stride=self.hop_length)
        if self.padding == "center":
            left = right = self.n_fft // 2
        else:
            left = (self.n_fft - self.hop_length) // 2
            right = self.n_fft - self.hop_length - left
        keep = slice(left, wave.shape[-1] - right)
        return (wave[:, 0, keep] / envelope[:, 0, keep].clamp_min(1e-8)).contiguous()


class Mdct(nn.Module):
    """Causal MDCT with hop `size`: (batch, n), n a multiple of size -> (batch, size, n / size + 1)."""

    basis: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("basis", _buffer(spectral.mdct_basis(size))[:, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(F.pad(x, (self.size, self.size))[:, None], self.basis, stride=self.size)


class Imdct(nn.Module):
    """Inverse of `Mdct` (TDAC overlap-add): (batch, size, frames) -> (batch, (frames - 1) * size)."""

    basis: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("basis", _buffer(spectral.mdct_basis(size))[:, None], persistent=False)

    def forward(self, coefficients: Tensor) -> Tensor:
        wave = F.conv_transpose1d(coefficients, self.basis, stride=self.size)
        return wave[:, 0, self.size : -self.size]


class LogMel(nn.Module):
    """Natural log of mel magnitudes: (batch, n) -> (batch, n_mels, frames). Floor 1e-5 (amplitude)."""

    bank: Tensor

    def __init__(
        self, rate: int, n_fft: int, hop_length: int, n_mels: int, padding: str = "center", fast: bool = False
    ) -> None:
        super().__init__()
        self.stft = Stft(n_fft, hop_length, padding, fast)
        self.register_buffer("bank", _buffer(spectral.mel_filterbank(rate, n_fft, n_mels)), persistent=False)

    def magnitudes(self, x: Tensor) -> Tensor:
        """Mel magnitudes before the logarithm, (batch, n_mels, frames)."""
        real, imaginary = self.stft(x)
        return self.bank @ torch.sqrt(real.square() + imaginary.square() + 1e-12)

    def forward(self, x: Tensor) -> Tensor:
        return self.magnitudes(x).clamp_min(1e-5).log()


class Lfcc(nn.Module):
    """Linear-frequency cepstra: (batch, n) -> (batch, n_coefficients, frames).

    Log energies of triangles equally spaced in Hz, then DCT-II (Sahidullah et al., Interspeech 2015).
    """

    transform: Tensor
    bank: Tensor

    def __init__(
        self,
        rate: int,
        n_fft: int,
        hop_length: int,
        n_filters: int,
        n_coefficients: int,
        low: float = 0.0,
        padding: str = "none",
    ) -> None:
        super().__init__()
        self.stft = Stft(n_fft, hop_length, padding)
        bank = spectral.linear_filterbank(rate, n_fft, n_filters, low=low)
        self.register_buffer("bank", _buffer(bank), persistent=False)
        self.register_buffer("transform", _buffer(spectral.dct_matrix(n_coefficients, n_filters)), persistent=False)

    def energies(self, x: Tensor) -> Tensor:
        """Natural-log filter energies, (batch, n_filters, frames). Floor 1e-10 (power)."""
        real, imaginary = self.stft(x)
        energies: Tensor = self.bank @ (real.square() + imaginary.square()) + 1e-10
        return energies.log()

    def forward(self, x: Tensor) -> Tensor:
        return self.transform @ self.energies(x)
