"""Vocos (Siuzdak 2023) on the tokens of StreamCodec: the codec's encoder and codebooks stay, ISTFT frames speak.

16 kHz, hop 160, FFT 640; the paper's own pairing is EnCodec at 24 kHz, hop 320, FFT 1280.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from ...core.recipe import Strict
from ...core.spectral_torch import Istft
from ..parts.layers import ConvNeXtStack
from .streamcodec import StreamCodec, StreamCodecConfig


class VocosTokensConfig(Strict):
    """The codec's arguments and the widths of the decoder; the window is four hops long."""

    codec: StreamCodecConfig = StreamCodecConfig()
    channels: int = 160
    hidden: int = 480
    layers: int = 6


class VocosTokens(nn.Module):
    """Waves (batch, 1, n) with n a multiple of the hop; n / hop + 1 frames.

    A warm start from the codec's weights fills encoder and quantiser; neither learns.
    """

    borrows = True

    def __init__(self, config: VocosTokensConfig) -> None:
        super().__init__()
        codec = StreamCodec(config.codec)
        self.rate, self.hop_length, self.bits = codec.rate, codec.hop_length, codec.bits
        self.mdct, self.encoder, self.quantiser = codec.mdct, codec.encoder, codec.quantiser
        n_fft = 4 * self.hop_length
        self.body = ConvNeXtStack(
            config.codec.latent, config.channels, config.hidden, config.layers, n_fft + 2, causal=False
        )
        self.istft = Istft(n_fft, self.hop_length)
        for part in (self.encoder, self.quantiser):
            part.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Training mode for the decoder alone: a quantiser in training moves its codebooks."""
        super().train(mode)
        self.quantiser.eval()
        return self

    def analyse(self, wave: Tensor) -> Tensor:
        """(batch, 1, n) -> the codec's latents (batch, latent, n / hop + 1)."""
        return self.encoder(StreamCodec.compress(self.mdct(wave[:, 0])))  # type: ignore[no-any-return]

    def synthesise(self, latents: Tensor) -> Tensor:
        """(batch, latent, frames) -> (batch, 1, (frames - 1) * hop)."""
        log_magnitude, phase = self.body(latents).chunk(2, dim=1)
        magnitude = log_magnitude.exp().clamp_max(100.0)
        return self.istft(magnitude * torch.cos(phase), magnitude * torch.sin(phase))[:, None]  # type: ignore[no-any-return]
