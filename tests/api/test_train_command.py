"""earwitness train and codec train: from a plain folder of audio to a codec that works."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from earwitness.core.audio import Audio, load, save

Run = Callable[..., "CompletedProcess[str]"]
RECIPE = """
name = "tiny"
model = "soundstream"
summary = "as small as it gets"

[arguments]
channels = 4
strides = [4, 4, 4, 5]
dilations = [1]
latent = 8
stages = 2
codebook = 16

[data]
seconds = 0.16
batch = 2

[losses]
mel_sizes = [256]
quantise_from = 2
critic_from = 4

[critic]
stft = [256]
channels = 4

[schedule]
steps = 6
"""


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A plain folder with six noisy hums by three "speakers"."""
    draw = np.random.default_rng(3)
    for number in range(6):
        time = np.arange(24000) / 16000
        wave = 0.2 * np.sin(2 * np.pi * (100 + 20 * number) * time) + 0.02 * draw.standard_normal(24000)
        save(tmp_path / "speech" / f"s{number % 3}" / f"{number}.wav", Audio(wave[None].astype(np.float32), 16000))
    return tmp_path / "speech"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(RECIPE)
    return tmp_path / "tiny.toml"


def test_one_command_trains_a_codec_that_then_encodes_and_decodes(
    run: Run, require: Any, recipe: Path, speech: Path, tmp_path: Path
) -> None:
    require("torch")
    done = run("codec", "train", recipe, "--data", speech, "--name", "mine", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "mine" in run("codec", "list").stdout
    source = next(speech.rglob("*.wav"))
    assert run("codec", "encode", "--codec", "mine", source, tmp_path / "x.ewt").returncode == 0
    assert run("codec", "decode", tmp_path / "x.ewt", tmp_path / "x.wav").returncode == 0
    assert load(tmp_path / "x.wav").samples.shape == load(source).samples.shape


def test_train_resumes_only_when_asked(run: Run, require: Any, recipe: Path, speech: Path, tmp_path: Path) -> None:
    require("torch")
    out = tmp_path / "out"
    command = ("train", recipe, "--data", speech, "--out", out, "--device", "cpu")
    assert run(*command, "--steps", "3").returncode == 0
    assert (out / "model.safetensors").is_file()
    again = run(*command, "--steps", "3")
    assert again.returncode == 2 and "--resume" in again.stderr
    assert run(*command, "--steps", "3", "--resume").returncode == 0


def test_a_wrong_recipe_or_folder_is_a_sentence(
    run: Run, require: Any, recipe: Path, speech: Path, tmp_path: Path
) -> None:
    require("torch")
    recipe.write_text(RECIPE.replace("stages = 2", "stagess = 2"))
    done = run("train", recipe, "--data", speech, "--out", tmp_path / "out")
    assert done.returncode == 2 and "stages" in done.stderr and "stagess" in done.stderr
    done = run("train", "soundstream", "--data", tmp_path / "absent", "--out", tmp_path / "out")
    assert done.returncode == 2 and "absent" in done.stderr
    done = run("train", "sonudstream", "--data", speech, "--out", tmp_path / "out")
    assert done.returncode == 2 and "soundstream" in done.stderr


def test_a_detector_needs_a_built_dataset_and_no_steps(run: Run, speech: Path, tmp_path: Path) -> None:
    for options, word in [((), "no manifest"), (("--steps", "3"), "--steps"), (("--resume",), "--resume")]:
        done = run("train", "baseline", "--data", speech, "--out", tmp_path / "out", *options)
        assert done.returncode == 2 and word in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


def test_a_detector_is_trained_on_a_built_dataset_and_scans(
    run: Run, require: Any, toys: Path, tmp_path: Path
) -> None:
    require("sklearn")
    draw = np.random.default_rng(4)
    rows = []
    for number in range(32):
        time = np.arange(32000) / 16000
        pulses = np.sin(2 * np.pi * (110 + 5 * (number // 2)) * time) > 0.9
        wave = 0.3 * np.convolve(pulses + 0.05 * draw.standard_normal(32000), draw.standard_normal(40), "same")
        wave = wave * np.sin(2 * np.pi * 2 * time) ** 2  # syllables
        spoof = number % 2 == 1
        if spoof:  # held over 4 samples: images of the spectrum, as cheap upsampling leaves them
            wave = np.repeat(wave[::4], 4)
        wave = 0.5 * wave / np.abs(wave).max()
        save(tmp_path / "built" / f"{number}.wav", Audio(wave[None].astype(np.float32), 16000))
        label = {"label": "spoof", "system": f"s{number // 2 % 2}"} if spoof else {"label": "bonafide"}
        split = "dev" if number >= 24 else "train"
        rows.append({"path": f"{number}.wav", "speaker": f"p{number // 2}", "split": split, "seconds": 2.0, **label})
    (tmp_path / "built" / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = tmp_path / "held.toml"
    recipe.write_text('name = "held"\nfamilies = ["cepstra"]\nfolds = 2\npenalties = [0.01]\n')
    done = run("train", recipe, "--data", tmp_path / "built", "--out", toys / "weights")
    assert done.returncode == 0, done.stderr
    scan = run("scan", "--detector", "held", tmp_path / "built", "--json", "-")
    scores = [json.loads(line)["result"]["score"] for line in scan.stdout.splitlines()]
    assert len(scores) == 32 and None not in scores
    held = {
        Path(json.loads(line)["path"]).stem: json.loads(line)["result"]["score"] for line in scan.stdout.splitlines()
    }
    assert all(held[str(number + 1)] > held[str(number)] for number in range(0, 32, 2))
