"""Layers of AASIST, with the parameter names of its published state dicts. See `aasist` for the whole."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.spectral import hz_to_mel, mel_to_hz


class SincConv(nn.Module):
    """Fixed band-pass filters on the mel scale: (batch, n) -> (batch, filters, n - taps + 1)."""

    filters: Tensor

    def __init__(self, rate: int, count: int, taps: int) -> None:
        super().__init__()
        bank = torch.from_numpy(sinc_filters(rate, count, taps)).float()
        # Not persistent: the published state dicts do not hold the filters.
        self.register_buffer("filters", bank.unsqueeze(1), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        return F.conv1d(samples.unsqueeze(1), self.filters)


def sinc_filters(rate: int, count: int, taps: int) -> NDArray[np.float64]:
    """Hamming-windowed ideal band-passes, (count, taps), between neighbours of count + 1 mel-spaced edges.

    Low-pass of cut-off f: 2 f / rate sinc(2 f t / rate); a band-pass is the difference of two.
    """
    edges = 2.0 / rate * mel_to_hz(np.linspace(0.0, hz_to_mel(rate / 2), count + 1))[:, None]
    time = np.arange(taps) - (taps - 1) / 2
    low_passes = edges * np.sinc(edges * time)
    bank: NDArray[np.float64] = np.diff(low_passes, axis=0) * np.hamming(taps)
    return bank


class ResidualBlock(nn.Module):
    """Two (2, 3) convolutions with a skip, then pooling by 3 in time.

    (batch, inner, bands, steps) -> (batch, outer, bands, steps // 3).
    """

    def __init__(self, inner: int, outer: int, *, first: bool) -> None:
        super().__init__()
        if not first:
            # Held for the checkpoints only: the published networks were trained with this norm bypassed.
            self.bn1 = nn.BatchNorm2d(inner)
        self.conv1 = nn.Conv2d(inner, outer, (2, 3), padding=(1, 1))
        self.bn2 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, (2, 3), padding=(0, 1))
        if inner != outer:
            self.conv_downsample = nn.Conv2d(inner, outer, (1, 3), padding=(0, 1))
        self.widens = inner != outer

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.selu(self.bn2(self.conv1(x))))
        skip = self.conv_downsample(x) if self.widens else x
        return F.max_pool2d(y + skip, (1, 3))


class GraphAttention(nn.Module):
    """Attention over one complete graph: nodes (batch, n, inner) -> (batch, n, outer)."""

    def __init__(self, inner: int, outer: int, temperature: float) -> None:
        super().__init__()
        self.att_proj = nn.Linear(inner, outer)
        self.att_weight = _column(outer)
        self.proj_with_att = nn.Linear(inner, outer)
        self.proj_without_att = nn.Linear(inner, outer)
        self.bn = nn.BatchNorm1d(outer)
        self.temperature = temperature

    def forward(self, nodes: Tensor) -> Tensor:
        energy = torch.tanh(self.att_proj(_products(nodes))) @ self.att_weight
        attention = torch.softmax(energy.squeeze(-1) / self.temperature, dim=-1)
        mixed = self.proj_with_att(attention @ nodes) + self.proj_without_att(nodes)
        return F.selu(_normalise(self.bn, mixed))


class HeteroAttention(nn.Module):
    """Attention over two graphs at once, with a master node that listens to both and is heard by neither.

    Nodes one (batch, n, inner), two (batch, m, inner), master (1 or batch, 1, inner) -> the same with `outer`.
    Each kind of edge (one-one, two-two, between) has its own attention vector.
    """

    def __init__(self, inner: int, outer: int, temperature: float) -> None:
        super().__init__()
        self.proj_type1 = nn.Linear(inner, inner)
        self.proj_type2 = nn.Linear(inner, inner)
        self.att_proj = nn.Linear(inner, outer)
        self.att_projM = nn.Linear(inner, outer)
        self.att_weight11 = _column(outer)
        self.att_weight22 = _column(outer)
        self.att_weight12 = _column(outer)
        self.att_weightM = _column(outer)
        self.proj_with_att = nn.Linear(inner, outer)
        self.proj_without_att = nn.Linear(inner, outer)
        self.proj_with_attM = nn.Linear(inner, outer)
        self.proj_without_attM = nn.Linear(inner, outer)
        self.bn = nn.BatchNorm1d(outer)
        self.temperature = temperature

    def forward(self, one: Tensor, two: Tensor, master: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        border = one.shape[1]
        nodes = torch.cat([self.proj_type1(one), self.proj_type2(two)], dim=1)
        attention = torch.softmax(self._energy(nodes, border) / self.temperature, dim=-1)
        mixed = self.proj_with_att(attention @ nodes) + self.proj_without_att(nodes)
        mixed = F.selu(_normalise(self.bn, mixed))
        return mixed[:, :border], mixed[:, border:], self._listen(nodes, master)

    def _energy(self, nodes: Tensor, border: int) -> Tensor:
        """Unscaled attention (batch, n + m, n + m), one block for each kind of edge."""
        hidden = torch.tanh(self.att_proj(_products(nodes)))
        upper, lower = hidden[:, :border], hidden[:, border:]
        blocks = torch.cat(
            [
                torch.cat(
                    [upper[:, :, :border] @ self.att_weight11, upper[:, :, border:] @ self.att_weight12], dim=2
                ),
                torch.cat(
                    [lower[:, :, :border] @ self.att_weight12, lower[:, :, border:] @ self.att_weight22], dim=2
                ),
            ],
            dim=1,
        )
        return blocks.squeeze(-1)

    def _listen(self, nodes: Tensor, master: Tensor) -> Tensor:
        """New master node, (batch, 1, outer)."""
        energy = torch.tanh(self.att_projM(nodes * master)) @ self.att_weightM
        attention = torch.softmax(energy / self.temperature, dim=1).transpose(1, 2)
        heard: Tensor = self.proj_with_attM(attention @ nodes) + self.proj_without_attM(master)
        return heard


class GraphPool(nn.Module):
    """Keep the best-scored part of the nodes, best first, each scaled by its score: (batch, n, width) -> fewer."""

    def __init__(self, width: int, keep: float) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 1)
        self.keep = keep

    def forward(self, nodes: Tensor) -> Tensor:
        scores = torch.sigmoid(self.proj(nodes))
        count = max(int(nodes.shape[1] * self.keep), 1)
        best = torch.topk(scores, count, dim=1).indices
        return torch.gather(nodes * scores, 1, best.expand(-1, -1, nodes.shape[2]))


def _products(nodes: Tensor) -> Tensor:
    """Elementwise products of all pairs: (batch, n, width) -> (batch, n, n, width)."""
    return nodes.unsqueeze(2) * nodes.unsqueeze(1)


def _normalise(norm: nn.Module, nodes: Tensor) -> Tensor:
    """Batch norm over the features of (batch, n, width)."""
    normal: Tensor = norm(nodes.transpose(1, 2))
    return normal.transpose(1, 2)


def _column(width: int) -> nn.Parameter:
    """A fresh attention vector, (width, 1)."""
    return nn.Parameter(nn.init.xavier_normal_(torch.empty(width, 1)))
