"""The paper recipes have the published sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from earwitness.codecs import facts
from earwitness.codecs import recipe as recipes
from earwitness.codecs.builders import build
from earwitness.core import recipe as core_recipe

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


# Why no published count stands above; a recipe says in its summary what is not known of its system.
UNCOUNTED = {
    "music2latent-paper": "62.4 M against 58.2 M",
    "nsf-paper": "no parameter count is published",
    "soundstream-paper": "10.5 M; the paper counts 8.4 M",
    "spectralcodec-paper": "no parameter count is published",
    "vocos-tokens-paper": "on StreamCodec's trunk",
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


def test_every_model_has_a_recipe_at_its_published_size_or_says_that_none_is_known() -> None:
    papers = {name for name in core_recipe.shipped(recipes.PACKAGE) if name.endswith("-paper")}
    assert {recipes.load(name).model for name in papers} == set(facts.MODELS)
    assert papers == PUBLISHED.keys() | UNCOUNTED.keys()
    for name, reason in UNCOUNTED.items():
        assert reason in recipes.load(name).summary


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


@pytest.mark.parametrize(("recipe", "count"), [("music2latent-paper", 62.36), ("soundstream-paper", 10.49)])
def test_a_recipe_that_misses_its_published_size_says_by_how_much(recipe: str, count: float) -> None:
    """58.2 and 8.4 million are published; the summaries must go on naming both until the difference is found."""
    assert millions(network(recipe)) == pytest.approx(count, rel=0.001)
    assert f"{count:.1f} M" in recipes.load(recipe).summary
