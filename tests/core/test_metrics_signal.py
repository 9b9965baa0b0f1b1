"""Signal metrics by hand."""

from __future__ import annotations

import numpy as np
import pytest
from earwitness.core import metrics
from earwitness.core.errors import DataError

RATE = 16000
TONE = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
NOISE = np.random.default_rng(0).normal(size=RATE)


def test_si_sdr_of_orthogonal_noise() -> None:
    other = np.cos(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert metrics.si_sdr(TONE, TONE + 0.1 * other) == pytest.approx(20.0, abs=1e-6)
    assert metrics.si_sdr(np.stack([TONE, TONE]), np.stack([TONE + 0.1 * other, TONE + other])) == pytest.approx(10.0)


def test_si_sdr_ignores_gain_sign_and_offset() -> None:
    estimate = TONE + 0.3 * NOISE
    value = metrics.si_sdr(TONE, estimate)
    assert metrics.si_sdr(TONE, -0.01 * estimate + 0.5) == pytest.approx(value)
    assert metrics.si_sdr(5 * TONE - 1, estimate) == pytest.approx(value)


def test_si_sdr_at_its_ends() -> None:
    assert metrics.si_sdr(np.array([1.0, -1.0]), np.array([2.0, -2.0])) == np.inf
    assert metrics.si_sdr(np.array([1.0, -1.0]), np.array([0.0, 0.0])) == -np.inf
    with pytest.raises(DataError, match="silent"):
        metrics.si_sdr(np.zeros(10), NOISE[:10])


def test_gain_moves_both_spectral_distances_by_its_size() -> None:
    assert metrics.mel_distance(NOISE, NOISE, RATE) == 0.0
    assert metrics.mel_distance(NOISE, 0.5 * NOISE, RATE) == pytest.approx(np.log(2.0))
    assert metrics.log_spectral_distance(NOISE, NOISE) == 0.0
    assert metrics.log_spectral_distance(NOISE, 0.1 * NOISE) == pytest.approx(20.0)


def test_spectral_distances_grow_with_noise_and_hold_at_silence() -> None:
    near, far = NOISE + 0.05 * TONE, NOISE + 5.0 * TONE
    assert 0 < metrics.mel_distance(NOISE, near, RATE) < metrics.mel_distance(NOISE, far, RATE)
    assert 0 < metrics.log_spectral_distance(NOISE, near) < metrics.log_spectral_distance(NOISE, far)
    silence = np.zeros(4000)
    assert metrics.mel_distance(silence, silence, RATE) == 0.0
    assert metrics.log_spectral_distance(silence, 1e-12 + silence) == 0.0


def test_lengths_must_agree() -> None:
    for metric in (metrics.si_sdr, metrics.log_spectral_distance):
        with pytest.raises(DataError):
            metric(NOISE, NOISE[:-1])
    with pytest.raises(DataError):
        metrics.mel_distance(NOISE, NOISE[:-1], RATE)
