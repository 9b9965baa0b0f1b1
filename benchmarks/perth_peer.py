"""resemble-perth without torchaudio: the transforms that it takes from there, built on torch.

The last torchaudio wheel does not load beside the tested torch, and without it the package silently lacks its class.
"""

from __future__ import annotations

import sys
import types
from typing import Any


def open_perth() -> Any:
    """A PerthImplicitWatermarker on the CPU."""
    import torch
    from torch import Tensor, nn

    class Spectrogram(nn.Module):
        def __init__(
            self,
            n_fft: int,
            win_length: int | None = None,
            hop_length: int | None = None,
            window_fn: Any = torch.hann_window,
            power: float | None = 2.0,
            normalized: bool = False,
            **_: Any,
        ) -> None:
            super().__init__()
            self.n_fft, self.win_length = n_fft, win_length or n_fft
            self.hop_length, self.power, self.normalized = hop_length or self.win_length // 2, power, normalized
            self.window: Tensor
            self.register_buffer("window", window_fn(self.win_length))

        def forward(self, wave: Tensor) -> Tensor:
            flat = wave.reshape(-1, wave.shape[-1])
            spectrum = torch.stft(
                flat,
                self.n_fft,
                self.hop_length,
                self.win_length,
                self.window,
                center=True,
                pad_mode="reflect",
                normalized=self.normalized,
                return_complex=True,
            )
            spectrum = spectrum.reshape(*wave.shape[:-1], *spectrum.shape[-2:])
            return spectrum if self.power is None else spectrum.abs() ** self.power

    class InverseSpectrogram(Spectrogram):
        def forward(self, spectrum: Tensor, length: int | None = None) -> Tensor:
            flat = spectrum.reshape(-1, *spectrum.shape[-2:])
            wave = torch.istft(
                flat,
                self.n_fft,
                self.hop_length,
                self.win_length,
                self.window,
                center=True,
                normalized=self.normalized,
                length=length,
            )
            return wave.reshape(*spectrum.shape[:-2], wave.shape[-1])

    class TimeStretch(nn.Module):
        def __init__(self, hop_length: int | None = None, n_freq: int = 201, fixed_rate: float | None = None) -> None:
            super().__init__()
            hop = hop_length or n_freq - 1
            self.register_buffer("phase_advance", torch.linspace(0, torch.pi * hop, n_freq)[..., None])

    package, transforms = types.ModuleType("torchaudio"), types.ModuleType("torchaudio.transforms")
    for each in (Spectrogram, InverseSpectrogram, TimeStretch):
        setattr(transforms, each.__name__, each)
    package.transforms = transforms  # type: ignore[attr-defined]
    sys.modules["torchaudio"], sys.modules["torchaudio.transforms"] = package, transforms
    import perth

    return perth.PerthImplicitWatermarker(device="cpu")
