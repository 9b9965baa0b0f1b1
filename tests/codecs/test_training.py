from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from earwitness.codecs import recipe as recipes
from earwitness.codecs import training, zoo
from earwitness.codecs.builders import build
from earwitness.codecs.recipe import CodecRecipe
from earwitness.core import recipe as core_recipe
from earwitness.core.errors import RecipeError
from numpy.typing import NDArray
from safetensors.torch import load_file


class Hums:
    """Crops of harmonic tones with a moving pitch: the least that a codec must learn."""

    digest = "hums"

    def __init__(self, samples: int, batch: int = 4) -> None:
        self.samples, self.size = samples, batch

    def batch(self, step: int) -> NDArray[np.float32]:
        rng = np.random.default_rng(step)
        time = np.arange(self.samples) / 16_000
        pitch = rng.uniform(90, 250, (self.size, 1)) * (1 + 0.1 * np.sin(2 * np.pi * 3 * time))
        phase = 2 * np.pi * np.cumsum(pitch, axis=1) / 16_000
        waves = sum(np.sin(k * phase) / k for k in range(1, 12))
        return (0.1 * np.asarray(waves))[:, None].astype(np.float32)


SMALL: dict[str, dict[str, Any]] = {
    "soundstream": {
        "channels": 8,
        "strides": [4, 4, 4, 5],
        "dilations": [1],
        "latent": 16,
        "stages": 3,
        "codebook": 32,
    },
    "streamcodec": {
        "channels": 48,
        "hidden": 96,
        "layers": 2,
        "latent": 16,
        "scalar": [4, 4],
        "vectors": 2,
        "codebook": 32,
    },
    "vocos": {"channels": 64, "hidden": 128, "layers": 2},
    "mdctcodec": {"channels": 48, "hidden": 96, "layers": 2, "latent": 16, "stages": 2, "codebook": 32},
    "wavtokenizer": {
        "filters": 4,
        "latent": 16,
        "codebook": 32,
        "channels": 48,
        "hidden": 96,
        "layers": 2,
        "position": False,
    },
    "encodec": {"filters": 4, "latent": 16, "stages": 2, "codebook": 32},
    "dac": {"channels": 4, "latent": 16, "decoder_channels": 64, "dilations": [1], "stages": 2, "codebook": 32},
    "hifigan": {"channels": 32},
    "spectralcodec": {"channels": 32, "levels": [4, 4], "band_channels": 16, "band_hidden": 32},
    "nsf": {"channels": 8, "blocks": 2, "layers": 3, "noise_layers": 2, "context": 16},
}
CRITIC: dict[str, dict[str, Any]] = {
    "streamcodec": {"mdct": [160]},
    "mdctcodec": {"mdct": [160]},
    "hifigan": {"periods": [2, 3]},
}


def toy(model: str, steps: int) -> CodecRecipe:
    return CodecRecipe.model_validate(
        {
            "name": "toy",
            "model": model,
            "summary": "toy",
            "arguments": SMALL[model],
            "data": {"seconds": 0.16, "batch": 4},
            "losses": {"quantise_from": steps // 3, "critic_from": 2 * steps // 3, "mel_sizes": [256, 512]},
            "critic": {**CRITIC.get(model, {"stft": [256]}), "channels": 4},
            "optimiser": {"rate": 2e-3, "warmup": 5},
            "schedule": {"steps": steps, "log_every": steps // 6},
        }
    )


@pytest.mark.parametrize("model", SMALL)
def test_the_spectral_loss_falls_while_trunk_codebooks_and_critic_join(model: str, tmp_path: Path) -> None:
    recipe = toy(model, 90)
    logs: list[dict[str, float]] = []
    source = Hums(training.crop_samples(recipe))
    training.train(recipe, source, tmp_path, lambda step, numbers: logs.append(dict(numbers)))
    assert logs[-1]["mel"] < 0.87 * logs[0]["mel"]
    assert "fool" not in logs[0] and any("critic" in numbers for numbers in logs)
    member = zoo.open_checkpoint(model, SMALL[model], tmp_path / "model.safetensors", "toy")
    assert member.name == "toy"


def test_a_resumed_codec_equals_an_unbroken_one(tmp_path: Path) -> None:
    recipe = toy("streamcodec", 18)
    source = Hums(training.crop_samples(recipe))

    class Stop(Exception):
        pass

    def stop(step: int, numbers: object) -> None:
        if step == 15:
            raise Stop

    eager = recipe.model_copy(
        update={"schedule": recipe.schedule.model_copy(update={"checkpoint_minutes": 0.0, "log_every": 3})}
    )
    training.train(eager, source, tmp_path / "whole")
    with pytest.raises(Stop):
        training.train(eager, source, tmp_path / "broken", stop)
    training.train(eager, source, tmp_path / "broken")
    whole, broken = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken"))
    assert all(torch.equal(whole[key], broken[key]) for key in whole)


def test_a_warm_start_copies_what_fits_and_refuses_what_does_not(tmp_path: Path) -> None:
    recipe = toy("vocos", 6)
    training.train(recipe, Hums(training.crop_samples(recipe)), tmp_path)
    network = build("vocos", {**SMALL["vocos"], "layers": 3})
    copied = training.warm_start(network, tmp_path / "model.safetensors")
    assert "body.inlet.conv.weight" in copied and "body.blocks.2.scale" not in copied
    with pytest.raises(RecipeError, match="fits"):
        training.warm_start(torch.nn.Linear(2, 2), tmp_path / "model.safetensors")


@pytest.mark.parametrize("name", sorted(core_recipe.shipped(recipes.PACKAGE)))
def test_every_shipped_recipe_builds(name: str) -> None:
    recipe = recipes.load(name)
    assert recipe.name == name
    assert training.crop_samples(recipe) % int(build(recipe.model, recipe.arguments).hop_length) == 0  # type: ignore[arg-type]


def test_the_digest_of_a_recipe_ignores_the_device_and_nothing_else() -> None:
    recipe = toy("vocos", 6)
    assert recipe.model_copy(update={"device": "cuda"}).digest() == recipe.digest()
    assert recipe.model_copy(update={"seed": 1}).digest() != recipe.digest()
