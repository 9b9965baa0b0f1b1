"""Spectral kernels and analysis in numpy: the one definition that torch layers and ONNX graphs are built from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def hann(length: int) -> NDArray[np.float64]:
    """Periodic Hann window, (length,)."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def stft_basis(n_fft: int, window: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Windowed DFT rows, (2 * bins, n_fft) with bins = n_fft // 2 + 1: real parts first, then imaginary parts."""
    window = hann(n_fft) if window is None else window
    angle = 2 * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft
    return np.concatenate([np.cos(angle), -np.sin(angle)]) * window


def istft_weight(n_fft: int) -> NDArray[np.float64]:
    """What each bin counts in the inverse of a real DFT, (bins,): those with a mirror image count twice."""
    weight = np.full(n_fft // 2 + 1, 2.0 / n_fft)
    weight[0] = 1.0 / n_fft
    if n_fft % 2 == 0:
        weight[-1] = 1.0 / n_fft
    return weight


def istft_basis(n_fft: int, window: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Windowed inverse-DFT rows, (2 * bins, n_fft): spectrum @ basis is one windowed frame."""
    weight = istft_weight(n_fft)
    rows: NDArray[np.float64] = stft_basis(n_fft, window) * np.concatenate([weight, weight])[:, None]
    return rows


def frames(x: Floats, size: int, hop_length: int) -> Floats:
    """Sliding frames without padding: (..., n) -> (..., frames, size), a view."""
    return np.lib.stride_tricks.sliding_window_view(x, size, axis=-1)[..., ::hop_length, :]


def stft(x: Floats, n_fft: int, hop_length: int) -> NDArray[np.complex128]:
    """Centred Hann STFT with reflected edges: (..., n) -> complex (..., bins, frames).

    A signal shorter than n_fft is padded with zeros to n_fft first, because it cannot be reflected.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.shape[-1] < n_fft:
        x = np.concatenate([x, np.zeros((*x.shape[:-1], n_fft - x.shape[-1]))], axis=-1)
    pad = [(0, 0)] * (x.ndim - 1) + [(n_fft // 2, n_fft // 2)]
    windowed = frames(np.pad(x, pad, mode="reflect"), n_fft, hop_length) * hann(n_fft)
    return np.swapaxes(np.fft.rfft(windowed, axis=-1), -1, -2)


def hz_to_mel(hz: Floats | float) -> Floats:
    """HTK mel scale, 2595 log10(1 + f / 700)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz, dtype=np.float64) / 700.0))


def mel_to_hz(mel: Floats | float) -> Floats:
    """Inverse of `hz_to_mel`."""
    return np.asarray(700.0 * (10.0 ** (np.asarray(mel, dtype=np.float64) / 2595.0) - 1.0))


def _triangles(edges: Floats, rate: int, n_fft: int) -> NDArray[np.float64]:
    """Triangles over consecutive edges in Hz: (filters, bins), peak 1; one bin at least under each."""
    bins = np.linspace(0.0, rate / 2, n_fft // 2 + 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    up = (bins - low) / np.maximum(centre - low, 1e-9)
    down = (high - bins) / np.maximum(high - centre, 1e-9)
    bank = np.maximum(0.0, np.minimum(up, down))
    for row, middle in zip(bank, edges[1:-1], strict=True):
        if not row.any():
            row[np.argmin(np.abs(bins - middle))] = 1.0
    return bank


def mel_filterbank(
    rate: int, n_fft: int, n_mels: int, low: float = 0.0, high: float | None = None
) -> NDArray[np.float64]:
    """Triangular HTK-mel filters, peak 1: (n_mels, bins). `low` and `high` in Hz (high: rate / 2)."""
    edges = mel_to_hz(np.linspace(hz_to_mel(low), hz_to_mel(high or rate / 2), n_mels + 2))
    return _triangles(edges, rate, n_fft)


def linear_filterbank(
    rate: int, n_fft: int, n_filters: int, low: float = 0.0, high: float | None = None
) -> NDArray[np.float64]:
    """Triangular filters equally spaced in Hz, peak 1: (n_filters, bins)."""
    return _triangles(np.linspace(low, high or rate / 2, n_filters + 2), rate, n_fft)


def dct_matrix(n_out: int, n_in: int) -> NDArray[np.float64]:
    """First rows of the orthonormal DCT-II: (n_out, n_in)."""
    rows: NDArray[np.float64] = np.cos(np.pi / n_in * np.outer(np.arange(n_out), np.arange(n_in) + 0.5)) * np.sqrt(
        2.0 / n_in
    )
    rows[0] /= np.sqrt(2.0)
    return rows


def mdct_basis(size: int) -> NDArray[np.float64]:
    """Sine-windowed MDCT rows, (size, 2 * size); analysis and synthesis are the same matrix (TDAC).

    Princen, Johnson, Bradley 1987: X[k] = sqrt(2/N) sum w[n] x[n] cos(pi/N (n + 1/2 + N/2)(k + 1/2)).
    """
    n = np.arange(2 * size)
    window = np.sin(np.pi * (n + 0.5) / (2 * size))
    angle = np.pi / size * np.outer(np.arange(size) + 0.5, n + 0.5 + size / 2)
    rows: NDArray[np.float64] = np.sqrt(2.0 / size) * window * np.cos(angle)
    return rows
