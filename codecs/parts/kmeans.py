"""k-means for codebooks that start on data."""

from __future__ import annotations

import torch
from torch import Tensor


def nearest(points: Tensor, centres: Tensor) -> Tensor:
    """Index of the nearest centre (size, dim) for each of points (count, dim) -> (count,)."""
    # |x - c|^2 without |x|^2, which is the same for every centre.
    return (centres.square().sum(1) - 2 * points @ centres.T).argmin(1)


def kmeans(points: Tensor, size: int, rounds: int = 10) -> Tensor:
    """Centres (size, dim) of points (count, dim), from random members; an empty cluster takes a random member."""
    centres = points[torch.randperm(len(points))[:size]].clone()
    centres = centres[torch.arange(size) % len(centres)]
    for _ in range(rounds):
        codes = nearest(points, centres)
        count = torch.bincount(codes, minlength=size)
        sums = torch.zeros_like(centres).index_add_(0, codes, points)
        spare = points[torch.randint(len(points), (size,))]
        centres = torch.where(count[:, None] > 0, sums / count.clamp_min(1)[:, None], spare)
    return centres
