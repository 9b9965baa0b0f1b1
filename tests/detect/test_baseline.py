"""Training the baseline: what it writes, that the graph is the model, and that a run repeats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from earwitness.core import weights
from earwitness.core.errors import DataError, RecipeError, WeightsError
from earwitness.core.files import sha256
from earwitness.core.recipe import load
from earwitness.datasets import manifest
from earwitness.detect import registry
from earwitness.detect.baseline import RECIPES, BaselineRecipe, train_baseline
from earwitness.detect.families import FAMILIES
from earwitness.detect.model import OUTPUTS, LinearDetector
from safetensors.torch import load_file

from .conftest import TINY, Speech


def session(home: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(home / "weights" / "tiny.onnx"), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("seconds", [0.25, 1.0, 2.5, 11.0])
def test_torch_and_onnx_agree(seconds: float, tiny_home: Path, speech: Speech) -> None:
    model = LinearDetector(("cepstra", "flux", "phase"))
    model.load_state_dict(load_file(tiny_home / "weights" / "tiny.safetensors"))
    samples = np.stack([speech(seconds, seed=1), speech(seconds, seed=2)])
    with torch.no_grad():
        mine = model.eval()(torch.from_numpy(samples))
    theirs = session(tiny_home).run(list(OUTPUTS), {"samples": samples})
    for one, other in zip(mine, theirs, strict=True):
        assert np.allclose(one.numpy(), other, atol=1e-4, rtol=1e-4)


def test_the_card_tells_what_was_done(tiny_home: Path, tiny: str) -> None:
    card = registry.card(tiny)
    assert card.metrics["clips"] == {"bonafide": 24, "spoof": 48} and card.metrics["speakers"] == 24
    assert set(card.metrics["eer_of_unseen_system"]) == {"coarse", "fine"}
    assert card.metrics["c"] in (0.01, 0.1)
    assert card.files["onnx"]["sha256"] == sha256(tiny_home / "weights" / "tiny.onnx")
    assert card.recipe == "tiny.toml" and len(card.data_digest) == 64
    assert registry.open(tiny).calibration.cap == pytest.approx(np.log(24))


def test_an_altered_graph_is_refused(tiny_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("tiny.toml", "tiny.onnx"):
        (folder / name).write_bytes((tiny_home / "weights" / name).read_bytes())
    with open(folder / "tiny.onnx", "ab") as file:
        file.write(b"\0")
    monkeypatch.setenv("EARWITNESS_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="not the one"):
        registry.open("tiny")
    card = weights.card("tiny")
    assert card.folder == folder


def test_a_run_repeats_and_clips_kept_for_calibration_move_only_the_calibration(
    tiny_home: Path, tiny: str, tiny_manifest: Path, tmp_path: Path
) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    clips = manifest.read(tiny_manifest)
    manifest.write(tmp_path / "coarse.jsonl", [c for c in clips if c.system != "fine" and c.speaker > "s2"])
    other = train_baseline(tiny_manifest, tmp_path / "tiny.toml", tmp_path, calibration=[tmp_path / "coarse.jsonl"])
    first = load_file(tiny_home / "weights" / "tiny.safetensors")
    second = load_file(tmp_path / "tiny.safetensors")
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert other.calibration != registry.open(tiny).calibration


def test_rows_of_the_test_split_are_never_read(tiny_manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    rows = [line.replace('"split": "train"', '"split": "test"') for line in tiny_manifest.read_text().splitlines()]
    (tmp_path / "m.jsonl").write_text("\n".join(row.replace('"split": "dev"', '"split": "test"') for row in rows))
    with pytest.raises(DataError, match="enough speech"):
        train_baseline(tmp_path / "m.jsonl", tmp_path / "tiny.toml", tmp_path)


def test_the_shipped_recipe_fits(tmp_path: Path) -> None:
    from earwitness.core.recipe import find

    settings = load(find("baseline", RECIPES), BaselineRecipe)
    assert set(settings.families) <= set(FAMILIES) and settings.rules.least_speech == 1.0
    (tmp_path / "odd.toml").write_text(TINY + "familes = []\n")
    with pytest.raises(RecipeError, match="families"):
        load(tmp_path / "odd.toml", BaselineRecipe)
