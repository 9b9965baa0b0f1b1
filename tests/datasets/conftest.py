"""Sound that is like speech in what the datasets code looks at: syllables, pauses, levels, harmonics."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

Say = Callable[..., NDArray[np.float32]]


@lru_cache(maxsize=512)
def _say(seed: int, seconds: float = 1.2, rate: int = 16000, level: float | None = None) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    pitch = rng.uniform(90, 240) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.5, 2) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = sum(np.sin(k * phase + rng.uniform(0, 6)) / k for k in range(1, 15))
    syllables = np.clip(np.sin(2 * np.pi * rng.uniform(2, 4) * time + rng.uniform(0, 6)) + 0.4, 0, None)
    sound = voice * syllables + 0.02 * rng.standard_normal(time.size)
    level = float(rng.uniform(0.02, 0.12)) if level is None else level
    samples = (sound * level / np.std(sound)).clip(-0.99, 0.99).astype(np.float32)
    samples.flags.writeable = False  # it is handed out again
    return samples


@pytest.fixture
def say() -> Say:
    """say(seed, seconds, rate, level) -> (samples,) float32; another seed is another voice and level."""
    return _say


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder with a manifest.csv like shared/audio's: 12 speakers of two corpora, two clips each."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    lines = [
        "path,corpus,speaker,sex,language,split,seconds,rate,text,licence,source_repo,source_path,source_format,"
        "sha256,kind"
    ]
    for number in range(24):
        speaker, split = number // 2, "dev" if number >= 20 else "train"
        seconds = 1.0 + 0.1 * (number % 5)
        name = f"speech/clip {number}.flac"
        (folder / "speech").mkdir(exist_ok=True)
        soundfile.write(folder / name, _say(number, seconds), 16000, subtype="PCM_16")
        corpus_name = "big" if speaker < 8 else "small"
        lines.append(
            f'{name},{corpus_name},s{speaker},f,en,{split},{seconds},16000,"a, b",CC0-1.0,r,p#0-1,wav,,speech'
        )
    soundfile.write(folder / "noise.flac", np.full(16000, 0.01, np.float32), 16000)
    lines.append("noise.flac,hiss,,,,train,1.0,16000,,CC0-1.0,r,p,wav,,noise")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
