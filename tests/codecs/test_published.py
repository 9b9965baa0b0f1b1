"""Our EnCodec and DAC against transformers' with the same random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from earwitness.codecs import published
from earwitness.codecs import recipe as recipes
from earwitness.codecs.builders import build
from earwitness.core.errors import WeightsError

WAVE = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, 40 * 320)).astype(np.float32)) * 0.3


def shaken(model: torch.nn.Module) -> Any:
    """Every parameter at random, biases and snakes too: zeros and ones would hide a swap."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith("alpha"):
                tensor.copy_(torch.rand_like(tensor) + 0.5)
            elif name.endswith(("embed", "codebook.weight")):
                tensor.copy_(0.2 * torch.randn_like(tensor))
            elif name.endswith("bias"):
                tensor.copy_(0.02 * torch.randn_like(tensor))
            elif name.endswith("original0"):
                tensor.mul_(1.7)
    return model.eval()


def ours(recipe: str, arguments: dict[str, Any], state: dict[str, torch.Tensor]) -> Any:
    found = recipes.load(recipe)
    model = build(found.model, {**found.arguments, **arguments})
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(name.endswith((".usage", ".total")) for name in missing)
    return model.eval()


def encodec() -> tuple[Any, Any]:
    from transformers import EncodecConfig, EncodecModel

    theirs = shaken(EncodecModel(EncodecConfig()))
    state = published.encodec_state(theirs.state_dict())
    return theirs, ours("encodec-paper", {}, state)


def small_dac() -> Any:
    from transformers import DacConfig, DacModel

    strides = [2, 4, 5, 8]
    config = DacConfig(  # type: ignore[call-arg]
        encoder_hidden_size=8,
        downsampling_ratios=strides,
        decoder_hidden_size=64,
        upsampling_ratios=strides[::-1],
        n_codebooks=5,
        hidden_size=48,
        sampling_rate=16_000,
    )
    model = DacModel(config)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if name.endswith("weight"):
                tensor.normal_(std=0.7 * tensor[0].numel() ** -0.5)
    return shaken(model)


SMALL_DAC = {"channels": 8, "decoder_channels": 64, "latent": 48, "stages": 5}


@torch.no_grad()
def test_encodec_gives_the_same_codes_and_wave_as_transformers(require: Callable[[str], None]) -> None:
    require("transformers")
    theirs, mine = encodec()
    codes = theirs.encode(WAVE, bandwidth=24.0).audio_codes[0]
    assert torch.equal(mine.quantiser.encode(mine.analyse(WAVE)), codes) and len(torch.unique(codes)) > 100
    wave = theirs.decode(codes[None], [None])[0]
    got = mine.synthesise(mine.quantiser.decode(codes))
    assert float((got - wave).abs().max()) < 1e-4 and float(wave.std()) > 0.01


@torch.no_grad()
def test_dac_gives_the_same_codes_and_wave_as_transformers(require: Callable[[str], None]) -> None:
    require("transformers")
    theirs = small_dac()
    mine = ours("dac-paper", SMALL_DAC, published.dac_state(theirs.state_dict()))
    codes = theirs.encode(WAVE).audio_codes
    assert torch.equal(mine.quantiser.encode(mine.analyse(WAVE)), codes) and len(torch.unique(codes)) > 100
    wave = theirs.decode(audio_codes=codes).audio_values.reshape(1, 1, -1)
    got = mine.synthesise(mine.quantiser.decode(codes))
    assert got.shape == WAVE.shape and wave.shape[-1] == WAVE.shape[-1] - mine.missing
    assert float((got[..., : wave.shape[-1]] - wave).abs().max()) < 1e-4 and float(wave.std()) > 0.01


@torch.no_grad()
def test_weight_norm_is_folded(require: Callable[[str], None]) -> None:
    require("transformers")
    theirs = small_dac()
    plain = published.dac_state(theirs.state_dict())
    theirs.apply_weight_norm()
    normed = published.dac_state(theirs.state_dict())
    assert plain.keys() == normed.keys() and len(theirs.state_dict()) > len(plain)
    assert all(torch.allclose(plain[name], normed[name], atol=1e-5) for name in plain)


def test_the_authors_names_are_taken_as_well() -> None:
    weight = torch.ones(2, 1, 1)
    encodec_names = {
        "encoder.model.0.conv.conv.weight_g": torch.ones(2, 1, 1),
        "encoder.model.0.conv.conv.weight_v": weight,
        "encoder.model.1.block.1.conv.conv.bias": weight,
        "encoder.model.13.lstm.weight_ih_l0": weight,
        "decoder.model.3.convtr.convtr.bias": weight,
        "quantizer.vq.layers.7._codebook.embed": weight,
        "quantizer.vq.layers.7._codebook.inited": weight,
    }
    assert set(published.encodec_state(encodec_names)) == {
        "encoder.0.conv.weight",
        "encoder.1.block.1.conv.bias",
        "encoder.13.lstm.weight_ih_l0",
        "decoder.3.conv.bias",
        "quantiser.stages.7.codebook",
        "quantiser.active",
    }
    dac_names = {
        "encoder.block.0.weight_g": torch.ones(2, 1, 1),
        "encoder.block.0.weight_v": weight,
        "encoder.block.1.block.0.block.1.bias": weight,
        "encoder.block.1.block.3.alpha": weight,
        "decoder.model.1.block.1.bias": weight,
        "decoder.model.1.block.2.block.0.alpha": weight,
        "quantizer.quantizers.3.codebook.weight": weight,
    }
    assert set(published.dac_state(dac_names)) == {
        "encoder.0.weight",
        "encoder.1.0.block.1.bias",
        "encoder.1.3.alpha",
        "decoder.1.1.bias",
        "decoder.1.2.block.0.alpha",
        "quantiser.stages.3.codebook",
        "quantiser.active",
    }
    network = build("dac", {**SMALL_DAC, "dilations": [1, 3, 9]})
    assert set(published.dac_state(dac_names)) <= set(network.state_dict())


@pytest.mark.parametrize("mapping", [published.encodec_state, published.dac_state])
def test_a_checkpoint_of_something_else_is_refused(mapping: Callable[[dict[str, torch.Tensor]], object]) -> None:
    with pytest.raises(WeightsError, match=r"'text\.embed' is no tensor"):
        mapping({"text.embed": torch.zeros(1)})
