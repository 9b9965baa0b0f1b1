"""The statistics expert: the graph is the model, the model is what was fitted, and doubt is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from earwitness.core import metrics
from earwitness.core.errors import DataError, UsageError
from earwitness.core.onnx_session import open_session
from earwitness.core.recipe import find, load
from earwitness.core.settings import Schedule
from earwitness.datasets import manifest
from earwitness.detect import registry
from earwitness.detect.baseline import RECIPES
from earwitness.detect.explain import explain
from earwitness.detect.families import FAMILIES
from earwitness.detect.kernel import CLAMP, Examples, Fitted, Settings, fit
from earwitness.detect.kernel_model import OUTPUTS, KernelDetector, export_onnx
from earwitness.detect.perceptron import PerceptronRecipe
from earwitness.detect.scan import scan
from earwitness.detect.sorting import Sorter
from earwitness.detect.statistics_training import (
    StatisticsRecipe,
    hear,
    out_of_fold,
    train_statistics,
    write_graph,
)

from .conftest import Speech

FEW = """
name = "few"
families = ["cepstra", "flux"]
resolutions = [[256, 80], [1024, 160]]
window = 32000
folds = 4
[kernel]
axes = 20
[perceptron]
members = 2
hidden = 8
[perceptron.schedule]
steps = 60
ema = 0.9
[content]
synthesised = ["coarse"]
copies = ["fine"]
"""


@pytest.fixture(scope="module")
def home(tiny_manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("few")
    (folder / "few.toml").write_text(FEW)
    train_statistics(tiny_manifest, folder / "few.toml", folder / "weights", own=[tiny_manifest])
    return folder


def blobs(seed: int, size: int = 12) -> tuple[Examples, Examples]:
    """Two classes a little apart along axis 0, in recordings that differ much along axis 1; and own clips."""
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((300, size))
    y = np.arange(300) % 2 == 0
    x[:, 0] += y
    x[:, 1] *= 5.0
    apart = draw.standard_normal((200, size))
    apart[:, 1] *= 5.0
    own = Examples(apart, np.arange(200) % 4 == 0, np.ones(200), ["a"] * 100 + ["b"] * 100)
    return Examples(x, y, np.ones(300)), own


NET = PerceptronRecipe(members=2, hidden=16, schedule=Schedule(steps=150, ema=0.9))


def fitted_blobs() -> Fitted:
    return fit(*blobs(0), Settings(axes=8, perceptron=NET))


def test_all_views_tell_the_classes_and_lie_about_zero() -> None:
    model, (fresh, _) = fitted_blobs(), blobs(1)
    for view in model.views(fresh.x):
        assert metrics.eer(view, fresh.synthetic) < 0.4
        assert abs(float(np.mean(view))) < 0.5 * float(np.std(view)) and float(np.std(view)) > 0.5
    assert np.allclose(model.score(fresh.x), sum(model.views(fresh.x)))


def test_own_recordings_take_their_differences_out_of_the_discriminant() -> None:
    examples, own = blobs(0)
    own.x[:, 2] *= 20.0
    alone, with_them = (fit(examples, more, Settings()) for more in (None, own))
    assert abs(with_them.direction[2]) < 0.5 * abs(alone.direction[2])


def test_own_clips_count_in_the_kernel_machine() -> None:
    """What only own fakes show, along axis 3, is learned from them."""
    examples, own = blobs(0)
    own.x[:, 3] += 6.0 * own.synthetic
    shown, hidden = (np.eye(12)[3] * height for height in (6.0, 0.0))
    for more, least in ((own, 0.5), (None, -9.0)):
        kernel = fit(examples, more, Settings(own=0.4)).views(np.stack([shown, hidden]))[1]
        assert kernel[0] - kernel[1] > least
    assert kernel[0] - kernel[1] < 0.5


def test_clips_through_chains_reach_the_perceptrons_alone() -> None:
    """Their classes differ along axis 4, which clean clips know nothing of."""
    examples, own = blobs(0)
    clean = np.arange(300) < 200
    examples.x[~clean, 4] += 8.0 * examples.synthetic[~clean]
    told = Examples(examples.x, examples.synthetic, examples.weight, ["page"] * 300, clean)
    shown, hidden = (np.eye(12)[4] * height for height in (8.0, 0.0))
    apart = []
    for copies in (0.0, 3.0):
        net = NET.model_copy(update={"copies": copies})
        line, kernel, heard = fit(told, own, Settings(perceptron=net)).views(np.stack([shown, hidden]))
        assert abs(line[0] - line[1]) < 1.0 and abs(kernel[0] - kernel[1]) < 1.0
        apart.append(heard[0] - heard[1])
    assert apart[1] > apart[0] + 0.5


def test_perceptrons_are_the_same_for_the_same_seed() -> None:
    examples, own = blobs(0)
    first, again, other = (
        fit(examples, own, Settings(axes=8, perceptron=NET, seed=seed)).views(examples.x)[2] for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again) and not np.allclose(first, other)


def test_far_away_is_novel() -> None:
    model, (fresh, _) = fitted_blobs(), blobs(1)
    near = model.novelty(fresh.x)
    assert 0.7 < float(near.mean()) < 1.3
    assert float(model.novelty(fresh.x + 30.0).min()) > float(near.max())


def test_one_class_is_refused() -> None:
    examples, own = blobs(0)
    with pytest.raises(DataError, match="genuine and synthetic"):
        fit(Examples(examples.x, np.ones(300, dtype=bool), examples.weight), own, Settings())


@pytest.mark.parametrize("seconds", [0.25, 1.0, 3.0])
def test_graph_torch_and_numpy_agree(seconds: float, speech: Speech, tmp_path: Path) -> None:
    names, resolutions = ("cepstra", "flux"), ((256, 80), (1024, 160))
    empty = KernelDetector(names, resolutions, None)
    draw = np.random.default_rng(0)
    samples = np.stack([speech(seconds, seed=seed) for seed in (1, 2, 3)])
    with torch.no_grad():
        x = empty(torch.from_numpy(samples))[-1].numpy().astype(np.float64)
    rows = x[draw.integers(0, 3, 60)] + draw.standard_normal((60, x.shape[1])) * (1e-2 + np.abs(x[0]))
    examples = Examples(rows, np.arange(60) % 2 == 0, np.ones(60))
    fitted = fit(examples, None, Settings(axes=10, perceptron=NET), [size for _, size in empty.statistics.groups])
    sorters = {
        name: Sorter(draw.standard_normal(x.shape[1]), offset, x[0])
        for name, offset in (("content", 0.5), ("coded", -2.0))
    }
    model = KernelDetector(names, resolutions, fitted, sorters).eval()
    export_onnx(model, tmp_path / "graph.onnx")
    with torch.no_grad():
        mine = dict(zip(OUTPUTS, model(torch.from_numpy(samples)), strict=True))
    theirs = open_session(tmp_path / "graph.onnx").run(list(OUTPUTS), {"samples": samples})
    for name, other in zip(OUTPUTS, theirs, strict=True):
        assert np.allclose(mine[name].numpy(), other, atol=2e-3, rtol=1e-3), name
    assert np.allclose(mine["score"].numpy(), fitted.score(x), atol=5e-3)
    assert np.allclose(mine["novelty"].numpy(), fitted.novelty(x), rtol=1e-2)
    for name, sorter in sorters.items():
        nats = np.clip((x - fitted.centre) / fitted.scale, -CLAMP, CLAMP) @ sorter.direction + sorter.offset
        assert np.allclose(mine[name].numpy(), nats, atol=1e-2)
    line, kernel, net = fitted.views(x)
    assert float(np.abs(net).max()) > 0.1
    assert np.allclose(mine["gap"].numpy(), np.sign(line * kernel) * np.abs(line - kernel), atol=1e-2)


def test_parts_are_what_the_score_loses_without_a_group(speech: Speech) -> None:
    examples = np.random.default_rng(0)
    model = KernelDetector(("cepstra", "flux"), ((256, 80),), None).eval()
    samples = torch.from_numpy(speech(2.0, seed=1)[None])
    x = model(samples)[-1].detach().numpy().astype(np.float64)
    rows = x + examples.standard_normal((40, x.shape[1])) * np.abs(x)
    fitted = fit(Examples(rows, np.arange(40) % 2 == 0, np.ones(40)), None, Settings(axes=10, perceptron=NET))
    assert np.abs(fitted.net.outward).max() > 0
    model = KernelDetector(("cepstra", "flux"), ((256, 80),), fitted).eval()
    with torch.no_grad():
        parts = model(samples)[OUTPUTS.index("parts")][0].numpy()
    first = dict(model.statistics.groups)["cepstra 16 ms"]
    without = x.copy()
    without[:, :first] = fitted.centre[:first]
    assert parts[0] == pytest.approx(float(fitted.score(x)[0] - fitted.score(without)[0]), abs=5e-3)


def test_a_scan_by_it_tells_fakes_and_its_card_tells_how(
    home: Path, tiny_manifest: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARWITNESS_HOME", str(home))
    card = registry.card("few")
    assert card.metrics["clusters"] == 24 and card.metrics["eer_unseen"] < 0.3
    assert card.settings["parts"] == ["cepstra 16 ms", "flux 16 ms", "cepstra 64 ms", "flux 64 ms"]
    assert 0.5 < card.settings["rules"]["most_novelty"] < 10 and card.settings["rules"]["most_gap"] >= 0
    assert card.metrics["content_auc"] > 0.6 and np.isfinite(card.settings["rules"]["least_content"])
    clips = manifest.read(tiny_manifest)
    scores = [scan(clip.path, detector="few").score for clip in clips]
    assert metrics.eer(np.array(scores, dtype=float), np.array([clip.label == "spoof" for clip in clips])) < 0.1


def test_nobody_is_scored_by_a_model_that_heard_him(home: Path, tiny_manifest: Path, tmp_path: Path) -> None:
    settings = load(home / "few.toml", StatisticsRecipe)
    heard = hear(manifest.read(tiny_manifest), write_graph(settings, tmp_path), settings)
    unseen, _ = out_of_fold(heard, None, settings)
    assert np.isfinite(unseen.score).all()
    # Turning one speaker's labels round must not change that speaker's own scores.
    turned = np.array(heard.synthetic)
    own = np.array([name == "s3" for name in heard.cluster])
    turned[own] = ~turned[own]
    other, _ = out_of_fold(type(heard)(**{**vars(heard), "synthetic": turned}), None, settings)
    assert np.allclose(other.score[own], unseen.score[own]) and not np.allclose(other.score, unseen.score)


def test_the_shipped_recipe_fits() -> None:
    settings = load(find("statistics", RECIPES), StatisticsRecipe)
    assert set(settings.families) <= set(FAMILIES) and len(settings.resolutions) == 3


def test_what_carried_a_score_is_told_strongest_first(
    home: Path, tiny_manifest: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARWITNESS_HOME", str(home))
    fake = next(clip.path for clip in manifest.read(tiny_manifest) if clip.system == "coarse")
    parts = explain(fake, 0, 0, detector="few")
    assert {part.name for part in parts} == set(registry.card("few").settings["parts"])
    assert [abs(part.nats) for part in parts] == sorted((abs(part.nats) for part in parts), reverse=True)
    assert sum(part.nats for part in parts) > 0.5
    assert explain(fake, 0, 0, detector="few", scored=False) == ()
    with pytest.raises(UsageError, match="cannot explain"):
        explain(fake, 0, 0, detector="baseline")
