"""Losses for codecs and vocoders. Waves are (batch, 1, n)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.spectral_torch import LogMel
from .critics import Judgement


class MultiScaleMel(nn.Module):
    """Mean over resolutions of L1 between log-mels plus L1 between mel magnitudes (SoundStream eq. 7, L1 form)."""

    def __init__(self, rate: int, sizes: Sequence[int] = (256, 512, 1024, 2048)) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            LogMel(rate, size, size // 4, n_mels=min(80, max(16, size // 10)), fast=True) for size in sizes
        )

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        losses = []
        for scale in self.scales:
            a, b = scale.magnitudes(fake[:, 0]), scale.magnitudes(real[:, 0])  # type: ignore[operator]
            size = scale.stft.n_fft  # type: ignore[union-attr]
            # Magnitudes grow with the window; the root keeps the scales comparable.
            losses.append(F.l1_loss(a, b) / size**0.5)  # type: ignore[operator]
            losses.append(F.l1_loss(a.clamp_min(1e-4).log(), b.clamp_min(1e-4).log()))
        return torch.stack(losses).sum() / len(self.scales)


def critic_loss(real: list[Judgement], fake: list[Judgement]) -> Tensor:
    """Least-squares GAN loss of the critics (Mao et al. 2017): real to 1, fake to 0."""
    terms = [(1 - r).square().mean() + f.square().mean() for (r, _), (f, _) in zip(real, fake, strict=True)]
    return torch.stack(terms).mean()


def fool_loss(fake: list[Judgement]) -> Tensor:
    """Least-squares GAN loss of the generator: fake to 1."""
    return torch.stack([(1 - f).square().mean() for f, _ in fake]).mean()


def feature_loss(real: list[Judgement], fake: list[Judgement]) -> Tensor:
    """Relative L1 between the critics' feature maps (EnCodec eq. 2)."""
    terms = [
        F.l1_loss(f, r.detach()) / r.detach().abs().mean().clamp_min(1e-6)
        for (_, reals), (_, fakes) in zip(real, fake, strict=True)
        for r, f in zip(reals, fakes, strict=True)
    ]
    return torch.stack(terms).mean()
