"""AASIST: Audio Anti-Spoofing using Integrated Spectro-Temporal Graph Attention Networks (Jung et al. 2022).

A published yardstick, written afresh for inference: modules carry the names of the published state dicts, which
load strictly, and dropout, which does nothing at inference, is left out. Samples in, two logits out:

    samples -> fixed sinc filters -> residual encoder -> graph of 23 frequency bands and graph of 29 time steps
            -> attention and pooling in each -> two branches over both graphs with a master node -> readout
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .aasist_layers import GraphAttention, GraphPool, HeteroAttention, ResidualBlock, SincConv


@dataclass(frozen=True)
class AasistConfig:
    """Sizes of one published model; the defaults are those of AASIST.conf."""

    rate: int = 16000
    samples: int = 64600
    sinc_filters: int = 70
    sinc_taps: int = 129
    channels: tuple[int, ...] = (32, 32, 64, 64, 64, 64)
    graph: int = 64
    hetero: int = 32
    keep_spectral: float = 0.5
    keep_temporal: float = 0.7
    keep_hetero: float = 0.5
    temperature: float = 2.0
    hetero_temperature: float = 100.0

    @property
    def bands(self) -> int:
        """Nodes of the spectral graph: the filters after pooling by 3."""
        return self.sinc_filters // 3


AASIST = AasistConfig()
AASIST_L = AasistConfig(
    channels=(32, 32, 24, 24, 24, 24), graph=24, keep_spectral=0.4, keep_temporal=0.5, keep_hetero=0.7
)


class Aasist(nn.Module):
    """The network: samples (batch, 64600) at 16 kHz in [-1, 1] -> logits (batch, 2): spoof, bona fide."""

    def __init__(self, config: AasistConfig = AASIST) -> None:
        super().__init__()
        self.conv_time = SincConv(config.rate, config.sinc_filters, config.sinc_taps)
        self.first_bn = nn.BatchNorm2d(1)
        widths = (1, *config.channels)
        self.encoder = nn.Sequential(
            *(
                nn.Sequential(ResidualBlock(inner, outer, first=index == 0))
                for index, (inner, outer) in enumerate(pairwise(widths))
            )
        )
        self.pos_S = nn.Parameter(torch.randn(1, config.bands, widths[-1]))
        self.master1 = nn.Parameter(torch.randn(1, 1, config.graph))
        self.master2 = nn.Parameter(torch.randn(1, 1, config.graph))
        self.GAT_layer_S = GraphAttention(widths[-1], config.graph, config.temperature)
        self.GAT_layer_T = GraphAttention(widths[-1], config.graph, config.temperature)
        self.pool_S = GraphPool(config.graph, config.keep_spectral)
        self.pool_T = GraphPool(config.graph, config.keep_temporal)
        heat = config.hetero_temperature
        self.HtrgGAT_layer_ST11 = HeteroAttention(config.graph, config.hetero, heat)
        self.HtrgGAT_layer_ST12 = HeteroAttention(config.hetero, config.hetero, heat)
        self.HtrgGAT_layer_ST21 = HeteroAttention(config.graph, config.hetero, heat)
        self.HtrgGAT_layer_ST22 = HeteroAttention(config.hetero, config.hetero, heat)
        self.pool_hS1 = GraphPool(config.hetero, config.keep_hetero)
        self.pool_hT1 = GraphPool(config.hetero, config.keep_hetero)
        self.pool_hS2 = GraphPool(config.hetero, config.keep_hetero)
        self.pool_hT2 = GraphPool(config.hetero, config.keep_hetero)
        self.out_layer = nn.Linear(5 * config.hetero, 2)

    def forward(self, samples: Tensor) -> Tensor:
        bands = F.max_pool2d(self.conv_time(samples).abs().unsqueeze(1), 3)
        image = self.encoder(F.selu(self.first_bn(bands))).abs()  # (batch, channels, bands, steps)
        spectral = self.pool_S(self.GAT_layer_S(image.amax(dim=3).transpose(1, 2) + self.pos_S))
        temporal = self.pool_T(self.GAT_layer_T(image.amax(dim=2).transpose(1, 2)))

        first = self._branch(
            temporal,
            spectral,
            self.master1,
            (self.HtrgGAT_layer_ST11, self.HtrgGAT_layer_ST12),
            (self.pool_hT1, self.pool_hS1),
        )
        second = self._branch(
            temporal,
            spectral,
            self.master2,
            (self.HtrgGAT_layer_ST21, self.HtrgGAT_layer_ST22),
            (self.pool_hT2, self.pool_hS2),
        )
        temporal, spectral, master = (torch.maximum(one, two) for one, two in zip(first, second, strict=True))
        readout = torch.cat(
            [
                temporal.abs().amax(dim=1),
                temporal.mean(dim=1),
                spectral.abs().amax(dim=1),
                spectral.mean(dim=1),
                master.squeeze(1),
            ],
            dim=1,
        )
        logits: Tensor = self.out_layer(readout)
        return logits

    @staticmethod
    def _branch(
        temporal: Tensor,
        spectral: Tensor,
        master: Tensor,
        layers: tuple[nn.Module, nn.Module],
        pools: tuple[nn.Module, nn.Module],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One max-graph branch: attention over both graphs, pooling, and a second attention added on top."""
        temporal, spectral, master = layers[0](temporal, spectral, master)
        temporal, spectral = pools[0](temporal), pools[1](spectral)
        more = layers[1](temporal, spectral, master)
        return temporal + more[0], spectral + more[1], master + more[2]


class SyntheticScore(nn.Module):
    """What is exported: samples (batch, 64600) -> raw score (batch,), higher = synthetic, uncalibrated.

    The published score is the bona fide logit, index 1, higher = bona fide; this is its negative.
    """

    def __init__(self, network: Aasist) -> None:
        super().__init__()
        self.network = network

    def forward(self, samples: Tensor) -> Tensor:
        logits: Tensor = self.network(samples)
        return -logits[:, 1]
