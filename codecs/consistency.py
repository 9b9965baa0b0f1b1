"""What a consistency autoencoder learns: the same clean sound from two neighbouring sizes of noise.

Consistency training as in Song and Dhariwal 2023 (pseudo-Huber distance, weights by the gap, log-normal noise) with
the continuous schedule of Music2Latent (Pasini et al. 2024).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ..core.train import OneNetwork
from .models.music2latent import SIGMA_MAX, SIGMA_MIN
from .recipe import CodecRecipe

_RHO = 7.0
_FIRST_GAP = 0.1
_MEAN, _DEVIATION = -1.1, 2.0


class ConsistencyTask(OneNetwork):
    """Implements core.train.Task."""

    def __init__(self, model: nn.Module, recipe: CodecRecipe) -> None:
        super().__init__(model)
        self.model: Any = model
        self.seed, self.steps = recipe.seed, recipe.schedule.steps

    def loss(self, turn: str, batch: Tensor, step: int) -> tuple[Tensor, dict[str, float]]:
        """Distance of the answers at both sizes of noise."""
        clean = self.model.represent(batch)
        planes = self.model.conditioner(self.model.encoder(clean))
        generator = torch.Generator(batch.device).manual_seed(self.seed * 1_000_003 + step)
        noise = torch.randn(clean.shape, generator=generator, device=batch.device)
        upper = _place(torch.randn(len(batch), generator=generator, device=batch.device))
        # The gap shrinks from a tenth of the schedule to a hundredth.
        lower = (upper - _FIRST_GAP ** (1 + step / max(1, self.steps))).clamp_min(0.0)
        large, small = sigma(upper), sigma(lower)
        student = self.model.denoise(clean + large[:, None, None, None] * noise, large, planes)
        with torch.no_grad():
            teacher = self.model.denoise(
                clean + small[:, None, None, None] * noise, small, [plane.detach() for plane in planes]
            )
        # The reference is for a distance over the whole example; this mean over its points is the same up to scale.
        bend = 0.00054 * math.sqrt(clean[0].numel())
        distance = ((student - teacher).square() + bend**2).sqrt() - bend
        weight = 1 / (large - small).clamp_min(1e-4)
        loss = (weight * distance.mean((1, 2, 3))).mean()
        return loss, {"consistency": loss.item(), "mel": float((student - clean).abs().mean().detach())}


def sigma(place: Tensor) -> Tensor:
    """Size of noise at a place in [0, 1] of the schedule (Karras et al. 2022, eq. 5)."""
    low, high = SIGMA_MIN ** (1 / _RHO), SIGMA_MAX ** (1 / _RHO)
    size: Tensor = (low + place * (high - low)) ** _RHO
    return size


def _place(normal: Tensor) -> Tensor:
    """Places whose sizes of noise are log-normal, within the schedule."""
    drawn = torch.exp(_MEAN + _DEVIATION * normal).clamp(SIGMA_MIN * 1.01, SIGMA_MAX)
    low, high = SIGMA_MIN ** (1 / _RHO), SIGMA_MAX ** (1 / _RHO)
    place: Tensor = (drawn ** (1 / _RHO) - low) / (high - low)
    return place
