"""Training the statistics expert: manifests -> statistics -> three views -> calibration -> ONNX and card."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..core import metrics, recipe, weights
from ..core.errors import DataError
from ..datasets.manifest import Clip
from . import calibrate
from .baseline import RECIPES, CalibrationRecipe, RulesRecipe, Trained
from .coded import Coded, border, fit_coded, is_coded
from .content import Content, fit_content
from .kernel import Examples, Fitted, Settings, fit
from .kernel_model import KernelDetector, export_onnx
from .linear import Floats
from .perceptron import PerceptronRecipe
from .sorting import Sorted, Sorter
from .statistics import Statistics
from .training_card import training_card
from .training_data import by_corpus, read_learnable, statistics_of


class KernelRecipe(recipe.Strict):
    """See `kernel.Settings`."""

    ridge: float = Field(default=1.0, gt=0)
    apart: float = Field(default=0.7, ge=0, lt=1)
    own: float = Field(default=0.1, ge=0, lt=1)
    axes: int = Field(default=200, ge=1)
    reach: float = Field(default=0.35, gt=0)
    penalty: float = Field(default=2.0, gt=0)


class DoubtRecipe(recipe.Strict):
    """Shares of the clips that the calibration hears above which nothing is decided: too novel, too much apart."""

    novel: float = Field(default=0.01, ge=0, lt=1)
    apart: float = Field(default=0.05, ge=0, lt=1)


class ContentRecipe(recipe.Strict):
    """Systems of the manifest that synthesise speech, and those that copy real speech; see `content.fit_content`."""

    synthesised: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    penalty: float = Field(default=0.01, gt=0)
    share: float = Field(default=0.05, gt=0, lt=1)


class CodedRecipe(recipe.Strict):
    """coders: speech coders of which the score knows, with their least and highest kbit/s; see `coded.fit_coded`.
    false_alarm: of the border behind them."""

    coders: dict[str, tuple[float, float]] = Field(default_factory=dict)
    penalty: float = Field(default=0.01, gt=0)
    false_alarm: float = Field(default=0.01, gt=0, lt=1)


class StatisticsRecipe(recipe.Strict):
    """families: of `families.FAMILIES`, each at all `resolutions` (window and hop in samples at 16 kHz). window: of
    the scan. copies: what a clip that went through a chain counts beside a clean one; discriminant and kernel machine
    take no such clips but own ones. folds: of speakers, pages.
    localiser: the span expert that listens beside it, "" for none."""

    name: str
    version: str = "1"
    summary: str = ""
    seed: int = 0
    localiser: str = ""
    families: tuple[str, ...] = Field(min_length=1)
    resolutions: tuple[tuple[int, int], ...] = Field(min_length=1)
    window: int = Field(default=128000, ge=16000)
    least_speech: float = 0.7
    copies: float = Field(default=0.3, ge=0, le=1)
    folds: int = Field(default=8, ge=2)
    kernel: KernelRecipe = KernelRecipe()
    perceptron: PerceptronRecipe | None = None
    calibration: CalibrationRecipe = CalibrationRecipe()
    doubt: DoubtRecipe = DoubtRecipe()
    content: ContentRecipe = ContentRecipe()
    coded: CodedRecipe = CodedRecipe()
    rules: RulesRecipe = RulesRecipe()


@dataclass(frozen=True, eq=False)
class Heard:
    """Statistics (n, size) of clips; cluster: the page or speaker of each; clean: no chain; system: "" if genuine;
    chain: what each went through."""

    x: Floats
    synthetic: NDArray[np.bool_]
    cluster: Sequence[str]
    corpus: Sequence[str]
    clean: NDArray[np.bool_]
    weight: Floats
    system: Sequence[str] = ()
    chain: Sequence[str] = ()

    def examples(self, rows: NDArray[np.bool_], copies: float) -> Examples:
        """The rows to fit on: both classes count the same, clips through a chain by `copies`."""
        weight = self.weight[rows] * np.where(self.clean[rows], 1.0, copies)
        synthetic = self.synthetic[rows]
        for own in (synthetic, ~synthetic):
            if own.any():
                weight[own] /= weight[own].sum()
        corpus = [self.corpus[int(i)] for i in np.flatnonzero(rows)]
        return Examples(self.x[rows], synthetic, weight, corpus, self.clean[rows])


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Each clip by a model that saw nothing of its cluster, (n,) each."""

    line: Floats
    kernel: Floats
    net: Floats
    novelty: Floats

    @property
    def score(self) -> Floats:
        """Of all views together."""
        return self.line + self.kernel + self.net

    @property
    def gap(self) -> Floats:
        """As `KernelDetector` gives it."""
        gap: Floats = np.sign(self.line * self.kernel) * np.abs(self.line - self.kernel)
        return gap


def train_statistics(
    manifest: Path | str | Sequence[Path | str],
    recipe_name: Path | str = "statistics",
    out: Path | str = ".",
    *,
    own: Sequence[Path | str] = (),
    workers: int = 1,
    cache: Path | str | None = None,
) -> Trained:
    """Fit on the train and dev rows of one manifest or several; write graph and card into `out`.

    own: manifests of datasets with fakes by the zoo beside their sources, for what `kernel.fit` makes of them, and
    their genuine rows for the calibration.
    Raises DataError, RecipeError, AudioError; WeightsError when the graph differs from the model.
    """
    source = recipe.find(recipe_name, RECIPES)
    settings = recipe.load(source, StatisticsRecipe)
    clips, others = read_learnable(manifest), read_learnable(own)
    with tempfile.TemporaryDirectory() as folder:
        graph = write_graph(settings, folder)
        heard = hear(clips, graph, settings, workers, cache)
        beside = hear(others, graph, settings, workers, cache) if others else None
    unseen, unseen_own = out_of_fold(heard, beside, settings)
    fitted = fit_all(heard, beside, settings)
    calibration = _calibrated(heard, unseen, beside, unseen_own, settings)
    clean = heard.clean
    novelty = unseen.novelty[clean]
    if unseen_own is not None and beside is not None:
        novelty = np.concatenate([novelty, unseen_own.novelty[beside.clean]])
    novel = float(np.quantile(novelty, 1.0 - settings.doubt.novel))
    apart_by = float(-np.quantile(unseen.gap[clean], settings.doubt.apart))
    content, content_numbers = content_of(heard, fitted, settings)
    coded, coded_numbers = coded_of(heard, unseen, beside, unseen_own, fitted, calibration, settings)
    rules = {
        **settings.rules.model_dump(),
        "most_novelty": novel,
        "most_gap": max(0.0, apart_by),
        "least_content": content.least,
        "coded_high": coded.high,
    }
    numbers: dict[str, Any] = {
        "clips": dict(Counter(clip.label for clip in clips)),
        "clusters": len(set(heard.cluster)),
        "own_clips": 0 if beside is None else len(beside.x),
        "support": len(fitted.weight),
        "eer_unseen": round(metrics.eer(unseen.score[clean], heard.synthetic[clean]), 4),
        "eer_unseen_copies": (
            round(metrics.eer(unseen.score[~clean], heard.synthetic[~clean]), 4) if (~clean).any() else "none"
        ),
        "cllr_unseen": round(metrics.cllr(calibration.llr(unseen.score[clean]), heard.synthetic[clean]), 4),
    }
    if unseen_own is not None and beside is not None:
        numbers["eer_unseen_own"] = round(metrics.eer(unseen_own.score, beside.synthetic), 4)
    numbers |= content_numbers | coded_numbers
    sorters = {"content": content.sorter, "coded": coded.sorter}
    model = KernelDetector(settings.families, settings.resolutions, fitted, sorters)
    card = training_card(
        settings,
        source,
        [*clips, *others],
        out,
        calibration=calibration,
        rules=rules,
        metrics=numbers,
        further={"parts": list(model.names), **({"localiser": settings.localiser} if settings.localiser else {})},
    )
    target = card.folder / f"{card.name}.onnx"
    export_onnx(model, target)
    return Trained(weights.write_card(card, {"onnx": target}), fitted, calibration, numbers)


def write_graph(settings: StatisticsRecipe, folder: Path | str) -> Path:
    """The graph that `hear` measures with, in `folder`."""
    graph = Path(folder) / "statistics.onnx"
    export_onnx(KernelDetector(settings.families, settings.resolutions, None), graph)
    return graph


def hear(
    clips: Sequence[Clip],
    graph: Path,
    settings: StatisticsRecipe,
    workers: int = 1,
    cache: Path | str | None = None,
) -> Heard:
    """The clips that hold enough speech, by the graph of `write_graph`. Raises DataError when none does."""
    kept, x = statistics_of(clips, graph, settings.window, settings.least_speech, workers, cache)
    return Heard(
        x,
        np.array([clip.label == "spoof" for clip in kept]),
        [clip.cluster for clip in kept],
        [clip.corpus for clip in kept],
        np.array([not clip.chain or clip.chain == "traditional" for clip in kept]),
        by_corpus(kept),
        [clip.system for clip in kept],
        [clip.chain for clip in kept],
    )


def content_of(heard: Heard, fitted: Fitted, settings: StatisticsRecipe) -> tuple[Content, dict[str, float]]:
    """What tells synthesised speech from copies among the clips, and its numbers on clips of other clusters."""
    system, chosen = np.asarray(heard.system), settings.content
    synthesised = np.isin(system, chosen.synthesised)
    rows = synthesised | np.isin(system, chosen.copies)
    if not rows.any():
        return Content(Sorter.none(heard.x.shape[1])), {}
    clips = Sorted(
        heard.x[rows],
        synthesised[rows],
        [heard.cluster[int(i)] for i in np.flatnonzero(rows)],
        heard.weight[rows] * np.where(heard.clean[rows], 1.0, settings.copies),
    )
    fold = folds(heard, settings)[rows]
    return fit_content(clips, fold, fitted.centre, fitted.scale, chosen.penalty, chosen.share)


def coded_of(
    heard: Heard,
    unseen: OutOfFold,
    own: Heard | None,
    unseen_own: OutOfFold | None,
    fitted: Fitted,
    calibration: calibrate.Calibration,
    settings: StatisticsRecipe,
) -> tuple[Coded, dict[str, float]]:
    """What tells clips behind the recipe's speech coders, and the border of genuine ones among them."""
    sorts = [(heard, unseen)] if own is None or unseen_own is None else [(heard, unseen), (own, unseen_own)]
    positive = np.array([is_coded(chain, settings.coded.coders) for rows, _ in sorts for chain in rows.chain])
    synthetic = np.concatenate([rows.synthetic for rows, _ in sorts])
    cluster = [name for rows, _ in sorts for name in rows.cluster]
    clips = Sorted(np.concatenate([rows.x for rows, _ in sorts]), positive, cluster, np.ones(len(positive)))
    fold = np.concatenate([folds(rows, settings) for rows, _ in sorts])
    sorter, numbers = fit_coded(clips, fold, fitted.centre, fitted.scale, settings.coded.penalty)
    if not numbers:
        return Coded(sorter), {}
    llr = calibration.llr(np.concatenate([scores.score for _, scores in sorts]))
    high = border(llr, positive & ~synthetic, cluster, settings.coded.false_alarm)
    return Coded(sorter, high), numbers


def fit_all(
    heard: Heard,
    own: Heard | None,
    settings: StatisticsRecipe,
    rows: NDArray[np.bool_] | None = None,
    own_rows: NDArray[np.bool_] | None = None,
) -> Fitted:
    """All views on the rows of both sorts of clips (all by default)."""
    rows = np.ones(len(heard.x), dtype=bool) if rows is None else rows
    more = None
    if own is not None:
        more = own.examples(np.ones(len(own.x), dtype=bool) if own_rows is None else own_rows, settings.copies)
        more = replace(more, clean=None)
    how = Settings(**settings.kernel.model_dump(), perceptron=settings.perceptron, seed=settings.seed)
    return fit(heard.examples(rows, settings.copies), more, how, group_sizes(settings.families, settings.resolutions))


@lru_cache(maxsize=4)
def group_sizes(families: tuple[str, ...], resolutions: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """How many statistics each family has at each resolution."""
    return tuple(size for _, size in Statistics(families, resolutions).groups)


def out_of_fold(heard: Heard, own: Heard | None, settings: StatisticsRecipe) -> tuple[OutOfFold, OutOfFold | None]:
    """Scores by folds of whole clusters. Raises DataError for fewer than two clusters."""
    fold = folds(heard, settings)
    own_fold = None if own is None else folds(own, settings)
    sorts = [(heard, fold)] if own is None or own_fold is None else [(heard, fold), (own, own_fold)]
    found = [OutOfFold(*(np.full(len(rows.x), np.nan) for _ in range(4))) for rows, _ in sorts]
    for k in range(int(fold.max()) + 1):
        fitted = fit_all(heard, own, settings, fold != k, None if own_fold is None else own_fold != k)
        for (rows, places), into in zip(sorts, found, strict=True):
            held = places == k
            if held.any():
                into.line[held], into.kernel[held], into.net[held] = fitted.views(rows.x[held])
                into.novelty[held] = fitted.novelty(rows.x[held])
    return found[0], found[1] if len(found) > 1 else None


def folds(heard: Heard, settings: StatisticsRecipe) -> NDArray[np.intp]:
    """The fold of each clip, (n,); clips of a cluster share theirs. Raises DataError for fewer than two clusters."""
    names = sorted(set(heard.cluster))
    if len(names) < 2:
        raise DataError("Calibration leaves speakers or pages out, so it needs two of them at least.")
    order = np.random.default_rng(settings.seed).permutation(len(names))
    fold_of = {names[i]: position % min(settings.folds, len(names)) for position, i in enumerate(order)}
    return np.array([fold_of[name] for name in heard.cluster])


def _calibrated(
    heard: Heard, unseen: OutOfFold, own: Heard | None, unseen_own: OutOfFold | None, settings: StatisticsRecipe
) -> calibrate.Calibration:
    weight = heard.weight * np.where(heard.clean, 1.0, settings.copies)
    score, synthetic, clusters = unseen.score, heard.synthetic, list(heard.cluster)
    if own is not None and unseen_own is not None:  # genuine speech of own datasets as much as all other
        genuine = ~own.synthetic
        score = np.concatenate([score, unseen_own.score[genuine]])
        further = own.weight[genuine] * (weight[~synthetic].sum() / own.weight[genuine].sum())
        weight = np.concatenate([weight, further])
        synthetic = np.concatenate([synthetic, own.synthetic[genuine]])
        clusters += [own.cluster[int(i)] for i in np.flatnonzero(genuine)]
    return calibrate.fit(score, synthetic, clusters, weight, **settings.calibration.model_dump())
