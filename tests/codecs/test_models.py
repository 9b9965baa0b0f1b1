from __future__ import annotations

from typing import Any

import pytest
import torch
from earwitness.codecs.builders import BUILDERS, build
from earwitness.codecs.task import perplexity
from earwitness.core.errors import RecipeError

SMALL: dict[str, dict[str, Any]] = {
    "soundstream": {
        "channels": 4,
        "strides": (4, 4, 4, 5),
        "dilations": (1,),
        "latent": 8,
        "stages": 3,
        "codebook": 16,
    },
    "streamcodec": {"channels": 16, "hidden": 32, "layers": 2, "latent": 8, "vectors": 2, "codebook": 16},
    "vocos": {"channels": 16, "hidden": 32, "layers": 2},
    "vocos-tokens": {
        "channels": 16,
        "hidden": 32,
        "layers": 2,
        "codec": {"channels": 16, "hidden": 32, "layers": 2, "latent": 8, "vectors": 2, "codebook": 16},
    },
    "mdctcodec": {"channels": 16, "hidden": 32, "layers": 2, "latent": 8, "stages": 3, "codebook": 16},
    "wavtokenizer": {"filters": 4, "latent": 8, "codebook": 16, "channels": 16, "hidden": 32, "layers": 2},
    "encodec": {"filters": 4, "latent": 8, "stages": 3, "codebook": 16},
    "dac": {"channels": 4, "latent": 8, "decoder_channels": 32, "stages": 3, "codebook": 16, "codebook_dim": 4},
    "hifigan": {"channels": 16},
    "spectralcodec": {"channels": 16, "bands": 2, "band_channels": 8, "band_hidden": 16},
    "music2latent": {
        "channels": 8,
        "multipliers": [1, 1, 2],
        "bottleneck": 16,
        "bottleneck_blocks": 1,
        "condition": 8,
    },
    "nsf": {"channels": 8, "blocks": 2, "layers": 4, "noise_layers": 2, "context": 8},
}
CODECS = [
    "soundstream",
    "streamcodec",
    "vocos-tokens",
    "mdctcodec",
    "wavtokenizer",
    "encodec",
    "dac",
    "spectralcodec",
]


def small(name: str) -> Any:
    torch.manual_seed(0)
    model: Any = build(name, SMALL[name])
    if hasattr(model, "quantiser"):
        model.quantiser.initialise(torch.randn(500, 8))
    return model.eval()


@pytest.mark.parametrize("name", BUILDERS)
def test_a_wave_comes_back_at_its_length(name: str) -> None:
    model = small(name)
    wave = torch.randn(2, 1, 10 * model.hop_length)
    assert model.synthesise(model.analyse(wave)).shape == wave.shape


@pytest.mark.parametrize("name", CODECS)
def test_codes_have_a_row_for_each_stage(name: str) -> None:
    model = small(name)
    codes = model.quantiser.encode(model.analyse(torch.randn(2, 1, 10 * model.hop_length)))
    assert codes.shape[:2] == (2, len(model.bits)) and codes.shape[2] in (10, 11)
    assert model.synthesise(model.quantiser.decode(codes)).shape == (2, 1, 10 * model.hop_length)


@pytest.mark.parametrize("name,latency", [("soundstream", 320), ("streamcodec", 320), ("encodec", 320)])
def test_output_up_to_a_sample_depends_on_input_no_later_than_the_latency(name: str, latency: int) -> None:
    model = small(name)
    wave = torch.randn(1, 1, 12 * 320)
    changed = wave.clone()
    start = 2000
    changed[..., start:] = torch.randn(1, 1, 12 * 320 - start)
    first, second = (model.synthesise(model.analyse(x)) for x in (wave, changed))
    differs = (first - second).abs()[0, 0] > 1e-6
    assert int(differs.nonzero()[0]) > start - latency
    assert bool(differs[start:].any())


def test_mdctcodec_is_not_causal_and_says_so() -> None:
    model = small("mdctcodec")
    wave = torch.randn(1, 1, 12 * 320)
    changed = wave.clone()
    changed[..., 3000:] = 0
    first, second = (model.synthesise(model.analyse(x)) for x in (wave, changed))
    assert not torch.allclose(first[..., :1000], second[..., :1000], atol=1e-6)
    assert "Not causal" in str(type(model).__doc__)


def test_every_layer_is_reached_by_gradients() -> None:
    for name in BUILDERS:
        model = small(name)
        model.synthesise(model.analyse(torch.randn(1, 1, 8 * model.hop_length))).square().sum().backward()
        idle = [
            key
            for key, p in model.named_parameters()
            if p.requires_grad and p.grad is None and "quantiser" not in key
        ]
        assert not idle, name


@pytest.mark.parametrize("name", BUILDERS)
def test_an_evaluated_network_says_the_same_thing_twice(name: str) -> None:
    model = small(name)
    wave = torch.randn(1, 1, 8 * model.hop_length)
    assert torch.equal(model.synthesise(model.analyse(wave)), model.synthesise(model.analyse(wave)))


def test_an_unknown_argument_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="'channels'"):
        build("soundstream", {"chanels": 4})


def test_perplexity_counts_codes_in_use() -> None:
    assert perplexity(torch.arange(8).repeat(5)) == pytest.approx(8.0)
    assert perplexity(torch.zeros(40, dtype=torch.int64)) == pytest.approx(1.0)
