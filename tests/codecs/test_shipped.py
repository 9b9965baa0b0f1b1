from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from earwitness.codecs import recipe as recipes
from earwitness.codecs import tokens, zoo
from earwitness.codecs.neural import NeuralCodec
from earwitness.core import weights
from earwitness.core.audio import Audio

NEURAL = sorted({*weights.cards("codec"), *weights.cards("vocoder")})
SCALABLE = [name for name in NEURAL if isinstance(codec := zoo.open(name), NeuralCodec) and len(codec.kbps) > 1]
EXAMPLES = sorted(Path(str(resources.files("earwitness.codecs.weights"))).glob("*.ewt"))


@pytest.mark.parametrize("name", NEURAL)
def test_a_shipped_card_names_the_recipe_that_made_it(name: str) -> None:
    card = weights.card(name)
    recipe = recipes.load(card.recipe)
    assert card.recipe_digest == recipe.digest() and card.seed == recipe.seed
    assert len(card.data_digest) == 64 and card.settings["steps"] <= recipe.schedule.steps


@pytest.mark.parametrize("name", NEURAL)
def test_a_shipped_card_has_small_files_and_measured_numbers(name: str) -> None:
    card = weights.card(name)
    assert all((card.folder / entry["file"]).stat().st_size < 4_000_000 for entry in card.files.values())
    measured = {key.partition("_")[0] for key in card.metrics}
    assert {"stoi", "pesq", "mel"} <= measured and ("perplexity" in measured) == (card.kind == "codec")


def test_the_first_members_are_shipped() -> None:
    assert {"soundstream", "streamcodec", "vocos", "wavtokenizer"} <= set(NEURAL)


@pytest.mark.parametrize("name", SCALABLE)
def test_more_bits_come_nearer_to_a_hum(name: str) -> None:
    time = np.arange(16_000) / 16_000
    wave = 0.1 * sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 9))
    hum = Audio(np.asarray(wave, dtype=np.float32)[None], 16_000)
    codec = zoo.open(name)
    errors = [
        float(np.abs(codec.resynth(hum, k).samples - hum.samples).mean()) for k in (codec.kbps[0], codec.kbps[-1])
    ]
    assert errors[1] < errors[0] and errors[1] < float(np.abs(hum.samples).mean())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_decodes_to_speech_of_its_length(path: Path) -> None:
    found = tokens.load(path)
    assert path.stat().st_size < 4_000
    codec = zoo.open_codec(found.codec)
    assert isinstance(codec, NeuralCodec)
    audio = codec.decode(found)
    assert audio.samples.shape == (1, found.length) and 0.01 < float(np.abs(audio.samples).max()) <= 1.5


def test_there_are_examples_of_both_codecs() -> None:
    assert {tokens.load(path).codec for path in EXAMPLES} == {"soundstream", "streamcodec"}
