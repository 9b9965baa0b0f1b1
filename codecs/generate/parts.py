"""What the text-driven generators share: a voice from a prompt, phones in context, and phones laid out in time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.spectral_torch import LogMel
from ..parts.layers import ConvNeXt1d
from .text import PHONES
from .transformer import Transformer, TransformerConfig

# Log-mels as our `vocos` takes them (models/vocos.py), and what they are brought to about unit variance with.
RATE, N_FFT, HOP, MELS = 16_000, 1024, 256, 80
_MIDDLE, _SPREAD = -1.1, 1.85


class Mel(nn.Module):
    """Waves (batch, n) -> scaled log-mels (batch, MELS, n / HOP + 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.mel = LogMel(RATE, N_FFT, HOP, MELS, fast=True)

    def forward(self, wave: Tensor) -> Tensor:
        y: Tensor = (self.mel(wave) - _MIDDLE) / _SPREAD
        return y


def unscaled(mel: Tensor) -> Tensor:
    """Natural log-mels of scaled ones."""
    return mel * _SPREAD + _MIDDLE


class Voice(nn.Module):
    """Who speaks: scaled log-mels of a prompt (batch, MELS, frames) -> (batch, dim), mean and spread over time."""

    def __init__(self, dim: int, channels: int = 96, layers: int = 2) -> None:
        super().__init__()
        self.inlet = nn.Conv1d(MELS, channels, 1)
        self.blocks = nn.Sequential(*(ConvNeXt1d(channels, 2 * channels) for _ in range(layers)))
        self.outlet = nn.Linear(2 * channels, dim)

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, MELS, frames) -> (batch, dim)."""
        heard = self.blocks(self.inlet(mel))
        y: Tensor = self.outlet(torch.cat([heard.mean(-1), heard.std(-1)], dim=-1))
        return y


class PhoneEncoder(nn.Module):
    """Phones that know their neighbours and the voice, and how long each will last."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.table = nn.Embedding(len(PHONES), config.dim)
        self.body = Transformer(config, causal=False)
        self.length = nn.Sequential(
            nn.Linear(config.dim, config.dim), nn.SiLU(), nn.LayerNorm(config.dim), nn.Linear(config.dim, 1)
        )

    def forward(self, phones: Tensor, voice: Tensor, present: Tensor) -> Tensor:
        """(batch, phones), (batch, dim), bool (batch, phones) -> (batch, phones, dim)."""
        y: Tensor = self.body(self.table(phones) + voice[:, None], present=present)
        return y

    def log_seconds(self, encoded: Tensor) -> Tensor:
        """Natural log of each phone's seconds, (batch, phones). Learns nothing into the encoder (Glow-TTS)."""
        y: Tensor = self.length(encoded.detach())[..., 0] + _USUAL
        return y

    def length_loss(self, encoded: Tensor, ends: Tensor, present: Tensor) -> Tensor:
        """Mean squared error of the log seconds; ends (batch, phones) in samples, from the start of the clip."""
        seconds = torch.diff(ends, dim=1, prepend=torch.zeros_like(ends[:, :1])).clamp_min(_SHORTEST) / RATE
        gap = F.mse_loss(self.log_seconds(encoded), seconds.log().to(encoded.dtype), reduction="none")
        return (gap * present).sum() / present.sum()


# log of 80 ms, and the aligner's frame of 10 ms in samples.
_USUAL, _SHORTEST = -2.5, 160


class Layout(nn.Module):
    """Encoded phones laid out over frames, each frame told where in its phone it lies and how long that is."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.place = nn.Linear(4, dim)

    def forward(self, encoded: Tensor, ends: Tensor, centres: Tensor) -> Tensor:
        """(batch, phones, dim), ends (batch, phones) and centres of the frames (batch, frames) in samples, both from
        the start of the clip -> (batch, frames, dim). Frames beyond the last phone belong to it.
        """
        index = torch.searchsorted(ends.contiguous(), centres.contiguous(), right=True)
        index = index.clamp_max(ends.shape[1] - 1)
        starts = F.pad(ends, (1, 0))[:, :-1]
        begin, end = starts.gather(1, index), ends.gather(1, index)
        length = (end - begin).clamp_min(1).to(encoded.dtype)
        share = ((centres - begin) / length).clamp(0, 1)
        place = torch.stack([share, share * (1 - share), length.log() - 7.0, (length / RATE).clamp_max(1)], dim=-1)
        spread = encoded.gather(1, index[..., None].expand(-1, -1, encoded.shape[-1]))
        y: Tensor = spread + self.place(place.to(encoded.dtype))
        return y
