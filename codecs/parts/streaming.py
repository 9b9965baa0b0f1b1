"""Causal stacks frame by frame, with everything that they remember handed in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .layers import ConvNeXt1d, ConvNeXtStack, PadConv1d


def stack_tails(stack: ConvNeXtStack) -> list[Tensor]:
    """What a causal stack remembers before the first frame: zeros (1, channels, kernel - 1) for each convolution."""
    convolutions: list[Any] = [stack.inlet, *(block.mix for block in stack.blocks)]
    return [torch.zeros(1, conv.conv.in_channels, conv.pad[0]) for conv in convolutions]


def conv_step(conv: PadConv1d, x: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
    """The next outputs of a causal convolution of stride 1, and its tail after them."""
    whole = torch.cat([tail, x], dim=-1)
    y: Tensor = conv.conv(whole)
    return y, whole[..., whole.shape[-1] - tail.shape[-1] :]


def stack_step(stack: ConvNeXtStack, x: Tensor, tails: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """The next frames of a causal stack, (1, inner, frames) -> (1, outer, frames), and its tails after them."""
    y, tail = conv_step(stack.inlet, x, tails[0])
    after = [tail]
    y = stack.norm_in(y.transpose(1, 2)).transpose(1, 2)
    for block, before in zip(stack.blocks, tails[1:], strict=True):
        assert isinstance(block, ConvNeXt1d)
        mixed, tail = conv_step(block.mix, y, before)
        y = y + block.point(mixed)
        after.append(tail)
    out: Tensor = stack.outlet(stack.norm_out(y.transpose(1, 2)))
    return out.transpose(1, 2), after
