"""Which systems of the zoo help the statistics expert on other people's systems, one at a time.

    python benchmarks/families.py --pages WORK/pages.jsonl --own BUILT/manifest.jsonl ... --cache DIR [--folds 4]
    python benchmarks/families.py ... --leave-out

WORK is what `statistics_expert.py` leaves (`tune` pages and copies of them); the datasets hold the same genuine clips
with fakes by every system. For no own clips, each system alone and all of them: EER of clips of pages that the model
did not hear (clean ones, and by kind of system), and of the zoo's own fakes by speakers that it did not hear.

With --leave-out instead: how well fakes of one system, by speakers that the model did not hear, are told from genuine
clips by a model that heard all systems, all but this one, and none of them.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from earwitness.core import metrics, recipe
from earwitness.datasets.manifest import Clip
from earwitness.detect.baseline import RECIPES
from earwitness.detect.statistics_training import (
    Heard,
    StatisticsRecipe,
    fit_all,
    folds,
    hear,
    out_of_fold,
    write_graph,
)
from earwitness.detect.training_data import read_learnable
from numpy.typing import NDArray


def rows_of(heard: Heard, rows: NDArray[np.bool_]) -> Heard:
    """Some rows of what was heard."""
    index = [int(i) for i in np.flatnonzero(rows)]
    return replace(
        heard,
        x=heard.x[index],
        synthetic=heard.synthetic[index],
        cluster=[heard.cluster[i] for i in index],
        corpus=[heard.corpus[i] for i in index],
        clean=heard.clean[index],
        weight=heard.weight[index],
    )


def measured(clips: list[Clip], graph: Path, settings: StatisticsRecipe, cache: Path) -> tuple[Heard, list[str]]:
    """Statistics, and the system of each clip that holds enough speech ("" for genuine)."""
    found, systems = [], []
    for system in sorted({clip.system for clip in clips}):
        own = [clip for clip in clips if clip.system == system]
        heard = hear(own, graph, settings, cache=cache)
        found.append(heard)
        systems += [system] * len(heard.x)
    whole = Heard(
        np.concatenate([one.x for one in found]),
        np.concatenate([one.synthetic for one in found]),
        [name for one in found for name in one.cluster],
        [name for one in found for name in one.corpus],
        np.concatenate([one.clean for one in found]),
        np.concatenate([one.weight for one in found]),
    )
    return whole, systems


def leave_out(heard: Heard, own: Heard, system: NDArray[np.str_], settings: StatisticsRecipe) -> None:
    """Print the EER of each system's fakes by models that heard all, all others, or none of the own fakes."""
    print("| fakes by | clips | all heard % | all but this % | none heard % |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    # A speaker's clips lie in one fold, whatever is left out.
    _, with_all = out_of_fold(heard, own, settings)
    none = fit_all(heard, None, settings).score(own.x)
    assert with_all is not None
    for name in sorted(set(system) - {""}):
        shown = (system == name) | ~own.synthetic
        fold = folds(own, settings)
        score = np.full(len(system), np.nan)
        for k in range(int(fold.max()) + 1):
            kept = (fold != k) & (system != name)
            held = shown & (fold == k)
            if held.any():
                score[held] = fit_all(heard, own, settings, None, kept).score(own.x[held])
        values = (with_all.score[shown], score[shown], none[shown])
        cells = " | ".join(f"{100 * metrics.eer(value, own.synthetic[shown]):.1f}" for value in values)
        print(f"| {name} | {np.count_nonzero(system == name)} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Which systems of the zoo help on other people's.")
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--own", type=Path, nargs="+", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--leave-out", action="store_true")
    chosen = parser.parse_args()
    settings = recipe.load(recipe.find("statistics", RECIPES), StatisticsRecipe, folds=chosen.folds)
    # Copies through chains would double the time and change no order.
    pages = [clip for clip in read_learnable(chosen.pages) if clip.chain in ("", "traditional")]
    with tempfile.TemporaryDirectory() as folder:
        graph = write_graph(settings, folder)
        heard, kinds = measured(pages, graph, settings, chosen.cache)
        own, systems = measured(read_learnable(chosen.own), graph, settings, chosen.cache)
    kind, system = np.asarray(kinds), np.asarray(systems)
    names = sorted(set(systems) - {""})
    if chosen.leave_out:
        leave_out(heard, own, system, settings)
        return
    shown = [name for name in sorted(set(kinds) - {""}) if np.count_nonzero(kind == name) >= 20]
    print("| own fakes | pages % | " + " | ".join(f"{name} %" for name in shown) + " | the zoo's % |")
    print("| --- |" + " --- |" * (len(shown) + 2), flush=True)
    cases: list[tuple[str, NDArray[np.bool_] | None]] = [("none", None)]
    cases += [(name, (system == name) | ~own.synthetic) for name in names]
    cases.append(("all", np.ones(len(system), dtype=bool)))
    for name, rows in cases:
        unseen, of_own = out_of_fold(heard, None if rows is None else rows_of(own, rows), settings)
        values = [metrics.eer(unseen.score, heard.synthetic)]
        for one in shown:
            some = (kind == one) | ~heard.synthetic
            values.append(metrics.eer(unseen.score[some], heard.synthetic[some]))
        cells = [f"{100 * value:.1f}" for value in values]
        cells.append(
            "-" if of_own is None or rows is None else f"{100 * metrics.eer(of_own.score, own.synthetic[rows]):.1f}"
        )
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
