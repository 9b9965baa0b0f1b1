"""Utterance statistics of raw samples: families over one or several resolutions of time and frequency. Torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .families import build
from .frontend import HOP, RATE, WINDOW, Frontend


class Statistics(nn.Module):
    """(batch, samples) at 16 kHz -> statistics (batch, size), net speech (s), level (dB), bandwidth (Hz).

    resolutions: window and hop in samples; speech, level and bandwidth are the first one's. groups: name and size of
    each run of statistics, in order: one for each family at each resolution.
    """

    def __init__(self, families: Sequence[str], resolutions: Sequence[tuple[int, int]] = ((WINDOW, HOP),)) -> None:
        super().__init__()
        self.fronts = nn.ModuleList(Frontend(window, hop) for window, hop in resolutions)
        self.families = nn.ModuleList(
            nn.ModuleList(build(name, front.bins) for name in families)  # type: ignore[arg-type]
            for front in self.fronts
        )
        with torch.no_grad():
            sizes = [part.shape[1] for part in self._parts(torch.randn(1, RATE))[0]]
        names = [f"{name} {1000 * window / RATE:g} ms" for window, _ in resolutions for name in families]
        self.groups = tuple(zip(names, sizes, strict=True))
        self.size = sum(sizes)

    def _parts(self, samples: Tensor) -> tuple[list[Tensor], Tensor, Tensor, Tensor]:
        parts: list[Tensor] = []
        measures: list[tuple[Tensor, Tensor, Tensor]] = []
        for front, families in zip(self.fronts, self.families, strict=True):
            spectra, *measured = front(samples)
            measures.append(tuple(measured))  # type: ignore[arg-type]
            parts += [family(spectra) for family in families]  # type: ignore[union-attr,attr-defined]
        return parts, *measures[0]

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        parts, speech, level, bandwidth = self._parts(samples)
        return torch.cat(parts, dim=1), speech, level, bandwidth
