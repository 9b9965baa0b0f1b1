"""StreamCodec hop by hop: the two halves as functions of what is new and what is remembered.

A hop of samples completes one MDCT frame; a frame completes the hop before it. With a hop of 160 samples at 16 kHz
that is 10 ms of collecting and 10 ms of waiting: 20 ms from the microphone to the loudspeaker.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..parts.streaming import stack_step, stack_tails
from .streamcodec import StreamCodec


class EncodeStep(nn.Module):
    """wave (1, 1, hops * hop), state -> codes (1, stages, hops), state. The state starts as `start()`."""

    def __init__(self, codec: StreamCodec) -> None:
        super().__init__()
        self.codec = codec

    def start(self) -> tuple[Tensor, ...]:
        """The hop before (1, hop), and the encoder's tails."""
        return (torch.zeros(1, self.codec.hop_length), *stack_tails(self.codec.encoder))

    def forward(self, wave: Tensor, before: Tensor, *tails: Tensor) -> tuple[Tensor, ...]:
        whole = torch.cat([before, wave[:, 0]], dim=-1)
        coefficients = F.conv1d(whole[:, None], self.codec.mdct.basis, stride=self.codec.hop_length)
        latents, after = stack_step(self.codec.encoder, self.codec.compress(coefficients), tails)
        return (self.codec.quantiser.encode(latents), whole[:, -self.codec.hop_length :], *after)


class DecodeStep(nn.Module):
    """codes (1, stages, hops), state -> wave (1, 1, hops * hop), one hop late, state. It starts as `start()`."""

    def __init__(self, codec: StreamCodec) -> None:
        super().__init__()
        self.codec = codec

    def start(self) -> tuple[Tensor, ...]:
        """The half-finished hop (1, hop), and the decoder's tails."""
        return (torch.zeros(1, self.codec.hop_length), *stack_tails(self.codec.decoder))

    def forward(self, codes: Tensor, overlap: Tensor, *tails: Tensor) -> tuple[Tensor, ...]:
        hop = self.codec.hop_length
        compressed, after = stack_step(self.codec.decoder, self.codec.quantiser.decode(codes), tails)
        frames = F.conv_transpose1d(self.codec.expand(compressed), self.codec.imdct.basis, stride=hop)[:, 0]
        begun = F.pad(overlap, (0, frames.shape[-1] - hop))
        wave = frames + begun
        return (wave[:, None, : wave.shape[-1] - hop], wave[:, -hop:], *after)
