from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from earwitness.codecs import zoo
from earwitness.codecs.builders import build
from earwitness.codecs.neural import NeuralCodec
from earwitness.codecs.publish import publish
from earwitness.codecs.recipe import CodecRecipe
from earwitness.core import weights
from earwitness.core.audio import Audio
from earwitness.core.errors import WeightsError
from earwitness.core.train import export

SMALL: dict[str, dict[str, Any]] = {
    "soundstream": {"channels": 8, "strides": [4, 4, 4, 5], "dilations": [1], "latent": 16, "codebook": 64},
    "streamcodec": {"channels": 32, "hidden": 64, "layers": 2, "latent": 16, "vectors": 2, "codebook": 64},
    "vocos": {"channels": 32, "hidden": 64, "layers": 2},
}


def made(model: str, folder: Path) -> CodecRecipe:
    """A member with random weights, published under a home folder."""
    recipe = CodecRecipe.model_validate(
        {
            "name": f"toy-{model}",
            "model": model,
            "summary": "toy",
            "arguments": SMALL[model],
            "schedule": {"steps": 1},
        }
    )
    torch.manual_seed(0)
    network: Any = build(model, SMALL[model])
    if hasattr(network, "quantiser"):
        network.quantiser.initialise(torch.randn(500, 16))
    export(network, folder / "model.safetensors", {"recipe_digest": recipe.digest(), "step": "1"})
    publish(recipe, folder / "model.safetensors", folder / "weights")
    return recipe


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EARWITNESS_HOME", str(tmp_path))
    return tmp_path


def voice(n: int = 9000) -> Audio:
    rng = np.random.default_rng(0)
    return Audio(rng.standard_normal((1, n)).astype(np.float32) * 0.1, 16_000)


@pytest.mark.parametrize("model", ["soundstream", "streamcodec"])
def test_onnx_and_torch_give_the_same_codes_and_waves(home: Path, model: str) -> None:
    name = made(model, home).name
    onnx, torched = zoo.open(name, backend="onnx"), zoo.open(name, backend="torch")
    assert isinstance(onnx, NeuralCodec) and isinstance(torched, NeuralCodec)
    a, b = onnx.encode(voice()), torched.encode(voice())
    assert np.array_equal(a.codes, b.codes) and a.digest == b.digest
    assert np.allclose(onnx.decode(a).samples, torched.decode(b).samples, atol=1e-4)


def test_a_vocoder_is_published_without_graphs_and_runs_in_torch(home: Path) -> None:
    name = made("vocos", home).name
    assert set(weights.card(name).files) == {"safetensors"}
    assert zoo.open(name).resynth(voice()).samples.shape == (1, 9000)


def test_a_checkpoint_of_another_recipe_is_refused(home: Path) -> None:
    recipe = made("vocos", home)
    other = recipe.model_copy(update={"seed": 9})
    with pytest.raises(WeightsError, match="not made by the recipe"):
        publish(other, home / "model.safetensors", home / "weights")


def test_the_card_names_recipe_size_and_licence(home: Path) -> None:
    recipe = made("streamcodec", home)
    card = weights.card(recipe.name)
    assert card.recipe_digest == recipe.digest() and card.licence == "Apache-2.0"
    assert card.settings["parameters"] > 1000 and len(card.settings["bits"]) == 3


def test_weights_that_do_not_fit_are_a_sentence(home: Path) -> None:
    recipe = made("vocos", home)
    wrong = recipe.model_copy(update={"arguments": {**SMALL["vocos"], "channels": 16}})
    with pytest.raises(WeightsError, match="do not fit"):
        zoo.open_checkpoint("vocos", wrong.arguments, home / "model.safetensors", "x")
