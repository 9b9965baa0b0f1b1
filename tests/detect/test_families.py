"""Families of statistics: their size, what moves them and what does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from earwitness.detect.families import (
    FAMILIES,
    Bands,
    Cepstra,
    Correlation,
    Phase,
    build,
    moments,
    shift,
)
from earwitness.detect.frontend import Frontend

from .conftest import RATE, Speech


@pytest.fixture(scope="module")
def front() -> Frontend:
    return Frontend().eval()


def statistics(front: Frontend, name: str, samples: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        spectra = front(torch.from_numpy(np.asarray(samples, np.float32))[None])[0]
        found: np.ndarray = build(name, front.bins)(spectra)[0].numpy()
        return found


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_finite_and_blind_to_level(name: str, front: Frontend, speech: Speech) -> None:
    samples = np.round(speech(3.0, seed=5) * 2048) / 2048
    one, quiet = statistics(front, name, samples), statistics(front, name, samples / 16)
    assert one.ndim == 1 and np.isfinite(one).all()
    assert np.allclose(one, quiet, atol=2e-2, rtol=2e-2)
    assert np.isfinite(statistics(front, name, np.zeros(4000))).all()


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in ("floor", "modulation")])
def test_a_family_is_blind_to_pauses(name: str, front: Frontend, speech: Speech) -> None:
    samples = speech(4.0, seed=6)
    background = 1e-5 * np.random.default_rng(0).normal(size=2 * RATE)
    one, longer = statistics(front, name, samples), statistics(front, name, np.concatenate([samples, background]))
    other = statistics(front, name, speech(4.0, seed=7))
    assert np.abs(one - longer).mean() < 0.5 * np.abs(one - other).mean()


def test_moments_are_those_of_the_weighted_frames() -> None:
    x = torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(0))
    mask = torch.arange(50) < 20
    weight = (mask / mask.sum()).expand(2, 50)[:, :, None]
    centre, spread = moments(x, weight)
    assert torch.allclose(centre, x[:, :, :20].mean(-1), atol=1e-6)
    assert torch.allclose(spread, x[:, :, :20].std(-1, correction=0).log(), atol=1e-3)


def test_shift_repeats_the_edge() -> None:
    x = torch.arange(4.0)[None, None]
    assert shift(x, 1)[0, 0].tolist() == [1, 2, 3, 3]
    assert shift(x, -2)[0, 0].tolist() == [0, 0, 0, 1]
    assert shift(x, 0) is x


def test_bands_are_means_of_all_bins() -> None:
    x = torch.randn(1, 10, 3)
    assert torch.allclose(Bands(10, 2)(x)[0, 0], x[0, :5].mean(0), atol=1e-6)
    assert torch.allclose(Bands(7, 3).matrix.sum(1), torch.ones(3))


def test_phase_tells_a_tone_from_noise(front: Frontend) -> None:
    time = np.arange(2 * RATE) / RATE
    gate = np.sin(2 * np.pi * 2 * time) ** 2
    tones = sum(np.sin(2 * np.pi * f * time) for f in range(300, 7600, 400))
    noise = np.random.default_rng(0).normal(size=len(time))
    along = slice(0, 16)  # second difference along time, all bins
    assert statistics(front, "phase", gate * tones)[along].mean() > 0.8
    assert abs(statistics(front, "phase", gate * noise)[along].mean()) < 0.5


def test_correlation_is_that_of_the_bands(front: Frontend) -> None:
    family = Correlation(len(front.bins), 4)
    rng = np.random.default_rng(0)
    time = np.arange(3 * RATE) / RATE
    sound = rng.normal(size=len(time)) * (1.1 + np.sin(2 * np.pi * 3 * time)) ** 2
    with torch.no_grad():
        values = family(front(torch.from_numpy(sound.astype(np.float32))[None])[0])[0]
    assert len(values) == 2 * 6
    assert values[:6].min() > 0.7  # one envelope moves all bands
    assert float(values.abs().max()) <= 1.0 + 1e-4


def test_cepstra_leave_out_the_mean_of_the_first(front: Frontend, speech: Speech) -> None:
    size = len(statistics(front, "cepstra", speech(2.0)))
    assert size == 4 * Cepstra(len(front.bins)).matrix.shape[0] - 1
    assert len(statistics(front, "phase", speech(2.0))) == 10 * Phase(len(front.bins)).bands.matrix.shape[0]
