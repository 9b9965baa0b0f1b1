"""Matcha-TTS (Mehta et al. 2023) with given durations: phones to log-mels by flow matching, then our `vocos`.

A FastSpeech-like half gives the mean of the mels (80 mels, hop 256, 16 kHz); a second half learns the flow from noise
to mels given that mean, in a few Euler steps. Without steps the mean itself is spoken: clear but over-smooth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.recipe import Strict
from ..parts.layers import ConvNeXt1d
from ..parts.plane import positions
from .parts import HOP, MELS, Layout, Mel, PhoneEncoder, Voice
from .transformer import TransformerConfig


class MatchaConfig(Strict):
    """Widths; blocks of the mean and of the flow."""

    dim: int = 160
    heads: int = 4
    layers: int = 3
    hidden: int = 320
    channels: int = Field(160, ge=16)
    expanded: int = 400
    mean_blocks: int = 4
    flow_blocks: int = 4


class Matcha(nn.Module):
    """Phones, their ends in samples and a prompt become scaled log-mels (batch, MELS, frames)."""

    rate, hop_length = 16_000, HOP

    def __init__(self, config: MatchaConfig) -> None:
        super().__init__()
        shape = TransformerConfig(dim=config.dim, heads=config.heads, layers=config.layers, hidden=config.hidden)
        self.mel, self.voice, self.encoder = Mel(), Voice(config.dim), PhoneEncoder(shape)
        self.layout = Layout(config.dim)
        channels, hidden = config.channels, config.expanded
        self.mean_in = nn.Linear(config.dim, channels)
        self.mean_body = nn.Sequential(*(ConvNeXt1d(channels, hidden) for _ in range(config.mean_blocks)))
        self.mean_out = nn.Conv1d(channels, MELS, 1)
        self.flow_in = nn.Conv1d(2 * MELS, channels, 1)
        self.flow_when = nn.Sequential(nn.Linear(64, channels), nn.SiLU(), nn.Linear(channels, channels))
        self.flow_body = nn.ModuleList(ConvNeXt1d(channels, hidden) for _ in range(config.flow_blocks))
        self.flow_out = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, MELS))

    def encode(self, phones: Tensor, prompt: Tensor, present: Tensor) -> Tensor:
        """Phones (batch, phones), a prompt's wave (batch, n), bool (batch, phones) -> (batch, phones, dim)."""
        encoded: Tensor = self.encoder(phones, self.voice(self.mel(prompt)), present)
        return encoded

    def mean(self, encoded: Tensor, ends: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """Mean mels (batch, MELS, frames), and what the flow starts from (batch, channels, frames)."""
        hidden = self.mean_body(self.mean_in(self.layout(encoded, ends, centres)).transpose(1, 2))
        return self.mean_out(hidden), hidden

    def velocity(self, x: Tensor, mean: Tensor, hidden: Tensor, time: Tensor) -> Tensor:
        """Of the flow at x (batch, MELS, frames) and time (batch,) in 0 to 1."""
        y = self.flow_in(torch.cat([x, mean], dim=1)) + hidden
        when = self.flow_when(positions(1000.0 * time, 64))[..., None]
        for block in self.flow_body:
            y = block(y + when)
        out: Tensor = self.flow_out(y.transpose(1, 2)).transpose(1, 2)
        return out

    def losses(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Of a batch of `datasets.utterances.Spoken`: `mean`, `flow` (optimal transport, Lipman 2022), `length`."""
        mel = self.mel(batch["wave"])
        centres = batch["start"][:, None] + HOP * torch.arange(mel.shape[-1], device=mel.device)
        heard = (centres < (batch["start"] + batch["length"])[:, None])[:, None].to(mel.dtype)
        encoded = self.encode(batch["phones"], batch["prompt"], batch["present"])
        mean, hidden = self.mean(encoded, batch["ends"], centres)
        noise, time = torch.randn_like(mel), torch.rand(len(mel), device=mel.device)
        share = time[:, None, None]
        at = (1 - (1 - _LEAST) * share) * noise + share * mel
        flow = self.velocity(at, mean.detach(), hidden.detach(), time)
        weight = heard.sum() * MELS
        return {
            "mean": (F.l1_loss(mean, mel, reduction="none") * heard).sum() / weight,
            "flow": ((flow - (mel - (1 - _LEAST) * noise)).square() * heard).sum() / weight,
            "length": self.encoder.length_loss(encoded, batch["ends"], batch["present"]),
        }

    @torch.no_grad()
    def render(
        self, encoded: Tensor, ends: Tensor, *, steps: int, temperature: float, generator: torch.Generator
    ) -> Tensor:
        """Scaled log-mels (1, MELS, frames) of encoded phones that end at `ends` (1, phones), in samples."""
        frames = math.ceil(int(ends[0, -1]) / HOP) + 1
        mean, hidden = self.mean(encoded, ends, HOP * torch.arange(frames)[None])
        if not steps:
            return mean
        x = temperature * torch.randn(mean.shape, generator=generator)
        for step in range(steps):
            x = x + self.velocity(x, mean, hidden, torch.full((1,), step / steps)) / steps
        return x


# What is left of the noise at time 1.
_LEAST = 1e-4
