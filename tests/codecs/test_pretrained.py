"""Published checkpoints under our protocol: tiny random ones saved here, and the real Lyra v2."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from earwitness.codecs import pretrained, zoo
from earwitness.codecs.protocol import Codec
from earwitness.core.audio import Audio
from earwitness.core.errors import UsageError, WeightsError

RATES = {"encodec": 24_000, "dac": 16_000, "mimi": 24_000, "snac": 24_000}


def voice(n: int = 20_000, rate: int = 16_000) -> Audio:
    time = np.arange(n) / rate
    wave = 0.1 * sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 9))
    return Audio.of(np.asarray(wave), rate)


def network(kind: str) -> Any:
    import transformers as hf

    common: dict[str, Any] = {"codebook_size": 32, "hidden_size": 16}
    if kind == "encodec":
        sizes: dict[str, Any] = {
            "num_filters": 4,
            "codebook_dim": 16,
            "num_lstm_layers": 1,
            "target_bandwidths": [0.75, 1.5],
        }
        return hf.EncodecModel(hf.EncodecConfig(**common, **sizes))
    if kind == "dac":
        sizes = {"encoder_hidden_size": 4, "decoder_hidden_size": 32, "n_codebooks": 3, "sampling_rate": 16_000}
        strides: dict[str, Any] = {"downsampling_ratios": [2, 4, 5, 8], "upsampling_ratios": [8, 5, 4, 2]}
        return hf.DacModel(hf.DacConfig(**common, **sizes, **strides))
    sizes = {"num_filters": 4, "codebook_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    more: dict[str, Any] = {
        "num_key_value_heads": 2,
        "intermediate_size": 32,
        "vector_quantization_hidden_dimension": 16,
    }
    return hf.MimiModel(hf.MimiConfig(**common, **sizes, **more, num_quantizers=4, upsample_groups=16, head_dim=8))


def saved(kind: str, folder: Path) -> Path:
    torch.manual_seed(0)
    if kind != "snac":
        model = network(kind)
        with torch.no_grad():
            for name, tensor in model.named_buffers():
                # Fresh codebooks of EnCodec and Mimi are zeros.
                if name.endswith(("embed", "embed_sum")):
                    tensor.normal_()
        model.save_pretrained(folder)
        return folder
    from safetensors.torch import save_file
    from snac import SNAC

    config: dict[str, Any] = {
        "sampling_rate": 24_000,
        "encoder_dim": 4,
        "encoder_rates": [2, 4, 8, 8],
        "decoder_dim": 64,
        "decoder_rates": [8, 8, 4, 2],
        "attn_window_size": None,
        "codebook_size": 32,
        "vq_strides": [4, 2, 1],
    }
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    state = {name: tensor.contiguous() for name, tensor in SNAC(**config).state_dict().items()}
    save_file(state, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("kind", RATES)
def test_a_saved_checkpoint_keeps_the_protocol(require: Callable[[str], None], kind: str, tmp_path: Path) -> None:
    require("snac" if kind == "snac" else "transformers")
    codec = zoo.open(f"{kind}:{saved(kind, tmp_path)}")
    assert isinstance(codec, Codec)
    said = voice()
    tokens = codec.encode(said)
    assert tokens.rate == RATES[kind] and tokens.codes.min() >= 0 and tokens.codes.max() < 32
    assert tokens.kbps == pytest.approx(max(codec.kbps), rel=0.15)
    first, second = codec.decode(tokens), codec.decode(tokens)
    assert first.samples.shape == (1, tokens.length) and np.array_equal(first.samples, second.samples)
    stereo = Audio(np.concatenate([said.samples, -said.samples]), 16_000)
    assert codec.resynth(stereo).samples.shape == stereo.samples.shape
    if len(codec.kbps) > 1:
        assert not np.allclose(codec.resynth(said, min(codec.kbps)).samples, codec.resynth(said).samples)


@torch.no_grad()
def test_the_waves_are_those_of_the_package(require: Callable[[str], None], tmp_path: Path) -> None:
    require("transformers")
    codec = pretrained.open("dac", saved("dac", tmp_path))
    theirs = network("dac").from_pretrained(tmp_path)
    said = voice(32_000)
    wave = theirs(torch.from_numpy(said.samples)[None]).audio_values.reshape(-1).numpy()
    assert np.allclose(codec.resynth(said).samples[0, : wave.size], wave, atol=1e-5)


def test_pickles_other_kinds_and_wrong_folders_are_refused(require: Callable[[str], None], tmp_path: Path) -> None:
    require("transformers")
    saved("dac", tmp_path)
    with pytest.raises(WeightsError, match="checkpoint of 'dac', not of 'encodec'"):
        pretrained.open("encodec", tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"holds no model\.safetensors"):
        pretrained.open("dac", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsError, match="cannot be read"):
        pretrained.open("dac", tmp_path)
    with pytest.raises(UsageError, match="known: encodec, dac, mimi, snac, lyra-v2"):
        pretrained.open("wavenet", tmp_path)


def test_a_download_needs_a_commit_hash(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="full commit hash, and 'main' is none"):
        pretrained.download("somebody/something", "main", tmp_path)


def test_lyra_speaks_through_the_protocol(require: Callable[[str], None], shared: Path) -> None:
    require("ai_edge_litert")
    codec = pretrained.open("lyra-v2", shared / "peers" / "lyra-v2")
    said = voice()
    levels = [codec.levels_for(kbps) for kbps in (3.2, 6.0, 9.2)]
    assert levels == [16, 30, 46]
    tokens = codec.encode(said, 30)
    assert tokens.kbps == pytest.approx(6.0, rel=0.02) and tokens.codes.max() < 16
    heard = codec.decode(tokens).samples[0]
    # Lyra keeps no phase: compare loudness over time and the spectrum.
    spectra = [np.abs(np.fft.rfft(wave[4000:16_000] * np.hanning(12_000))) for wave in (heard, said.samples[0])]
    assert spectra[0].argmax() == pytest.approx(spectra[1].argmax(), abs=3)
    assert 0.3 < np.std(heard) / np.std(said.samples) < 3
    assert np.array_equal(codec.decode(tokens).samples[0], heard)


def test_lyra_speaks_as_in_the_benchmark(
    require: Callable[[str], None], shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """benchmarks/lyra.py drives the interpreters by itself: the same samples, so the same PESQ."""
    require("ai_edge_litert")
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    benchmark = importlib.import_module("lyra")
    folder = shared / "peers" / "lyra-v2"
    codec = pretrained.open("lyra-v2", folder)
    said = voice(20_100)  # no whole number of frames
    for kbps in benchmark.STAGES:
        heard = codec.resynth(said, kbps).samples
        assert np.array_equal(heard, benchmark.resynth(folder, said, kbps).samples)
        assert np.std(heard) > 0.01


def test_lyra_without_its_files_is_a_sentence(require: Callable[[str], None], tmp_path: Path) -> None:
    require("ai_edge_litert")
    with pytest.raises(WeightsError, match="they come with google/lyra"):
        pretrained.open("lyra-v2", tmp_path)
