"""earwitness codec: list, encode, decode, resynth, train."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from earwitness.codecs.tokens import load as load_tokens
from earwitness.codecs.tokens import save as save_tokens
from earwitness.core.audio import load, save

Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def wave(tmp_path: Path, tone: Any) -> Path:
    save(tmp_path / "in.wav", tone(seconds=0.5, level=0.25))
    return tmp_path / "in.wav"


def test_list_names_neural_and_classical_codecs(run: Run, toys: Path) -> None:
    table = run("codec", "list").stdout
    rows = [json.loads(line) for line in run("codec", "list", "--json", "-").stdout.splitlines()]
    kinds = {row["name"]: row["kind"] for row in rows}
    assert kinds["steps"] == "codec" and "classical" in kinds.values()
    assert all(name in table for name in kinds)
    assert {row["name"] for row in rows if row["tokens"]} >= {"steps"}


def test_encode_then_decode_gives_the_length_and_the_sound(run: Run, toys: Path, wave: Path, tmp_path: Path) -> None:
    tokens, back = tmp_path / "x.ewt", tmp_path / "back.wav"
    assert run("codec", "encode", "--codec", "steps", wave, tokens).returncode == 0
    assert run("codec", "decode", tokens, back).returncode == 0
    assert tokens.stat().st_size < 400
    made, original = load(back), load(wave)
    assert made.rate == 16000 and made.samples.shape == original.samples.shape
    means = original.samples.reshape(-1, 160).mean(1)
    assert np.abs(made.samples.reshape(-1, 160).mean(1) - means).max() < 0.01


def test_decode_refuses_tokens_of_other_weights(run: Run, toys: Path, wave: Path, tmp_path: Path) -> None:
    tokens = tmp_path / "x.ewt"
    run("codec", "encode", "--codec", "steps", wave, tokens)
    save_tokens(tokens, replace(load_tokens(tokens), digest="0" * 64))
    done = run("codec", "decode", tokens, tmp_path / "back.wav")
    assert done.returncode == 2 and "other weights" in done.stderr
    assert not (tmp_path / "back.wav").exists()


def test_resynth_keeps_rate_length_and_channels(run: Run, toys: Path, tmp_path: Path, tone: Any) -> None:
    save(tmp_path / "in.wav", tone(seconds=0.3, rate=22050, channels=2))
    assert run("codec", "resynth", "steps", tmp_path / "in.wav", tmp_path / "out.wav").returncode == 0
    made, original = load(tmp_path / "out.wav"), load(tmp_path / "in.wav")
    assert made.rate == original.rate and made.samples.shape == original.samples.shape


def test_wrong_use_is_a_sentence(run: Run, toys: Path, wave: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for arguments, word in [
        (("encode", "--codec", "nobody", wave, out), "nobody"),
        (("encode", "--codec", "steps", "--levels", "9", wave, out), "9"),
        (("encode", "--codec", "steps", "--levels", "1", "--kbps", "1", wave, out), "not both"),
        (("encode", "--codec", "steps", tmp_path / "absent.wav", out), "absent.wav"),
        (("decode", wave, out), "token file"),
        (("resynth", "nobody", wave, out), "nobody"),
        (("train", "nobody", "--data", tmp_path), "nobody"),
    ]:
        done = run("codec", *arguments)
        assert done.returncode == 2 and word in done.stderr and not out.exists(), (arguments, done.stderr)
