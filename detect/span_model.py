"""The span expert's network: which 20 ms of a recording a system made. Torch, for training and export.

Fixed statistics of local spectra and phases in bands, one row for each frame, go through depthwise separable blocks
along time (ConvNeXt: Liu et al., A ConvNet for the 2020s, 2022). Only the blocks are trained. What a frame differs in
from the mean of the window's speech is what tells a span from its surroundings.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.spectral_torch import Stft
from .frontend import NOISE_SHARE, RATE, STEPS, normalised, speech_frames
from .model import export_detector

WINDOW, HOP = 400, 160  # 25 ms and 10 ms
STRIDE = 2
FRAME = STRIDE * HOP / RATE  # seconds from one row to the next
LOW_HZ, HIGH_HZ = 120.0, 7600.0
BANDS = 17
FLOOR = 1e-6  # bin power under a loud frame's mean bin power
SMOOTH = 7  # bins, about a harmonic and its neighbours
HELD = 5.0  # deviations within which a statistic is held
OUTPUTS = ("synthetic", "joint", "voice", "heard")


class LocalStatistics(nn.Module):
    """(batch, samples) at 16 kHz -> statistics (batch, size, frames), heard (batch, frames).

    In each of BANDS bands: level without its mean over speech; roughness along frequency and along time; spread of
    the fine structure and its likeness to the frame before; how alike the phase steps are from bin to bin and from
    frame to frame, and the mean of either. heard: share of sound near the loud level, by energy alone. Frame j stands
    for FRAME seconds from j * FRAME on.
    """

    turn: Tensor
    bands: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stft = Stft(WINDOW, HOP, "none", fast=True)
        hz = torch.arange(WINDOW // 2 + 1) * RATE / WINDOW
        kept = torch.nonzero((hz > LOW_HZ) & (hz <= HIGH_HZ))[:, 0]
        self.first, self.last = int(kept[0]), int(kept[-1]) + 1
        # A steady tone turns by this from one frame to the next.
        angle = -2 * math.pi * HOP * kept.double() / WINDOW
        self.register_buffer("turn", torch.stack([angle.cos(), angle.sin()]).float()[:, :, None], persistent=False)
        place = torch.arange(len(kept)) * BANDS // len(kept)
        share = F.one_hot(place, BANDS).T.float()
        self.register_buffer("bands", share / share.sum(dim=1, keepdim=True), persistent=False)
        self.size = 10 * BANDS

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        samples = torch.round(samples * STEPS) / STEPS
        real, imag = self.stft(samples - samples.mean(dim=1, keepdim=True))
        energy = (real[:, self.first :].square() + imag[:, self.first :].square()).mean(dim=1)
        speech, loud = speech_frames(energy, NOISE_SHARE * WINDOW)
        scale = loud.rsqrt()[:, None, None]
        above, kept = slice(self.first + 1, self.last + 1), slice(self.first, self.last)
        next_real, next_imag = real[:, above] * scale, imag[:, above] * scale
        real, imag = real[:, kept] * scale, imag[:, kept] * scale
        log = 0.5 * (real.square() + imag.square() + FLOOR).log()
        weight = normalised(speech)
        fine = log - _smooth(log)
        before = _earlier(fine)
        across_cos, across_sin = _direction(real, imag, next_real, next_imag)
        cos, sin = _direction(_earlier(real), _earlier(imag), real, imag)
        along_cos, along_sin = cos * self.turn[0] - sin * self.turn[1], sin * self.turn[0] + cos * self.turn[1]
        across = [self.bands @ part for part in (across_cos, across_sin)]
        along = [self.bands @ part for part in (along_cos, along_sin)]
        spread = self.bands @ fine.square() + 1e-4
        rows = [
            self.bands @ (log - log @ weight),
            self.bands @ _step(fine, dim=1).abs(),
            self.bands @ (log - _earlier(log)).abs(),
            spread.log(),
            (self.bands @ (fine * before)) / (spread * _earlier(spread)).sqrt(),
            *(_size(pair) for pair in (across, along)),
            across[0],
            across[1],
            along[0],
        ]
        statistics = F.avg_pool1d(torch.cat(rows, dim=1), STRIDE, STRIDE)
        return statistics, F.avg_pool1d(speech[:, None], STRIDE, STRIDE)[:, 0]


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
        y: Tensor = x + self.narrow(F.gelu(self.wide(self.norm(self.depthwise(x)))))
        return y


class SpanModel(nn.Module):
    """(batch, samples) at 16 kHz -> synthetic, joint, voice (logits) and heard, each (batch, frames).

    voice: that somebody speaks. heard: as `LocalStatistics` has it.
    """

    centre: Tensor
    scale: Tensor

    def __init__(
        self, channels: int = 96, blocks: int = 3, kernel: int = 9, widen: int = 2, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.statistics = LocalStatistics()
        size = self.statistics.size
        self.register_buffer("centre", torch.zeros(size, 1))
        self.register_buffer("scale", torch.ones(size, 1))
        self.inward = nn.Conv1d(2 * size, channels, 1)
        self.norm = nn.GroupNorm(1, channels)
        self.blocks = nn.Sequential(*(Block(channels, kernel, widen) for _ in range(blocks)))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv1d(channels, 3, 1)

    def set_units(self, statistics: Tensor) -> None:
        """Take mean and deviation of each statistic from some rows (n, size)."""
        self.centre.copy_(statistics.mean(dim=0)[:, None])
        self.scale.copy_(statistics.std(dim=0)[:, None] + 1e-3)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        statistics, heard = self.statistics(samples)
        return *self.judge(statistics, heard), heard

    def judge(self, statistics: Tensor, heard: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of synthetic, joint and voice from what `statistics` gave."""
        x = ((statistics - self.centre) / self.scale).clamp(-HELD, HELD)
        x = self.norm(self.inward(torch.cat([x, x - x @ normalised(heard)], dim=1)))
        logits = self.head(self.dropout(self.blocks(x)))
        return logits[:, 0], logits[:, 1], logits[:, 2]


def _smooth(log: Tensor) -> Tensor:
    """Mean over SMOOTH bins, fewer at the borders."""
    turned = F.avg_pool1d(log.transpose(1, 2), SMOOTH, 1, SMOOTH // 2, count_include_pad=False)
    return turned.transpose(1, 2)


def _step(x: Tensor, dim: int) -> Tensor:
    """Differences along frequency, the last one twice."""
    step = x[:, 1:] - x[:, :-1]
    return torch.cat([step, step[:, -1:]], dim=dim)


def _size(pair: list[Tensor]) -> Tensor:
    return (pair[0].square() + pair[1].square() + 1e-6).sqrt()


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
    model.statistics.stft.fast = False
    export_detector(model, OUTPUTS, path, tolerance=2e-3, axis={0: "batch", 1: "frames"})
