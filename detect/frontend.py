"""From raw 16 kHz samples to what the statistics read: spectra, speech frames, level, bandwidth. In torch, to train.

All of it is convolutions and products, so that it exports to ONNX as it is and needs no second
implementation at run time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.spectral_torch import Stft

RATE = 16000
WINDOW, HOP = 256, 80  # 16 ms and 5 ms, where nothing else is said
STEPS = 32768.0  # of 16-bit sound in one unit
LOWEST_HZ = 125.0  # mains hum, rumble and DC tell recordings apart, not speech from synthesis
SPEECH_DB = 25.0
REACH = 4  # frames on either side, at every resolution
TO_DB = 10.0 / math.log(10.0)
NOISE_SHARE = 0.375  # mean bin power of white noise with variance 1, over the window: the mean squared Hann window
FLOOR = 1e-7  # bin power under a loud frame's mean bin power (-70 dB): 16-bit dither and codec noise floors vanish


class Spectra(NamedTuple):
    """One window of sound at one resolution; everything is relative to the loud frames."""

    real: Tensor  # (batch, bins, frames)
    imag: Tensor
    log: Tensor  # natural log of power + FLOOR
    weight: Tensor  # (batch, frames, 1), sums to 1 over speech frames, 0 elsewhere
    inner: Tensor  # (batch, frames, 1), the same over frames well inside of speech, where change is measured
    quiet: Tensor  # (batch, frames, 1), the same over frames without speech


class Frontend(nn.Module):
    """(batch, samples >= window) -> Spectra, speech seconds, level (dB of full scale), bandwidth (Hz), each (batch,).

    window, hop: samples at 16 kHz.
    """

    hz: Tensor

    def __init__(self, window: int = WINDOW, hop: int = HOP, low: float = LOWEST_HZ, high: float = 7600.0) -> None:
        super().__init__()
        self.window, self.hop, self.noise = window, hop, NOISE_SHARE * window
        hz = np.arange(window // 2 + 1) * RATE / window
        kept = np.flatnonzero((hz > low) & (hz <= high))
        self.first, self.last = int(kept[0]), int(kept[-1]) + 1
        self.stft = Stft(window, hop, "none")
        self.register_buffer("hz", torch.from_numpy(hz.astype(np.float32)), persistent=False)

    @property
    def bins(self) -> NDArray[np.float64]:
        """Centre frequencies of the bins that the statistics see, Hz."""
        return np.arange(self.first, self.last) * RATE / self.window

    def forward(self, samples: Tensor) -> tuple[Spectra, Tensor, Tensor, Tensor]:
        # Training clips are 16-bit files. A band that a codec left empty is noise there and nothing in a float
        # signal, and logarithms hear the difference; so everything is heard through the same 16 bits.
        samples = torch.round(samples * STEPS) / STEPS
        real, imag = self.stft(samples - samples.mean(dim=1, keepdim=True))
        power = real.square() + imag.square()
        energy = power[:, self.first :].mean(dim=1)
        speech, loud = speech_frames(energy, self.noise)
        scale = loud.rsqrt()[:, None, None]
        real, imag = real[:, self.first : self.last] * scale, imag[:, self.first : self.last] * scale
        log = (real.square() + imag.square() + FLOOR).log()
        spectra = Spectra(real, imag, log, normalised(speech), normalised(inner(speech)), normalised(1.0 - speech))
        seconds = speech.sum(dim=1) * (self.hop / RATE)
        level = TO_DB * (loud / self.noise).log()
        return spectra, seconds, level, self.bandwidth(power, normalised(speech))

    def bandwidth(self, power: Tensor, weight: Tensor) -> Tensor:
        """Highest bin within 65 dB of the strongest one, in the mean spectrum of speech frames, Hz (batch,)."""
        mean = (power @ weight)[:, :, 0] + 1e-12
        heard = mean > mean.amax(dim=1, keepdim=True) * 10**-6.5
        return (heard * self.hz).amax(dim=1)


def speech_frames(energy: Tensor, noise: float = NOISE_SHARE * WINDOW) -> tuple[Tensor, Tensor]:
    """Energies (batch, frames) -> share of speech in each frame (batch, frames), 0 to 1; loud level (batch,).

    noise: energy of a frame of white noise at full scale.
    The loud level is a mean of powers 1/4 weighted by themselves: pauses hardly move it, nor does a click. A frame is
    speech within SPEECH_DB of it, with a border 4 dB wide, lest rounding decide. Where those frames hardly differ
    (steady noise, a tone), or all lie under -75 dB of full scale, nothing speaks.
    """
    root = energy.clamp_min(1e-14).sqrt()
    loud = (root.sum(dim=1) / root.sqrt().sum(dim=1)).pow(4) + 1e-12
    decibel = (energy / loud[:, None] + 1e-12).log() * TO_DB
    speech = torch.sigmoid(decibel + SPEECH_DB)
    count = speech.sum(dim=1).clamp_min(1.0)
    mean = (energy * speech).sum(dim=1) / count
    spread = (energy.square() * speech).sum(dim=1) / count - mean.square()
    alive = (spread > 0.15 * mean.square()) & (loud > noise * 10**-7.5)
    return speech * alive.to(energy.dtype)[:, None], loud


def inner(speech: Tensor) -> Tensor:
    """Frames whose REACH neighbours on either side are speech too, (batch, frames)."""
    return -F.max_pool1d(-speech[:, None], 2 * REACH + 1, stride=1, padding=REACH)[:, 0]


def normalised(mask: Tensor) -> Tensor:
    """Weights of frames from shares (batch, frames): (batch, frames, 1), summing to 1 where the shares reach 1."""
    return (mask / mask.sum(dim=1, keepdim=True).clamp_min(1.0))[:, :, None]
