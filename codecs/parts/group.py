"""Quantisers side by side, each on its own slice of the latents, all of them needed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..neural import UNUSED


class GroupQuantiser(nn.Module):
    """Same calls as ResidualQuantiser; latents (batch, groups * dim, frames) are cut into equal slices.

    Before `initialise` it passes latents through.
    """

    active: Tensor

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.register_buffer("active", torch.tensor(False))

    @torch.no_grad()
    def initialise(self, latents: Tensor) -> None:
        """Start every stage on its slice of latents (count, groups * dim) and switch quantisation on."""
        for stage, part in zip(self.stages, latents.chunk(len(self.stages), dim=1), strict=True):
            stage.initialise(part)  # type: ignore[operator]
        self.active.fill_(True)

    def encode(self, x: Tensor) -> Tensor:
        """Codes (batch, groups, frames) of latents (batch, groups * dim, frames)."""
        parts = x.chunk(len(self.stages), dim=1)
        return torch.stack([stage.encode(part) for stage, part in zip(self.stages, parts, strict=True)], 1)  # type: ignore[operator]

    def decode(self, codes: Tensor) -> Tensor:
        """Latents of codes; the slice of an UNUSED group is zero."""
        parts = zip(self.stages, codes.unbind(1), strict=True)
        return torch.cat([stage.decode(code) for stage, code in parts], 1)  # type: ignore[operator]

    def forward(self, x: Tensor, used: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
        used = len(self.stages) if used is None else used
        quantised, codes, loss = [], [], x.new_zeros(())
        for index, (stage, part) in enumerate(zip(self.stages, x.chunk(len(self.stages), dim=1), strict=True)):
            latent, code, commitment = stage(part)
            kept = index < used
            quantised.append(latent if kept else torch.zeros_like(latent))
            codes.append(code if kept else torch.full_like(code, UNUSED))
            loss = loss + (commitment if kept else 0.0)
        return torch.cat(quantised, 1), torch.stack(codes, 1), loss / used
