"""The linear network that is exported: statistics and one linear layer. Torch, for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core.onnx_export import export
from .frontend import RATE
from .statistics import Statistics

OUTPUTS = ("score", "speech", "level", "bandwidth", "statistics")


class LinearDetector(nn.Module):
    """(batch, samples) at 16 kHz -> score, net speech (s), level (dB), bandwidth (Hz), statistics (batch, size)."""

    centre: Tensor
    scale: Tensor
    direction: Tensor
    offset: Tensor

    def __init__(self, families: Sequence[str]) -> None:
        super().__init__()
        self.statistics = Statistics(families)
        size = self.statistics.size
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.register_buffer("direction", torch.zeros(size))
        self.register_buffer("offset", torch.zeros(1))

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        statistics, speech, level, bandwidth = self.statistics(samples)
        # Far outside of what training saw, a linear model may say anything: hold each statistic at its borders.
        standard = ((statistics - self.centre) / self.scale).clamp(-4.0, 4.0)
        score = (standard * self.direction).sum(dim=1) + self.offset
        return score, speech, level, bandwidth, statistics

    def set_weights(
        self, centre: NDArray[np.float64], scale: NDArray[np.float64], direction: NDArray[np.float64], offset: float
    ) -> None:
        """Take over a fitted linear model, each (size,)."""
        for name, value in (("centre", centre), ("scale", scale), ("direction", direction), ("offset", [offset])):
            getattr(self, name).copy_(torch.as_tensor(np.asarray(value, dtype=np.float32)))


def export_onnx(model: LinearDetector, path: Path) -> None:
    """Write the graph. Raises WeightsError when it differs from torch by more than 1e-4."""
    export_detector(model, OUTPUTS, path, half=False)


def export_detector(
    model: nn.Module,
    outputs: Sequence[str],
    path: Path,
    *,
    half: bool = True,
    tolerance: float = 1e-4,
    axis: Mapping[int, str] | None = None,
) -> None:
    """Write the graph of a network (batch, samples) -> outputs, checked on noise in syllables; see `export`.

    axis: the free axes of the outputs, the first alone without it.
    """
    time = torch.arange(3 * RATE) / RATE
    noise = torch.randn(1, 3 * RATE, generator=torch.Generator().manual_seed(0))
    example = 0.1 * torch.sin(6 * torch.pi * time).square() * (torch.sin(1400 * time) + noise)
    dynamic = {"samples": {0: "batch", 1: "samples"}, **{name: axis or {0: "batch"} for name in outputs}}
    export(model, {"samples": example}, outputs, dynamic, path, half=half, tolerance=tolerance)
