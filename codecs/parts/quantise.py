"""Quantiser stages and their residual chain. Latents are (batch, dim, frames), codes (batch, frames) int64.

Own code rather than vector-quantize-pytorch, because the graphs must export to ONNX with an unused-stage
code of -1, and because k-means over many batches and restarts must resume exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..neural import UNUSED
from .kmeans import kmeans, nearest


class EmaVq(nn.Module):
    """Vector quantiser with EMA codebook (van den Oord et al. 2017, appendix A.1) and dead-code restarts.

    SoundStream, section III-C: k-means start, codes used less than a floor are replaced by input vectors.
    """

    codebook: Tensor
    usage: Tensor
    total: Tensor

    def __init__(self, dim: int, size: int, *, decay: float = 0.98, floor: float = 0.1) -> None:
        super().__init__()
        self.dim, self.size, self.decay, self.floor = dim, size, decay, floor
        self.register_buffer("codebook", torch.randn(size, dim) * 0.1)
        self.register_buffer("usage", torch.ones(size))
        self.register_buffer("total", self.codebook.clone())

    def initialise(self, latents: Tensor) -> None:
        """k-means of latents (count, dim), ten rounds from random members."""
        centres = kmeans(latents, self.size)
        self.codebook.copy_(centres)
        self.usage.fill_(1.0)
        self.total.copy_(centres)

    def encode(self, x: Tensor) -> Tensor:
        """Codes of latents: (batch, dim, frames) -> (batch, frames)."""
        batch, dim, frames = x.shape
        return nearest(x.transpose(1, 2).reshape(-1, dim), self.codebook).reshape(batch, frames)

    def decode(self, codes: Tensor) -> Tensor:
        """Latents of codes; UNUSED gives zeros."""
        vectors = F.embedding(codes.clamp_min(0), self.codebook).transpose(1, 2)
        return vectors * (codes >= 0)[:, None]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        codes = self.encode(x)
        quantised = self.decode(codes)
        if self.training:
            self._update(x.detach(), codes)
        commitment = F.mse_loss(x, quantised)
        return x + (quantised - x).detach(), codes, commitment

    @torch.no_grad()
    def _update(self, x: Tensor, codes: Tensor) -> None:
        flat, codes = x.transpose(1, 2).reshape(-1, self.dim), codes.reshape(-1)
        count = torch.bincount(codes, minlength=self.size).to(flat.dtype)
        sums = torch.zeros_like(self.total).index_add_(0, codes, flat)
        self.usage.lerp_(count, 1 - self.decay)
        self.total.lerp_(sums, 1 - self.decay)
        dead = self.usage < self.floor * len(flat) / self.size
        spare = flat[torch.randint(len(flat), (self.size,), device=flat.device)]
        fair = len(flat) / self.size
        self.usage[dead] = fair
        self.total[dead] = spare[dead] * fair
        self.codebook.copy_(self.total / self.usage.clamp_min(1e-5)[:, None])


class Fsq(nn.Module):
    """Finite scalar quantiser between two linear maps (Mentzer et al. 2023, section 3).

    `levels` values on each of len(levels) axes; the code is their mixed-radix number.
    """

    steps: Tensor
    radix: Tensor

    def __init__(self, dim: int, levels: Sequence[int]) -> None:
        super().__init__()
        self.levels = tuple(levels)
        self.size = math.prod(levels)
        self.down = nn.Conv1d(dim, len(levels), 1)
        self.up = nn.Conv1d(len(levels), dim, 1)
        self.register_buffer("steps", torch.tensor(levels, dtype=torch.float32)[:, None], persistent=False)
        radix = torch.cumprod(torch.tensor([1, *levels[:-1]]), 0)[:, None]
        self.register_buffer("radix", radix, persistent=False)

    @torch.no_grad()
    def initialise(self, latents: Tensor) -> None:
        """Point the axes at the principal components of latents (count, dim), scaled to unit variance.

        Without this tanh sees a tiny input and most levels stay unused.
        """
        mean = latents.mean(0)
        variance, axes = torch.linalg.eigh(torch.cov((latents - mean).T))
        order = variance.argsort(descending=True)[: len(self.levels)]
        scale = variance[order].clamp_min(1e-8).sqrt()
        self.down.weight.copy_((axes[:, order] / scale).T[..., None])
        assert self.down.bias is not None and self.up.bias is not None
        self.down.bias.copy_(-(mean @ axes[:, order]) / scale)
        self.up.weight.copy_((axes[:, order] * scale)[..., None])
        self.up.bias.copy_(mean)

    def _bound(self, x: Tensor) -> Tensor:
        half = (self.steps - 1) * 0.999 / 2
        offset = torch.where(self.steps % 2 == 0, 0.5, 0.0)
        shift = torch.atanh(offset / half)
        bounded: Tensor = torch.tanh(self.down(x) + shift) * half - offset
        return bounded

    def encode(self, x: Tensor) -> Tensor:
        """Codes of latents: (batch, dim, frames) -> (batch, frames)."""
        digits = torch.round(self._bound(x)) + torch.floor(self.steps / 2)
        return (digits.long() * self.radix).sum(1)

    def decode(self, codes: Tensor) -> Tensor:
        """Latents of codes; UNUSED gives zeros."""
        digits = (codes.clamp_min(0)[:, None] // self.radix) % self.steps.long()
        latents: Tensor = self.up(digits - torch.floor(self.steps / 2))
        return latents * (codes >= 0)[:, None]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        bounded = self._bound(x)
        rounded = bounded + (torch.round(bounded) - bounded).detach()
        digits = torch.round(bounded) + torch.floor(self.steps / 2)
        return self.up(rounded), (digits.long() * self.radix).sum(1), x.new_zeros(())


class ResidualQuantiser(nn.Module):
    """Stages in series, each on what the ones before left over (SoundStream, section III-C).

    forward(latents, used) -> latents', codes (batch, stages, frames) with UNUSED past `used`, commitment loss.
    Before `initialise` it passes latents through, so that a trunk can learn without it first.
    """

    active: Tensor

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.register_buffer("active", torch.tensor(False))

    @torch.no_grad()
    def initialise(self, latents: Tensor) -> None:
        """Start every stage in order on latents (count, dim) and switch quantisation on."""
        residual = latents
        for stage in self.stages:
            stage.initialise(residual)  # type: ignore[operator]
            was = stage.training
            stage.eval()
            quantised, _, _ = stage(residual.T[None])
            stage.train(was)
            residual = residual - quantised[0].T
        self.active.fill_(True)

    def encode(self, x: Tensor) -> Tensor:
        """Codes (batch, stages, frames) of latents (batch, dim, frames)."""
        codes = []
        for stage in self.stages:
            code = stage.encode(x)  # type: ignore[operator]
            codes.append(code)
            x = x - stage.decode(code)  # type: ignore[operator]
        return torch.stack(codes, 1)

    def decode(self, codes: Tensor) -> Tensor:
        """Latents (batch, dim, frames) of codes (batch, stages, frames); UNUSED stages add nothing."""
        parts = [stage.decode(code) for stage, code in zip(self.stages, codes.unbind(1), strict=True)]  # type: ignore[operator]
        return torch.stack(parts).sum(0)

    def forward(self, x: Tensor, used: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
        used = len(self.stages) if used is None else used
        codes: list[Tensor] = []
        total, residual, loss = torch.zeros_like(x), x, x.new_zeros(())
        for index, stage in enumerate(self.stages):
            if index >= used:
                codes.append(torch.full_like(codes[0], UNUSED))
                continue
            quantised, code, commitment = stage(residual)
            total, residual = total + quantised, residual - quantised
            loss = loss + commitment
            codes.append(code)
        return total, torch.stack(codes, 1), loss / used
