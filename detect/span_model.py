"""The span expert's network: which 20 ms of a recording a system made. Torch, for training and export.

Local spectra and phases go through small kernels that are shared along frequency, then through depthwise separable
blocks along time (ConvNeXt: Liu et al., A ConvNet for the 2020s, 2022); what a frame differs in from the mean of the
window is what tells a span from its surroundings.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from ..core.spectral_torch import Stft
from .frontend import NOISE_SHARE, RATE, STEPS, speech_frames
from .model import export_detector

WINDOW, HOP = 400, 160  # 25 ms and 10 ms
STRIDE = 2
FRAME = STRIDE * HOP / RATE  # seconds from one logit to the next
LOW_HZ, HIGH_HZ = 120.0, 7600.0
FLOOR = 1e-6  # bin power under a loud frame's mean bin power
OUTPUTS = ("synthetic", "joint", "voice", "heard")


class Block(nn.Module):
    """(batch, channels, frames) -> the same: depthwise along time, then a network at each frame."""

    def __init__(self, channels: int, kernel: int, widen: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = nn.GroupNorm(1, channels)
        self.wide = nn.Conv1d(channels, widen * channels, 1)
        self.narrow = nn.Conv1d(widen * channels, channels, 1)
        nn.init.zeros_(self.narrow.weight)
        nn.init.zeros_(self.narrow.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        y = self.wide(self.norm(self.depthwise(x)))
        return x + self.narrow(nn.functional.gelu(y))


class SpanModel(nn.Module):
    """(batch, samples) at 16 kHz -> synthetic, joint, voice (logits) and heard, each (batch, frames).

    voice: that somebody speaks. heard: share of sound near the loud level, by energy alone. Frame j stands for FRAME
    seconds from j * FRAME on.
    """

    turn: Tensor

    def __init__(self, channels: int = 96, blocks: int = 5, kernel: int = 9, widen: int = 2, dropout: float = 0.1):
        super().__init__()
        self.stft = Stft(WINDOW, HOP, "none", fast=True)
        hz = torch.arange(WINDOW // 2 + 1) * RATE / WINDOW
        kept = torch.nonzero((hz > LOW_HZ) & (hz <= HIGH_HZ))[:, 0]
        self.first, self.last = int(kept[0]), int(kept[-1]) + 1
        # A steady tone turns by this from one frame to the next.
        angle = -2 * math.pi * HOP * kept.double() / WINDOW
        turn = torch.stack([angle.cos(), angle.sin()]).float()[:, None, :, None]
        self.register_buffer("turn", turn, persistent=False)
        self.local = nn.Sequential(
            nn.Conv2d(5, 8, (5, 3), stride=(2, 1), padding=(0, 1)),
            nn.GELU(),
            nn.Conv2d(8, 16, (5, 3), stride=(3, STRIDE), padding=(0, 1)),
            nn.GELU(),
        )
        bands = ((self.last - self.first - 5) // 2 + 1 - 5) // 3 + 1
        self.inward = nn.Conv1d(16 * bands, channels, 1)
        self.norm = nn.GroupNorm(1, channels)
        self.around = nn.Conv1d(channels, channels, 1)
        self.first_blocks = nn.Sequential(*(Block(channels, kernel, widen) for _ in range(blocks // 2)))
        self.last_blocks = nn.Sequential(*(Block(channels, kernel, widen) for _ in range(blocks - blocks // 2)))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv1d(channels, 2, 1)
        self.voice = nn.Conv1d(channels, 1, 1)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        picture, speech = self.picture(samples)
        local = self.local(picture)
        x = self.norm(self.inward(local.flatten(1, 2)))
        heard = speech[:, ::STRIDE][:, : x.shape[2]]
        weight = (heard / heard.sum(dim=1, keepdim=True).clamp_min(1.0))[:, :, None]
        x = self.first_blocks(x)
        voice = self.voice(x)[:, 0]
        x = x - self.around(x @ weight)
        x = self.dropout(self.last_blocks(x))
        logits = self.head(x)
        return logits[:, 0], logits[:, 1], voice, heard

    def picture(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """Five channels (batch, 5, bins, frames): the log spectrum without its mean over speech, the direction in
        which the phase goes to the next bin and to the next frame; and the share of speech (batch, frames)."""
        samples = torch.round(samples * STEPS) / STEPS
        real, imag = self.stft(samples - samples.mean(dim=1, keepdim=True))
        power = real.square() + imag.square()
        speech, loud = speech_frames(power[:, self.first :].mean(dim=1), NOISE_SHARE * WINDOW)
        scale = loud.rsqrt()[:, None, None]
        above = slice(self.first + 1, self.last + 1)
        kept = slice(self.first, self.last)
        next_real, next_imag = real[:, above] * scale, imag[:, above] * scale
        real, imag = real[:, kept] * scale, imag[:, kept] * scale
        log = (real.square() + imag.square() + FLOOR).log()
        weight = (speech / speech.sum(dim=1, keepdim=True).clamp_min(1.0))[:, :, None]
        log = log - log @ weight
        across = _direction(real, imag, next_real, next_imag)
        before_real, before_imag = _earlier(real), _earlier(imag)
        cos, sin = _direction(before_real, before_imag, real, imag)
        along = (cos * self.turn[0] - sin * self.turn[1], sin * self.turn[0] + cos * self.turn[1])
        return torch.stack([0.5 * log, *across, *along], dim=1), speech


def _earlier(x: Tensor) -> Tensor:
    """Each frame's predecessor; the first is its own."""
    return torch.cat([x[:, :, :1], x[:, :, :-1]], dim=2)


def _direction(a_real: Tensor, a_imag: Tensor, b_real: Tensor, b_imag: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the phase from a to b, towards 0 where there is hardly any sound."""
    cos, sin = a_real * b_real + a_imag * b_imag, a_real * b_imag - a_imag * b_real
    size = (cos.square() + sin.square() + FLOOR**2).sqrt()
    return cos / size, sin / size


def export_onnx(model: SpanModel, path: Path) -> None:
    """Write the graph, its weights in float16. Raises WeightsError when it differs from torch by more than 2e-3."""
    model = model.eval()
    for parameter in model.parameters():
        parameter.data = parameter.data.half().float()
    model.stft.fast = False
    export_detector(model, OUTPUTS, path, tolerance=2e-3, axis={0: "batch", 1: "frames"})
