"""The network of the statistics expert: a discriminant, a kernel machine and perceptrons on the same statistics.
Torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .kernel import CLAMP, Fitted
from .model import export_detector
from .sorting import Sorter
from .statistics import Statistics

OUTPUTS = ("score", "speech", "level", "bandwidth", "novelty", "gap", "content", "coded", "parts", "statistics")


class KernelDetector(nn.Module):
    """(batch, samples) at 16 kHz -> OUTPUTS, each (batch,) but for the last two.

    novelty: distance from the training clips, 1 where they lie on average. gap: how far discriminant and kernel
    machine are apart, in units of the score, signed plus where they take the same side. content: nats for synthesised
    speech against copies of real speech (`content.Content`). coded: nats for speech behind a speech coder
    (`coded.Coded`). parts (batch, groups): by how much the score falls when the statistics of a group are put to
    their mean. statistics (batch, size).
    """

    centre: Tensor
    scale: Tensor
    direction: Tensor
    mean: Tensor
    axes: Tensor
    support: Tensor
    weight: Tensor
    usual: Tensor
    spread: Tensor
    gamma: Tensor
    line_offset: Tensor
    kernel_offset: Tensor
    offset: Tensor
    inward: Tensor
    inward_offset: Tensor
    between: Tensor
    between_offset: Tensor
    outward: Tensor
    net_offset: Tensor
    content: Tensor
    content_offset: Tensor
    coded: Tensor
    coded_offset: Tensor

    def __init__(
        self,
        families: Sequence[str],
        resolutions: Sequence[tuple[int, int]],
        fitted: Fitted | None,
        sorters: Mapping[str, Sorter] | None = None,
    ) -> None:
        super().__init__()
        self.statistics = Statistics(families, resolutions)
        self.names = tuple(name for name, _ in self.statistics.groups)
        tables = (fitted or Fitted.empty(self.statistics.size)).tables()
        for name, table in tables.items():
            self.register_buffer(name, torch.as_tensor(table, dtype=torch.float32))
        for name in ("content", "coded"):
            sorter = (sorters or {}).get(name) or Sorter.none(self.statistics.size)
            self.register_buffer(name, torch.as_tensor(sorter.direction, dtype=torch.float32))
            self.register_buffer(f"{name}_offset", torch.as_tensor(sorter.offset, dtype=torch.float32))

    def forward(self, samples: Tensor) -> tuple[Tensor, ...]:
        statistics, speech, level, bandwidth = self.statistics(samples)
        # Far outside of what training saw, a model may say anything: hold each statistic at its borders.
        standard = ((statistics - self.centre) / self.scale).clamp(-CLAMP, CLAMP)
        line, reduced = standard @ self.direction, (standard - self.mean) @ self.axes
        kernel = self._kernel(reduced)
        inner = standard @ self.inward
        net = self._net(inner)
        score = line + kernel + net + self.offset
        novelty = ((reduced - self.usual).square() / self.spread).mean(dim=1).sqrt()
        parts = self._parts(standard, reduced, kernel, inner, net)
        gap = torch.sign((line + self.line_offset) * (kernel + self.kernel_offset))
        gap = gap * (line + self.line_offset - kernel - self.kernel_offset).abs()
        content = standard @ self.content + self.content_offset
        coded = standard @ self.coded + self.coded_offset
        return score, speech, level, bandwidth, novelty, gap, content, coded, parts, statistics

    def _parts(self, standard: Tensor, reduced: Tensor, kernel: Tensor, inner: Tensor, net: Tensor) -> Tensor:
        """What the views lose without each group, (batch, groups). All groups' kernels are one product: one after
        the other they take eight times as long."""
        line, moved, inside, first = [], [], [], 0
        for _, size in self.statistics.groups:
            own = slice(first, first + size)
            line.append(standard[:, own] @ self.direction[own])
            moved.append(reduced - standard[:, own] @ self.axes[own])
            inside.append(inner - standard[:, own] @ self.inward[own])
            first += size
        kernels = self._kernel(torch.stack(moved, dim=1).flatten(0, 1)).reshape(-1, len(moved))
        nets = self._net(torch.stack(inside, dim=1).flatten(0, 1)).reshape(-1, len(moved))
        return torch.stack(line, dim=1) + (kernel + net)[:, None] - kernels - nets

    def _kernel(self, reduced: Tensor) -> Tensor:
        """Weighted sum of Gaussian kernels about the support vectors: (n, axes) -> (n,)."""
        square = reduced.square().sum(dim=1, keepdim=True) + self.support.square().sum(dim=1)
        distance = (square - 2.0 * reduced @ self.support.T).clamp_min(0.0)
        return torch.exp(-self.gamma * distance) @ self.weight

    def _net(self, inner: Tensor) -> Tensor:
        """The perceptrons from their first layer's sums on: (n, members * hidden) -> (n,)."""
        members, hidden = self.outward.shape
        x = F.gelu(inner + self.inward_offset).reshape(-1, members, hidden).transpose(0, 1)
        x = F.gelu(x @ self.between + self.between_offset[:, None])
        return (x * self.outward[:, None]).sum(dim=(0, 2)) + self.net_offset


def export_onnx(model: KernelDetector, path: Path) -> None:
    """Write the graph, its tables in float16. Raises WeightsError when it differs from torch by more than 5e-3.

    Thousands of kernels of both signs cancel in float32, and the order of the sum is each runtime's own.
    """
    export_detector(model, OUTPUTS, path, tolerance=5e-3)
