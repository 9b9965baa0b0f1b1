"""Crude fakes, and a tiny detector that learned to tell them from their smoothed copies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from earwitness.core.audio import Audio, save
from earwitness.datasets import manifest
from earwitness.datasets.manifest import Clip
from numpy.typing import NDArray

Speech = Callable[..., NDArray[np.float32]]
RATE = 16000


def make_fake(speech: NDArray[np.float32], levels: float) -> NDArray[np.float32]:
    """A copy whose spectrum was rounded, bin by bin, in frames of 16 ms: what a crude codec does."""
    size, hop = 256, 128
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    padded = np.pad(speech.astype(np.float64), (size, size))
    out = np.zeros_like(padded)
    for start in range(0, len(padded) - size, hop):
        spectrum = np.fft.rfft(padded[start : start + size] * window)
        size_of = np.abs(spectrum)
        rounded = np.exp(np.round(np.log(size_of + 1e-4) * levels) / levels)
        spectrum = rounded * np.exp(1j * np.round(np.angle(spectrum) * levels) / levels)
        out[start : start + size] += np.fft.irfft(spectrum) * window
    return out[size:-size].astype(np.float32)


@pytest.fixture(scope="session")
def tiny_manifest(speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 speakers of 2.5 s, each with a fake by two systems."""
    folder = tmp_path_factory.mktemp("clips")
    clips: list[Clip] = []
    for index in range(24):
        real = speech(2.5, seed=index)
        about: dict[str, Any] = {
            "corpus": "made",
            "speaker": f"s{index}",
            "split": "dev" if index % 4 == 0 else "train",
        }
        names = {"": real, "coarse": make_fake(real, 0.7), "fine": make_fake(real, 1.0)}
        for system, samples in names.items():
            path = folder / f"{index}-{system or 'real'}.wav"
            save(path, Audio(samples[None], RATE))
            label = "spoof" if system else "bonafide"
            source = str(folder / f"{index}-real.wav") if system else ""
            clips.append(Clip(str(path), label=label, system=system, source=source, seconds=2.5, rate=RATE, **about))
    manifest.write(folder / "manifest.jsonl", clips)
    return folder / "manifest.jsonl"


TINY = """
name = "tiny"
families = ["cepstra", "flux", "phase"]
window = 32000
folds = 3
penalties = [0.01, 0.1]
"""


@pytest.fixture(scope="session")
def tiny_home(tiny_manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An EARWITNESS_HOME whose only detector is "tiny"."""
    from earwitness.detect.baseline import train_baseline

    home = tmp_path_factory.mktemp("tiny")
    (home / "tiny.toml").write_text(TINY)
    train_baseline(tiny_manifest, home / "tiny.toml", home / "weights")
    return home


@pytest.fixture
def tiny(tiny_home: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the tiny detector, which is found as long as the test runs."""
    monkeypatch.setenv("EARWITNESS_HOME", str(tiny_home))
    return "tiny"
