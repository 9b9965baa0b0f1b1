"""SEANet as EnCodec builds it (Defossez et al. 2022, section 3.1): half-width residual units, LSTM, ELU.

Layers lie in one Sequential in the order of the published code, so that its checkpoints map by their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from .layers import PadConv1d, PadConvT1d


@dataclass(frozen=True)
class Seanet:
    """Shape of both halves; `strides` in the encoder's order, channels double at each."""

    channels: int
    strides: Sequence[int]
    latent: int
    lstm: int = 2
    causal: bool = True
    pad: str = "reflect"


class HalfUnit(nn.Module):
    """ELU, conv 3 to half the width, ELU, 1x1 back, plus a 1x1 shortcut: (batch, channels, n) kept."""

    def __init__(self, channels: int, causal: bool, pad: str) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.ELU(),
            PadConv1d(channels, channels // 2, 3, causal=causal, mode=pad),
            nn.ELU(),
            PadConv1d(channels // 2, channels, 1, causal=causal, mode=pad),
        )
        self.shortcut = PadConv1d(channels, channels, 1, causal=causal, mode=pad)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.shortcut(x) + self.block(x)
        return y


class ResidualLstm(nn.Module):
    """LSTM over time with a skip: (batch, channels, frames) kept."""

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, layers)

    def forward(self, x: Tensor) -> Tensor:
        steps = x.permute(2, 0, 1)
        y, _ = self.lstm(steps)
        return (y + steps).permute(1, 2, 0)  # type: ignore[no-any-return]


def encoder(shape: Seanet) -> nn.Sequential:
    """(batch, 1, n) -> (batch, latent, n / prod(strides)); n a multiple of the hop."""
    width = shape.channels
    layers: list[nn.Module] = [PadConv1d(1, width, 7, causal=shape.causal, mode=shape.pad)]
    for stride in shape.strides:
        layers += [HalfUnit(width, shape.causal, shape.pad), nn.ELU()]
        layers += [PadConv1d(width, 2 * width, 2 * stride, stride=stride, causal=shape.causal, mode=shape.pad)]
        width *= 2
    if shape.lstm:
        layers.append(ResidualLstm(width, shape.lstm))
    layers += [nn.ELU(), PadConv1d(width, shape.latent, 7, causal=shape.causal, mode=shape.pad)]
    return nn.Sequential(*layers)


def decoder(shape: Seanet) -> nn.Sequential:
    """Mirror of `encoder`: (batch, latent, frames) -> (batch, 1, frames * hop)."""
    width = shape.channels * 2 ** len(shape.strides)
    layers: list[nn.Module] = [PadConv1d(shape.latent, width, 7, causal=shape.causal, mode=shape.pad)]
    if shape.lstm:
        layers.append(ResidualLstm(width, shape.lstm))
    for stride in reversed(shape.strides):
        layers += [nn.ELU(), PadConvT1d(width, width // 2, stride, causal=shape.causal)]
        width //= 2
        layers.append(HalfUnit(width, shape.causal, shape.pad))
    layers += [nn.ELU(), PadConv1d(width, 1, 7, causal=shape.causal, mode=shape.pad)]
    return nn.Sequential(*layers)
