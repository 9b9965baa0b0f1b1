"""Families of utterance statistics. Each maps Spectra to (batch, size); all are computed over speech frames.

A family is built for a range of bins, so that the same code serves the full band and the telephone band.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.spectral import dct_matrix
from .frontend import Spectra

EPS = 1e-5


def mean(x: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean over frames: (batch, n, frames), (batch, frames, 1) -> (batch, n)."""
    return (x @ weight)[:, :, 0]


def moments(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and log deviation over frames, each (batch, n)."""
    centre = mean(x, weight)
    return centre, (mean((x - centre[:, :, None]).square(), weight) + EPS).log() * 0.5


def shift(x: Tensor, lag: int) -> Tensor:
    """x[t + lag] beside x[t], edges repeated: (batch, n, frames) -> the same."""
    ahead = F.pad(x, (0, lag), mode="replicate")[:, :, lag:] if lag > 0 else x
    return ahead if lag >= 0 else F.pad(x, (-lag, 0), mode="replicate")[:, :, :lag]


def slope(x: Tensor) -> Tensor:
    """Regression slope over 25 ms (5 frames), the usual delta."""
    return 0.2 * (shift(x, 2) - shift(x, -2)) + 0.1 * (shift(x, 1) - shift(x, -1))


class Bands(nn.Module):
    """Mean over groups of neighbouring bins: (batch, bins, frames) -> (batch, bands, frames)."""

    matrix: Tensor

    def __init__(self, bins: int, bands: int) -> None:
        super().__init__()
        matrix = np.zeros((bands, bins), dtype=np.float32)
        for row, group in zip(matrix, np.array_split(np.arange(bins), bands), strict=True):
            row[group] = 1.0 / len(group)
        self.register_buffer("matrix", torch.from_numpy(matrix), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.matrix @ x

    def mean(self, x: Tensor, weight: Tensor) -> Tensor:
        """Weighted mean over frames of each band, (batch, bands): frames first, which leaves bands little to do."""
        return (self.matrix @ (x @ weight))[:, :, 0]


class Cepstra(nn.Module):
    """Linear-frequency cepstra (32 bands of power, 24 coefficients): mean, deviation, deviation of slopes."""

    matrix: Tensor

    def __init__(self, bins: int, bands: int = 32, keep: int = 24) -> None:
        super().__init__()
        self.bands = Bands(bins, bands)
        self.register_buffer("matrix", torch.from_numpy(dct_matrix(keep, bands).astype(np.float32)), persistent=False)

    def forward(self, spectra: Spectra) -> Tensor:
        c = self.matrix @ self.bands(spectra.log.exp()).log()
        d = slope(c)
        centre, spread = moments(c, spectra.weight)
        return torch.cat(
            [centre[:, 1:], spread, moments(d, spectra.inner)[1], moments(slope(d), spectra.inner)[1]], dim=1
        )


class FineStructure(nn.Module):
    """What is left of the log spectrum after its cepstral envelope, by band: deviation, skew, and its likeness to
    the next bin and to the next frame; and the long-term mean of it (lines that upsampling leaves)."""

    envelope: Tensor

    def __init__(self, bins: int, bands: int = 16, envelope: int = 20) -> None:
        super().__init__()
        self.bands = Bands(bins, bands)
        rows = torch.from_numpy(dct_matrix(envelope, bins).astype(np.float32))
        self.register_buffer("envelope", rows, persistent=False)

    def forward(self, spectra: Spectra) -> Tensor:
        r = spectra.log - self.envelope.T @ (self.envelope @ spectra.log)
        w = spectra.weight
        square = r.square()
        variance = self.bands.mean(square, w) + EPS
        skew = self.bands.mean(square * r, w) / variance.pow(1.5)
        across = self.bands.mean(F.pad(r[:, 1:] * r[:, :-1], (0, 0, 0, 1)), w) / variance
        inside = self.bands.mean(square, spectra.inner) + EPS
        along = [self.bands.mean(r * shift(r, lag), spectra.inner) / inside for lag in (1, 2, 4)]
        lines = (self.bands((r @ w).square())[:, :, 0] + EPS).log()
        return torch.cat([variance.log(), skew, across, *along, lines], dim=1)


class Flux(nn.Module):
    """Change of the log spectrum from frame to frame at 5, 10 and 20 ms: mean size and deviation by band."""

    def __init__(self, bins: int, bands: int = 16) -> None:
        super().__init__()
        self.bands = Bands(bins, bands)

    def forward(self, spectra: Spectra) -> Tensor:
        parts: list[Tensor] = []
        for lag in (1, 2, 4):
            change = self.bands((shift(spectra.log, lag) - spectra.log).abs())
            centre, spread = moments(change, spectra.inner)
            parts += [(centre + EPS).log(), spread]
        return torch.cat(parts, dim=1)


class Phase(nn.Module):
    """Regularity of phase by band: mean cosine of the second difference along time (instantaneous frequency), along
    frequency (group delay), mixed, and along time over two hops; of all bins and of those above the band's mean."""

    def __init__(self, bins: int, bands: int = 16) -> None:
        super().__init__()
        self.bands = Bands(bins, bands)

    def forward(self, spectra: Spectra) -> Tensor:
        size = (spectra.real.square() + spectra.imag.square() + 1e-12).rsqrt()
        re, im = spectra.real * size, spectra.imag * size
        along = _turn(re, im, shift(re, 1), shift(im, 1))
        wide = _turn(re, im, shift(re, 2), shift(im, 2))
        up_re, up_im = _above(re), _above(im)
        across = _turn(re, im, up_re, up_im)
        cosines = [
            _cosine(*along, shift(along[0], 1), shift(along[1], 1)),
            _cosine(*wide, shift(wide[0], 2), shift(wide[1], 2)),
            _cosine(*across, _above(across[0]), _above(across[1])),
            _cosine(*across, shift(across[0], 1), shift(across[1], 1)),
            _cosine(*across, shift(across[0], 2), shift(across[1], 2)),
        ]
        strong = (spectra.log > self.bands.matrix.T @ (self.bands(spectra.log) * self.width)).to(re.dtype)
        share = self.bands.mean(strong, spectra.inner) + EPS
        parts = [self.bands.mean(c, spectra.inner) for c in cosines]
        parts += [self.bands.mean(c * strong, spectra.inner) / share for c in cosines]
        return torch.cat(parts, dim=1)

    @property
    def width(self) -> Tensor:
        """Bins in each band, (bands, 1): undoes the mean when a band value is spread over its bins."""
        return (self.bands.matrix > 0).sum(dim=1, keepdim=True).to(self.bands.matrix.dtype)


def _turn(re: Tensor, im: Tensor, re2: Tensor, im2: Tensor) -> tuple[Tensor, Tensor]:
    """Second phasor times the conjugate of the first."""
    return re2 * re + im2 * im, im2 * re - re2 * im


def _cosine(re: Tensor, im: Tensor, re2: Tensor, im2: Tensor) -> Tensor:
    return re * re2 + im * im2


def _above(x: Tensor) -> Tensor:
    """x[k + 1] beside x[k], the last bin repeated."""
    return torch.cat([x[:, 1:], x[:, -1:]], dim=1)


class Modulation(nn.Module):
    """Modulation spectrum of band log energies, 3 to 100 Hz: log share of each rate by band."""

    kernel: Tensor

    def __init__(self, bins: int, bands: int = 10, length: int = 64) -> None:
        super().__init__()
        self.bands = Bands(bins, bands)
        rates = np.array([1, 2, 4, 7, 11, 16, 22, 28, 32]) / length  # cycles a frame; one frame is 5 ms
        angle = 2 * np.pi * np.outer(rates, np.arange(length))
        window = np.hanning(length + 2)[1:-1]
        kernel = np.concatenate([np.cos(angle), np.sin(angle)]) * window
        kernel -= kernel.mean(axis=1, keepdims=True) * window / window.mean()
        self.register_buffer("kernel", torch.from_numpy(kernel.astype(np.float32))[:, None], persistent=False)
        self.count, self.length, self.size = len(rates), length, bands

    def forward(self, spectra: Spectra) -> Tensor:
        x = self.bands(spectra.log)
        batch, size, frames = x.shape
        x = F.pad(x.reshape(batch * size, 1, frames), (self.length // 2, self.length // 2 - 1), mode="replicate")
        y = F.conv1d(x, self.kernel).square().reshape(batch, size, 2, self.count, frames).sum(dim=2)
        energy = (y.reshape(batch, size * self.count, frames) @ spectra.weight).reshape(batch, size, self.count)
        share = energy / (energy.sum(dim=2, keepdim=True) + EPS)
        return (share + EPS).log().reshape(batch, size * self.count)


class Correlation(nn.Module):
    """Correlations between band log energies over speech frames (upper triangle), and between their slopes."""

    def __init__(self, bins: int, bands: int = 10) -> None:
        super().__init__()
        self.bands = Bands(bins, bands)
        rows, columns = np.triu_indices(bands, 1)
        self.pairs = [int(i) for i in rows * bands + columns]

    def forward(self, spectra: Spectra) -> Tensor:
        x = self.bands(spectra.log)
        return torch.cat([self._of(x, spectra.weight), self._of(slope(x), spectra.inner)], dim=1)

    def _of(self, x: Tensor, weight: Tensor) -> Tensor:
        x = x - (x @ weight)
        covariance = x @ (x * weight.transpose(1, 2)).transpose(1, 2)
        scale = (x.square() @ weight + EPS).rsqrt()
        return (covariance * scale * scale.transpose(1, 2)).flatten(1)[:, self.pairs]


class Shape(nn.Module):
    """Skew and kurtosis of band log energies, and of their change over 10 ms."""

    def __init__(self, bins: int, bands: int = 12) -> None:
        super().__init__()
        self.bands = Bands(bins, bands)

    def forward(self, spectra: Spectra) -> Tensor:
        x = self.bands(spectra.log)
        parts: list[Tensor] = []
        for y, weight in ((x, spectra.weight), (shift(x, 2) - x, spectra.inner)):
            y = y - (y @ weight)
            y = (y * (y.square() @ weight + EPS).rsqrt()).clamp(-8.0, 8.0)
            parts += [mean(y**3, weight), (mean(y**4, weight) + EPS).log()]
        return torch.cat(parts, dim=1)


class Floor(nn.Module):
    """Band log energies of the frames without speech: mean below speech, deviation, and flux."""

    def __init__(self, bins: int, bands: int = 12) -> None:
        super().__init__()
        self.bands = Bands(bins, bands)

    def forward(self, spectra: Spectra) -> Tensor:
        x = self.bands(spectra.log)
        centre, spread = moments(x, spectra.quiet)
        change = self.bands.mean((shift(spectra.log, 1) - spectra.log).abs(), spectra.quiet)
        some = spectra.quiet.amax(dim=1).clamp_max(EPS) / EPS  # 0 where there are none
        return torch.cat([(centre - mean(x, spectra.weight)), spread, (change + EPS).log()], dim=1) * some


FAMILIES: dict[str, Callable[[int], nn.Module]] = {
    "cepstra": Cepstra,
    "fine": FineStructure,
    "flux": Flux,
    "phase": Phase,
    "modulation": Modulation,
    "correlation": Correlation,
    "shape": Shape,
    "floor": Floor,
}


def build(name: str, bins: NDArray[np.float64]) -> nn.Module:
    """A family over the given bins (Hz)."""
    return FAMILIES[name](len(bins))
