"""A small recogniser of English phones: log-mels, ConvNeXt blocks, a CTC head and a head for every frame.

The CTC head (Graves et al. 2006) says which phones there are; the frame head, learnt from an aligner's labels, says
when, because the spikes of CTC tell no lengths. All is convolutional, so a long recording is heard as the short
pieces of the training are. The features of its middle, clustered, are the semantic tokens of `audiolm`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.recipe import Strict
from ...core.spectral_torch import LogMel
from ..parts.layers import ConvNeXt1d, PadConv1d
from .text import PHONES

RATE, HOP = 16_000, 400
# Labels of the frame head for one frame: every 12.5 ms.
PARTS = 2
_N_FFT, _MELS = 512, 80
# What log-mels of levelled speech are brought to about unit variance with.
_MIDDLE, _SPREAD = -2.5, 1.8
# PHONES holds silence at 0; in CTC that is the blank.
BLANK = 0


class PhoneNetConfig(Strict):
    """Widths; `middle`: after which block the features are taken; `units`: clusters of them.

    masks: bands and stretches hidden from each training piece (SpecAugment, Park et al. 2019), of at most `mask_mels`
    and `mask_frames` of 12.5 ms.
    """

    channels: int = Field(160, ge=16)
    hidden: int = 400
    blocks: int = Field(8, ge=2)
    kernel: int = 7
    middle: int = 5
    units: int = Field(256, ge=2)
    drop: float = 0.1
    masks: int = 2
    mask_mels: int = 12
    mask_frames: int = 14


class PhoneNet(nn.Module):
    """Waves (batch, n) at 16 kHz, n a multiple of HOP, become phones, n / HOP frames of them."""

    rate, hop_length = RATE, HOP
    units: Tensor

    def __init__(self, config: PhoneNetConfig) -> None:
        super().__init__()
        self.config = config
        channels, hidden = config.channels, config.hidden
        self.mel = LogMel(RATE, _N_FFT, HOP // 2, _MELS, "same", fast=True)
        self.inlet = PadConv1d(_MELS, channels, 4, stride=2, causal=False)
        self.norm = nn.LayerNorm(channels)
        self.blocks = nn.ModuleList(
            ConvNeXt1d(channels, hidden, kernel=config.kernel, scale=0.25) for _ in range(config.blocks)
        )
        self.outlet = nn.Sequential(nn.LayerNorm(channels), nn.Dropout(config.drop))
        self.phones = nn.Linear(channels, len(PHONES))
        self.frames = nn.Linear(channels, PARTS * len(PHONES))
        # Centres of the clusters, set by `units.cluster` after the training.
        self.register_buffer("units", torch.zeros(config.units, channels))

    def features(self, wave: Tensor, blocks: int | None = None) -> Tensor:
        """After that many blocks, all by default: (batch, n) -> (batch, channels, n / HOP)."""
        mel = (self.mel(wave) - _MIDDLE) / _SPREAD
        return self._body(mel, blocks)

    def _body(self, mel: Tensor, blocks: int | None = None) -> Tensor:
        y: Tensor = self.norm(self.inlet(mel).transpose(1, 2)).transpose(1, 2)
        for block in self.blocks[:blocks]:
            y = block(y)
        return y

    def heads(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Log probabilities of the CTC head (batch, frames, phones), and of the frame head, (batch, PARTS frames,
        phones); phone 0 is the blank of the one, silence of the other.
        """
        y = self.outlet(features.transpose(1, 2))
        batch, frames, _ = y.shape
        each = self.frames(y).reshape(batch, PARTS * frames, len(PHONES))
        return self.phones(y).log_softmax(-1), each.log_softmax(-1)

    def assign(self, wave: Tensor) -> Tensor:
        """The nearest unit of every frame: (batch, n) -> int64 (batch, n / HOP)."""
        middle = self.features(wave, self.config.middle).transpose(1, 2)
        found: Tensor = torch.cdist(middle, self.units[None]).argmin(-1)
        return found

    def losses(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Of a batch of `datasets.utterances.Spoken`: `ctc` (nats a phone) and `frame` (nats a label)."""
        mel = self._hidden((self.mel(batch["wave"]) - _MIDDLE) / _SPREAD)
        paths, each = self.heads(self._body(mel))
        start, length = batch["start"][:, None], batch["length"][:, None]
        step = HOP // PARTS
        centres = start + step * torch.arange(each.shape[1], device=mel.device) + step // 2
        labels = label(batch["phones"], batch["ends"], centres)
        labels = torch.where(centres < start + length, labels, -1)
        said = whole(batch["phones"], batch["ends"], start, start + length) & batch["present"]
        counts = said.sum(1)
        ctc = F.ctc_loss(
            paths.transpose(0, 1),
            batch["phones"][said],
            (batch["length"] // HOP).clamp_min(1),
            counts,
            blank=BLANK,
            reduction="sum",
            zero_infinity=True,
        )
        return {
            "ctc": ctc / counts.sum().clamp_min(1),
            "frame": F.cross_entropy(each.flatten(0, 1), labels.flatten(), ignore_index=-1),
        }

    def _hidden(self, mel: Tensor) -> Tensor:
        """Scaled log-mels of other channels: a floor of noise, a slope over frequency, bands and stretches masked."""
        if not self.training:
            return mel
        config, (batch, mels, frames) = self.config, mel.shape
        floor = -3.5 + 3.0 * torch.rand(batch, 1, 1, device=mel.device)
        slope = 0.3 * torch.randn(batch, 1, 1, device=mel.device)
        level = 0.15 * torch.randn(batch, 1, 1, device=mel.device)
        mel = torch.logaddexp(_SPREAD * mel, _SPREAD * floor) / _SPREAD
        mel = mel + level + slope * torch.linspace(-1, 1, mels, device=mel.device)[:, None]
        for _ in range(config.masks):
            mel = mel.masked_fill(_stretch(batch, mels, config.mask_mels, mel.device)[:, :, None], 0.0)
            mel = mel.masked_fill(_stretch(batch, frames, config.mask_frames, mel.device)[:, None], 0.0)
        return mel


def label(phones: Tensor, ends: Tensor, centres: Tensor) -> Tensor:
    """The phone at each of some samples: phones, ends (batch, phones), centres (batch, frames) -> (batch, frames)."""
    place = torch.searchsorted(ends.contiguous(), centres.contiguous(), right=True)
    return phones.gather(1, place.clamp_max(phones.shape[1] - 1))


def whole(phones: Tensor, ends: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Which phones, silence apart, lie for the most part between two samples, (batch, 1) each: (batch, phones)."""
    starts = F.pad(ends, (1, 0))[:, :-1]
    heard = torch.minimum(ends, last) - torch.maximum(starts, first)
    return (2 * heard > ends - starts) & (phones != BLANK)


def _stretch(batch: int, size: int, most: int, device: torch.device) -> Tensor:
    """True in one stretch of each row of (batch, size), up to `most` long."""
    length = torch.randint(0, most + 1, (batch, 1), device=device)
    first = (torch.rand(batch, 1, device=device) * (size - length)).long()
    place = torch.arange(size, device=device)
    return (place >= first) & (place < first + length)
