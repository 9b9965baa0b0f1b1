from __future__ import annotations

import numpy as np
import pytest
import torch
from earwitness.core import spectral
from earwitness.core.spectral_torch import Imdct, Istft, Lfcc, LogMel, Mdct, Stft


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_torch_stft_equals_numpy_stft_and_its_fast_form() -> None:
    x = noise(2, 2000)
    want = spectral.stft(x, 256, 64)
    real, imaginary = Stft(256, 64)(torch.from_numpy(x))
    assert np.allclose(real + 1j * imaginary, want, atol=1e-3)
    fast_real, fast_imaginary = Stft(256, 64, fast=True)(torch.from_numpy(x))
    assert torch.allclose(fast_real, real, atol=1e-3) and torch.allclose(fast_imaginary, imaginary, atol=1e-3)


def test_numpy_stft_equals_scipy_on_a_whole_frame() -> None:
    x = noise(512)
    middle = spectral.stft(x, 256, 128)[:, 2]
    assert np.allclose(middle, np.fft.rfft(x[128:384] * spectral.hann(256)), atol=1e-6)


def test_stft_of_less_than_a_window_is_finite() -> None:
    assert np.isfinite(spectral.stft(noise(3), 256, 64)).all()


@pytest.mark.parametrize("padding", ["center", "same"])
def test_istft_inverts_stft(padding: str) -> None:
    x = torch.from_numpy(noise(2, 3200))
    y = Istft(640, 160, padding)(*Stft(640, 160, padding)(x))
    assert y.shape == x.shape
    assert torch.allclose(y, x, atol=1e-5)


@pytest.mark.parametrize("size", [40, 160, 320])
def test_mdct_is_inverted_by_overlap_add(size: int) -> None:
    x = torch.from_numpy(noise(2, 10 * size))
    coefficients = Mdct(size)(x)
    assert coefficients.shape == (2, size, 11)
    assert torch.allclose(Imdct(size)(coefficients), x, atol=1e-5)


def test_mdct_is_orthonormal() -> None:
    x = torch.from_numpy(noise(1, 4000))
    assert float(Mdct(100)(x).square().sum()) == pytest.approx(float(x.square().sum()), rel=1e-4)


def test_mel_filters_cover_the_band_with_unit_peaks() -> None:
    bank = spectral.mel_filterbank(16_000, 512, 40)
    assert bank.shape == (40, 257)
    assert (bank.max(1) > 0.3).all() and bank.max() <= 1.0
    assert (bank.sum(0)[3:-1] > 0).all()


def test_mel_scale_is_inverted() -> None:
    hz = np.array([0.0, 100.0, 1000.0, 8000.0])
    assert np.allclose(spectral.mel_to_hz(spectral.hz_to_mel(hz)), hz)


def test_dct_rows_are_orthonormal() -> None:
    rows = spectral.dct_matrix(20, 40)
    assert np.allclose(rows @ rows.T, np.eye(20), atol=1e-9)


def test_log_mel_finds_a_tone_in_its_band() -> None:
    time = np.arange(16_000) / 16_000
    tone = torch.from_numpy((0.5 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32))[None]
    mel = LogMel(16_000, 512, 160, 40)(tone)[0].mean(1)
    centres = spectral.mel_to_hz(np.linspace(0, spectral.hz_to_mel(8000.0), 42))[1:-1]
    assert abs(centres[int(mel.argmax())] - 1000) < 120


def test_lfcc_of_a_louder_signal_differs_only_in_the_first_coefficient() -> None:
    x = torch.from_numpy(noise(1, 4000)) * 0.1
    layer = Lfcc(16_000, 256, 80, 40, 20)
    quiet, loud = layer(x), layer(x * 4)
    assert torch.allclose(quiet[:, 1:], loud[:, 1:], atol=1e-3)
    assert (loud[:, 0] - quiet[:, 0]).min() > 1
