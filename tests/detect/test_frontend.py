"""The front end in the graph: what it measures, and what must not move it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from earwitness.core.audio import Audio, resample
from earwitness.detect.frontend import Frontend, speech_frames

from .conftest import RATE, Speech


@pytest.fixture(scope="module")
def front() -> Frontend:
    return Frontend().eval()


def heard(front: Frontend, samples: np.ndarray) -> tuple[float, float, float]:
    """Speech (s), level (dB), bandwidth (Hz)."""
    with torch.no_grad():
        _, *values = front(torch.from_numpy(np.asarray(samples, np.float32))[None])
    speech, level, bandwidth = (float(value) for value in values)
    return speech, level, bandwidth


def test_the_lowest_125_hz_and_dc_are_not_seen(front: Frontend, speech: Speech) -> None:
    assert front.bins[0] > 125.0
    samples = np.round(speech(3.0, seed=1) * np.float32(2048)) / np.float32(2048)
    with torch.no_grad():
        plain = front(torch.from_numpy(samples)[None])[0]
        shifted = front(torch.from_numpy(samples + np.float32(0.25))[None])[0]
    assert torch.allclose(plain.log, shifted.log, atol=1e-2)


def test_an_empty_band_is_heard_as_in_a_16_bit_file(front: Frontend, speech: Speech) -> None:
    narrow = resample(resample(Audio.of(speech(3.0, seed=9), RATE), 8000), RATE).samples[0]
    stored = np.round(narrow * 32768) / 32768
    assert np.abs(narrow - stored).max() > 0
    with torch.no_grad():
        a, b = (front(torch.from_numpy(np.asarray(x, np.float32))[None])[0].log for x in (narrow, stored))
    assert torch.equal(a, b)


def test_level_is_measured_and_does_not_move_the_spectra(front: Frontend, speech: Speech) -> None:
    # On a grid that 16 bits still hold when it is 16 times quieter.
    samples = np.round(speech(3.0, seed=2) * np.float32(2048)) / np.float32(2048)
    with torch.no_grad():
        plain, seconds, level, _ = front(torch.from_numpy(samples)[None])
        quiet, same, lower, _ = front(torch.from_numpy(samples / np.float32(16))[None])
    assert torch.allclose(plain.log, quiet.log, atol=1e-3)
    assert float(level - lower) == pytest.approx(24.08, abs=0.05) and float(seconds) == float(same)
    noise = np.random.default_rng(0).normal(size=RATE) * 0.1
    assert heard(front, noise)[1] == pytest.approx(-20.0, abs=1.5)


def test_pauses_are_not_speech(front: Frontend, speech: Speech) -> None:
    samples = speech(3.0, seed=3)
    background = 1e-4 * np.random.default_rng(0).normal(size=2 * RATE)
    alone = heard(front, samples)[0]
    assert 1.0 < alone < 3.0
    assert heard(front, np.concatenate([samples, background]))[0] == pytest.approx(alone, abs=0.3)


@pytest.mark.parametrize("level", [0.0, 1e-6, 0.1])
def test_steady_sound_and_silence_hold_no_speech(front: Frontend, level: float) -> None:
    noise = level * np.random.default_rng(0).normal(size=4 * RATE)
    assert heard(front, noise)[0] == 0.0
    assert heard(front, np.full(RATE, level))[0] == 0.0


def test_everything_stays_finite(front: Frontend) -> None:
    loud = 1e4 * np.random.default_rng(0).normal(size=RATE)
    for samples in (np.zeros(4000), np.eye(1, 4000)[0], loud):
        with torch.no_grad():
            spectra, *values = front(torch.from_numpy(samples.astype(np.float32))[None])
        assert all(bool(torch.isfinite(x).all()) for x in (*spectra, *values))


@pytest.mark.parametrize("rate", [6000, 8000, 12000])
def test_bandwidth_follows_the_content(front: Frontend, speech: Speech, rate: int) -> None:
    audio = Audio.of(speech(4.0, seed=4), RATE)
    measured = heard(front, resample(resample(audio, rate), RATE).samples[0])[2]
    assert measured == pytest.approx(rate / 2, abs=400)


def test_frame_rules() -> None:
    energy = torch.tensor([[100.0, 20.0] * 20 + [1e-5] * 60])
    mask, loud = speech_frames(energy)
    assert np.allclose(mask[0], [1.0] * 40 + [0.0] * 60, atol=1e-3)
    assert torch.allclose(speech_frames(energy[:, :40])[1], loud, rtol=0.2)  # pauses do not move it
    click = energy.clone()
    click[0, 50] = 1e5
    assert float(speech_frames(click)[1] / loud) < 12.0
    assert speech_frames(torch.full((1, 90), 50.0))[0].sum() == 0
