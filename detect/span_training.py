"""Training the span expert: splices -> network -> frame calibration and the chain -> ONNX and card. Torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ..core import metrics, recipe, weights
from ..core.errors import DataError
from ..core.settings import Optimiser, Schedule
from ..core.train import OneNetwork, fit, identity
from ..datasets.splices import RATE, SpliceTable
from .baseline import RECIPES
from .calibrate import fit_affine
from .span_model import FRAME, SpanModel, export_onnx
from .spans import KIND, Chain, Frames, Localiser, spans_of


class NetworkRecipe(recipe.Strict):
    """See `span_model.SpanModel`."""

    channels: int = Field(default=96, ge=8)
    blocks: int = Field(default=3, ge=1)
    kernel: int = Field(default=9, ge=3)
    widen: int = Field(default=2, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)


class SpansRecipe(recipe.Strict):
    """joint: weight of the joints' loss. false_spans: each hour of genuine speech, at most. weights, changes: values
    of `spans.Chain` to choose from on the splices that the network did not hear."""

    name: str
    version: str = "1"
    summary: str = ""
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    batch: int = Field(default=16, ge=1)
    joint: float = Field(default=0.3, ge=0)
    false_spans: float = Field(default=1.0, gt=0)
    weights: tuple[float, ...] = Field(min_length=1)
    changes: tuple[float, ...] = Field(min_length=1)
    network: NetworkRecipe = NetworkRecipe()
    optimiser: Optimiser
    schedule: Schedule


class SpanTask(OneNetwork):
    """Implements core.train.Task: each frame's log-odds of being synthetic, of holding a joint, and of speech."""

    def __init__(self, model: SpanModel, joint: float) -> None:
        super().__init__(model)
        self.model, self.joint = model, joint

    def loss(self, turn: str, batch: Mapping[str, Tensor], step: int) -> tuple[Tensor, dict[str, float]]:
        """Cross entropies, the first two over the frames with speech; both classes of frames count the same."""
        heard, there = batch["heard"], batch["known"]
        synthetic, joint, voice = self.model.judge(batch["statistics"], heard)
        spoken = heard * there * batch["speech"]
        heads = (
            ("synthetic", synthetic, 1.0, spoken),
            ("joint", joint, self.joint, spoken),
            ("speech", voice, 1.0, there),
        )
        numbers = {}
        total = synthetic.new_zeros(())
        for name, logits, weight, known in heads:
            label = batch[name]
            loss = F.binary_cross_entropy_with_logits(logits, label, reduction="none")
            sides = [known * label, known * (1 - label)]
            means = [(loss * side).sum() / side.sum().clamp_min(1.0) for side in sides]
            total = total + weight * torch.stack(means).mean()
            numbers[name] = float(torch.stack(means).mean().detach())
        return total, numbers


@dataclass(frozen=True, eq=False)
class StatisticsTable:
    """Implements core.train.TableSource: a `SpliceTable` as the fixed part of the network hears it.

    statistics: float16 (n, size, frames). heard: (n, frames).
    """

    table: SpliceTable
    statistics: NDArray[np.float16]
    heard: NDArray[np.float32]
    size: int
    seed: int

    @property
    def digest(self) -> str:
        """Of the splices."""
        return self.table.digest

    @property
    def hours(self) -> float:
        """Of speech."""
        return self.table.hours

    def batch(self, step: int) -> Mapping[str, NDArray[Any]]:
        """statistics (batch, size, frames); heard, synthetic, joint, speech, known (batch, frames)."""
        rows = self.table.rows(step, self.size, self.seed)
        frames = self.heard.shape[1]
        labels = {name: value[:, :frames] for name, value in self.table.labels(rows).items()}
        return {"statistics": self.statistics[rows].astype(np.float32), "heard": self.heard[rows], **labels}


def hear(table: SpliceTable, model: SpanModel, size: int, seed: int) -> StatisticsTable:
    """The statistics of all splices, a few at a time; sets the units of `model` by them."""
    parts, heard = [], []
    with torch.no_grad():
        for first in range(0, len(table.samples), size):
            samples = torch.from_numpy(table.samples[first : first + size].astype(np.float32) / 32768)
            statistics, loud = model.statistics(samples)
            parts.append(statistics.numpy().astype(np.float16))
            heard.append(loud.numpy())
    statistics, loud = np.concatenate(parts), np.concatenate(heard)
    drawn = np.random.default_rng(seed).permutation(len(statistics))[:500]
    rows = statistics[drawn].astype(np.float32).transpose(0, 2, 1)[loud[drawn] > 0.5]
    model.set_units(torch.from_numpy(rows))
    return StatisticsTable(table, statistics, loud, size, seed)


@dataclass(frozen=True, eq=False)
class Heard:
    """What the expert heard in recordings, and what is true of them. seconds: their lengths."""

    frames: Sequence[Frames]
    synthetic: Sequence[Sequence[tuple[float, float]]]
    seconds: Sequence[float]


def train_spans(
    table: SpliceTable,
    recipe_name: Path | str,
    out: Path,
    choose: Callable[[Localiser], tuple[Heard, Heard]],
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> Path:
    """Train on splices, then choose the chain; writes graph and card into `out` and returns the card.

    choose: gives for the expert without a chain what it hears in splices of other speakers and systems, and in
    genuine recordings that no training has heard. Raises RecipeError, DataError, WeightsError.
    """
    source = recipe.find(recipe_name, RECIPES)
    settings = recipe.load(source, SpansRecipe)
    torch.manual_seed(settings.seed)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    network = SpanModel(**settings.network.model_dump())
    heard = hear(table, network, settings.batch, settings.seed)
    trained = fit(
        SpanTask(network, settings.joint),
        heard,
        optimiser=settings.optimiser,
        schedule=settings.schedule,
        seed=settings.seed,
        out=out / "training",
        identity=identity(settings.name, digest, settings.seed, heard),
        device=settings.device,
        progress=progress,
    )
    model = trained.generator.cpu()
    assert isinstance(model, SpanModel)
    graph = out / f"{settings.name}.onnx"
    export_onnx(model, graph)
    card = weights.Card(
        name=settings.name,
        kind=KIND,
        folder=out,
        version=settings.version,
        summary=settings.summary,
        licence="Apache-2.0",
        recipe=source.name,
        recipe_digest=digest,
        data_digest=table.digest,
        seed=settings.seed,
        metrics={"hours": round(table.hours, 2), "steps": trained.steps},
        settings={"rate": RATE, "hop": FRAME, **Chain().table()},
    )
    bare = weights.read_card(weights.write_card(card, {"onnx": graph}))
    splices, genuine = choose(Localiser(bare))
    chain, numbers = chosen_chain(splices, genuine, settings)
    done = replace(
        bare,
        metrics={**bare.metrics, **numbers},
        settings={"rate": RATE, "hop": FRAME, **chain.table()},
    )
    return weights.write_card(done, {"onnx": graph})


def chosen_chain(splices: Heard, genuine: Heard, settings: SpansRecipe) -> tuple[Chain, dict[str, float]]:
    """The chain with the best F1 of 20 ms segments on `splices` among those with at most `false_spans` an hour in
    `genuine`, and its numbers. Raises DataError when no evidence keeps them so few."""
    labels = [
        metrics.overlap(spans, length, FRAME)[: len(one.logits)] >= FRAME / 2 - 1e-9
        for spans, length, one in zip(splices.synthetic, splices.seconds, splices.frames, strict=True)
    ]
    speech = np.concatenate([one.spoken > 0.5 for one in splices.frames])
    logits = np.concatenate([one.logits for one in splices.frames])
    scale, offset = fit_affine(logits[speech], np.concatenate(labels)[speech])
    hours = sum(genuine.seconds) / 3600
    best: tuple[float, Chain, dict[str, float]] | None = None
    for weight, change in product(settings.weights, settings.changes):
        chain = Chain(scale=scale, offset=offset, weight=weight, change=change, evidence=0.0)
        quiet = sorted((span.score for spans in _spans(genuine, chain) for span in spans), reverse=True)
        allowed = int(settings.false_spans * hours)
        evidence = quiet[allowed] + 1e-3 if len(quiet) > allowed else 0.0
        found = [[span for span in spans if span.score >= evidence] for spans in _spans(splices, chain)]
        pairs = [[(span.start, span.end) for span in spans] for spans in found]
        scores = metrics.segment_scores(pairs, splices.synthetic, splices.seconds, FRAME)
        numbers = {
            "f1_20ms": round(scores.f1, 4),
            "recall_20ms": round(scores.recall, 4),
            "precision_20ms": round(scores.precision, 4),
            "genuine_hours": round(hours, 3),
            "false_spans_per_hour": round(min(len(quiet), allowed) / hours, 3),
        }
        if np.isfinite(scores.f1) and (best is None or scores.f1 > best[0]):
            best = scores.f1, replace(chain, evidence=round(evidence, 4)), numbers
    if best is None:
        raise DataError("No span is found with so few false ones; train longer or allow more of them.")
    return best[1], best[2]


def _spans(of: Heard, chain: Chain) -> list[tuple[Any, ...]]:
    return [spans_of(chain.llr(one.logits, one.spoken), FRAME, chain) for one in of.frames]
