"""Training the baseline: manifest -> statistics -> linear model -> calibration -> ONNX, safetensors and card."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field
from safetensors.torch import save_file

from ..core import metrics, recipe, weights
from ..core.files import replacing
from ..datasets.manifest import Clip
from . import calibrate
from .linear import Linear, OutOfFold, Table, choose_penalty, fit_linear, unseen_eer
from .model import LinearDetector, export_onnx
from .training_card import training_card
from .training_data import by_corpus, read_learnable, statistics_of

RECIPES = "earwitness.detect.recipes"


class CalibrationRecipe(recipe.Strict):
    """See `calibrate.fit`."""

    false_alarm: float = Field(default=0.05, gt=0, lt=1)
    miss: float = Field(default=0.05, gt=0, lt=1)
    shrink: float = Field(default=1.0, gt=0, le=1)


class RulesRecipe(recipe.Strict):
    """See `decide.Rules`."""

    prior: float = Field(default=0.5, gt=0, lt=1)
    least_speech: float = 1.0
    little_speech: float = 3.0
    least_bandwidth: float = 3000.0


class BaselineRecipe(recipe.Strict):
    """families: of `families.FAMILIES`. window: samples at 16 kHz. least_speech: net seconds that a training clip
    needs. penalties: values of C to choose from. folds: of speakers."""

    name: str
    version: str = "1"
    summary: str = ""
    seed: int = 0
    families: tuple[str, ...] = Field(min_length=1)
    window: int = Field(default=128000, ge=16000)
    least_speech: float = 0.7
    folds: int = Field(default=4, ge=2)
    penalties: tuple[float, ...] = Field(min_length=1)
    calibration: CalibrationRecipe = CalibrationRecipe()
    rules: RulesRecipe = RulesRecipe()


@dataclass(frozen=True, eq=False)
class Trained:
    """What training made: the card's path, and the numbers behind it."""

    card: Path
    fitted: Any
    calibration: calibrate.Calibration
    metrics: dict[str, Any]


def train_baseline(
    manifest: Path | str | Sequence[Path | str],
    recipe_name: Path | str = "baseline",
    out: Path | str = ".",
    *,
    calibration: Sequence[Path | str] = (),
    workers: int = 1,
    cache: Path | str | None = None,
) -> Trained:
    """Fit on the train and dev rows of one manifest or several; write graph, tensors and card into `out`.

    recipe_name: a TOML file or a shipped name. calibration: manifests of systems and recordings that are in no
    training manifest; scored by the final model, they join the out-of-fold scores that the calibration is fitted on.
    cache: a folder that keeps statistics for later trainings on the same clips.
    Raises DataError, RecipeError, AudioError; WeightsError when the graph differs from the model.
    """
    source = recipe.find(recipe_name, RECIPES)
    settings = recipe.load(source, BaselineRecipe)
    clips = read_learnable(manifest)
    model = LinearDetector(settings.families)
    table, kept = tabulate(clips, model, settings, workers, cache)
    c, curve, unseen = choose_penalty(table, settings.penalties, settings.folds, settings.seed)
    linear = fit_linear(table, c)
    others = read_learnable(calibration)
    apart = tabulate(others, model, settings, workers, cache)[0] if others else None
    fitted = _calibrated(table, unseen, linear, apart, settings)
    eers = unseen_eer(table, unseen)
    numbers = {
        "clips": dict(Counter(clip.label for clip in kept)),
        "systems": dict(Counter(clip.system for clip in kept if clip.system)),
        "speakers": len(set(table.cluster)),
        "c": c,
        "eer_by_c": {f"{value:g}": round(eer, 4) for value, eer in curve.items()},
        "eer_of_unseen_system": {name: round(value, 4) for name, value in eers.items()},
        "cllr_unseen": round(metrics.cllr(fitted.llr(unseen.score), table.synthetic[unseen.row]), 4),
    }
    model.set_weights(linear.centre, linear.scale, linear.direction, linear.offset)
    card = training_card(
        settings,
        source,
        clips,
        out,
        calibration=fitted,
        rules=settings.rules.model_dump(),
        metrics=numbers,
    )
    return Trained(write(model, card), linear, fitted, numbers)


def write(model: LinearDetector, card: weights.Card) -> Path:
    """Graph, tensors and card of a model in the card's folder; the card last."""
    graph, tensors = card.folder / f"{card.name}.onnx", card.folder / f"{card.name}.safetensors"
    export_onnx(model, graph)
    with replacing(tensors) as temporary:
        save_file(model.state_dict(), temporary)
    return weights.write_card(card, {"onnx": graph, "safetensors": tensors})


def tabulate(
    clips: Sequence[Clip],
    model: LinearDetector,
    settings: BaselineRecipe,
    workers: int = 1,
    cache: Path | str | None = None,
) -> tuple[Table, list[Clip]]:
    """Statistics of the clips that hold enough speech, and those clips."""
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "statistics.onnx"
        export_onnx(model, graph)
        kept, x = statistics_of(clips, graph, settings.window, settings.least_speech, workers, cache)
    return Table(
        x,
        np.array([clip.label == "spoof" for clip in kept]),
        [clip.system if clip.label == "spoof" else "" for clip in kept],
        [clip.cluster for clip in kept],
        by_corpus(kept),
    ), kept


def _calibrated(
    table: Table, unseen: OutOfFold, linear: Linear, others: Table | None, settings: BaselineRecipe
) -> calibrate.Calibration:
    score, synthetic, weight = unseen.score, table.synthetic[unseen.row], unseen.weight
    clusters = [table.cluster[int(i)] for i in unseen.row]
    if others is not None:  # both halves count the same
        weight = np.concatenate([weight / weight.sum(), others.weight / others.weight.sum()])
        score = np.concatenate([score, linear.score(others.x)])
        synthetic = np.concatenate([synthetic, others.synthetic])
        clusters += list(others.cluster)
    return calibrate.fit(score, synthetic, clusters, weight, **settings.calibration.model_dump())
