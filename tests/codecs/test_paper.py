"""The paper recipes have the published sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from earwitness.codecs import recipe as recipes
from earwitness.codecs.builders import build

# Millions of parameters. From the papers: StreamCodec 7, HiFi-GAN V1 13.92. Counted in the published code: the rest.
PUBLISHED = {
    "dac-paper": 74.2,
    "dac-24khz-paper": 74.7,
    "encodec-paper": 14.85,
    "hifigan-paper": 13.93,
    "mdctcodec-paper": 2.79 + 3.84,
    "streamcodec-paper": 7.0,
    "vocos-paper": 13.53,
    "wavtokenizer-paper": 71.75,
}


def network(recipe: str) -> Any:
    found = recipes.load(recipe)
    with torch.device("meta"):
        return build(found.model, found.arguments)


def millions(module: torch.nn.Module) -> float:
    return sum(p.numel() for p in module.parameters()) / 1e6


@pytest.mark.parametrize("recipe", PUBLISHED)
def test_a_paper_recipe_has_the_published_number_of_parameters(recipe: str) -> None:
    assert millions(network(recipe)) == pytest.approx(PUBLISHED[recipe], rel=0.01)


def test_vocos_on_tokens_has_the_published_decoder() -> None:
    assert millions(network("vocos-tokens-paper").body) == pytest.approx(7.98, rel=0.01)


@pytest.mark.parametrize(("recipe", "encoder", "decoder"), [("mdctcodec-paper", 2.79, 3.84)])
def test_both_halves_of_mdctcodec_have_their_published_size(recipe: str, encoder: float, decoder: float) -> None:
    model = network(recipe)
    first = sum(map(millions, (model.encoder, model.down, model.squeeze)))
    second = sum(map(millions, (model.stretch, model.up, model.decoder, model.outlet)))
    assert first == pytest.approx(encoder, rel=0.01)
    assert second == pytest.approx(decoder, rel=0.01)


@pytest.mark.parametrize(
    ("recipe", "hertz", "kbps"),
    [
        ("dac-paper", 50, 6.0),
        ("dac-24khz-paper", 75, 24.0),
        ("encodec-paper", 75, 24.0),
        ("mdctcodec-paper", 150, 6.0),
        ("spectralcodec-paper", 86.13, 6.9),
        ("wavtokenizer-paper", 75, 0.9),
    ],
)
def test_a_paper_recipe_has_the_published_rates(recipe: str, hertz: float, kbps: float) -> None:
    model = network(recipe)
    frames = model.rate / model.hop_length
    assert frames == pytest.approx(hertz, rel=1e-3)
    assert sum(model.bits) * frames / 1000 == pytest.approx(kbps, rel=0.01)


def test_music2latent_misses_its_published_size_and_says_so() -> None:
    """58.2 million are published; ours has 7 % more, and its summary must go on saying so until that is found."""
    assert millions(network("music2latent-paper")) == pytest.approx(62.36, rel=0.001)
    assert "62.4 M against 58.2 M" in recipes.load("music2latent-paper").summary
