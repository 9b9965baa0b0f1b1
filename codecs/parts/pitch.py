"""A pitch track inside a network: no gradient, the same at training and use."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LOWEST, HIGHEST = 60.0, 400.0
_VOICED = 0.5


@torch.no_grad()
def track(wave: Tensor, rate: int, hop_length: int) -> Tensor:
    """Fundamental in Hz of waves (batch, n): (batch, n // hop + 1), 0 where unvoiced, 60 to 400 elsewhere.

    Peak of the autocorrelation of 64-ms frames, normalised by the energies of the two overlapping stretches
    (McLeod and Wyvill 2005, eq. 9, geometric mean), refined by a parabola. The shortest lag within 0.9 of the highest
    peak wins, because multiples of the period correlate as well.
    """
    size = int(0.064 * rate) // 2 * 2
    shortest, longest = int(rate / HIGHEST), int(rate / LOWEST) + 1
    padded = F.pad(wave, (size // 2, size // 2 + hop_length))
    frames = padded.unfold(-1, size, hop_length)[:, : wave.shape[-1] // hop_length + 1]
    frames = frames - frames.mean(-1, keepdim=True)
    spectrum = torch.fft.rfft(frames, 2 * size)
    product = torch.fft.irfft(spectrum.abs().square())[..., : longest + 2]
    energy = F.pad(frames.square().cumsum(-1), (1, 0))
    lags = torch.arange(longest + 2, device=wave.device)
    head, tail = energy[..., size - lags], energy[..., -1:] - energy[..., lags]
    likeness = product / (head * tail).clamp_min(1e-12).sqrt()
    inner = likeness[..., 1:-1]
    peak = (inner >= likeness[..., :-2]) & (inner > likeness[..., 2:])
    inner = torch.where(peak, inner, torch.zeros_like(inner))
    inner[..., : shortest - 1] = 0.0
    highest = inner.amax(-1, keepdim=True)
    lag = ((inner >= 0.9 * highest) & (inner > 0)).to(torch.uint8).argmax(-1) + 1
    left, middle, right = (likeness.gather(-1, (lag + d)[..., None])[..., 0] for d in (-1, 0, 1))
    shift = 0.5 * (left - right) / (left - 2 * middle + right).clamp_max(-1e-9)
    pitch = rate / (lag + shift.clamp(-0.5, 0.5))
    loud = frames.square().mean(-1) > 1e-7
    voiced = (highest[..., 0] > _VOICED) & loud
    return torch.where(voiced, pitch.clamp(LOWEST, HIGHEST), torch.zeros_like(pitch))
