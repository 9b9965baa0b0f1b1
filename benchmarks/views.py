"""What each view of the statistics expert brings on pages that it did not hear, alone and together, by several seeds.

    python benchmarks/views.py --pages WORK/pages.jsonl --own BUILT/manifest.jsonl ... --cache DIR [--seeds 0 1 2]

WORK is what `statistics_expert.py` leaves (`tune` pages and copies of them), its own.jsonl among the datasets. The
seed divides pages and speakers into folds, and starts the perceptrons. EER over all clean clips, the mean over pages,
AUC; and of the score the EER of the zoo's fakes by speakers that it did not hear, and C_llr after calibration, bits.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from earwitness.core import metrics, recipe
from earwitness.detect import calibrate
from earwitness.detect.baseline import RECIPES
from earwitness.detect.statistics_training import Heard, StatisticsRecipe, hear, out_of_fold, write_graph
from earwitness.detect.training_data import read_learnable
from numpy.typing import NDArray


def row(title: str, score: NDArray[np.float64], heard: Heard) -> str:
    """EER, mean over pages, AUC of clean clips, as a line of the table."""
    clean = heard.clean
    pages = np.asarray(heard.cluster)[clean]
    value, synthetic = score[clean], heard.synthetic[clean]
    macro = np.mean(list(metrics.by_group(metrics.eer, list(pages), value, synthetic).values()))
    auc = metrics.auc(value, synthetic)
    return f"| {title} | {100 * metrics.eer(value, synthetic):.1f} | {100 * macro:.1f} | {auc:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="The views of the statistics expert, in cross-validation.")
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--own", type=Path, nargs="+", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args()
    settings = recipe.load(recipe.find("statistics", RECIPES), StatisticsRecipe)
    with tempfile.TemporaryDirectory() as folder:
        graph = write_graph(settings, folder)
        heard = hear(read_learnable(chosen.pages), graph, settings, cache=chosen.cache)
        own = hear(read_learnable(chosen.own), graph, settings, cache=chosen.cache)
    for seed in chosen.seeds:
        unseen, unseen_own = out_of_fold(heard, own, settings.model_copy(update={"seed": seed}))
        assert unseen_own is not None
        print(f"| seed {seed} | pooled % | macro % | AUC |\n| --- | --- | --- | --- |")
        print(row("discriminant", unseen.line, heard))
        print(row("support vectors", unseen.kernel, heard))
        print(row("perceptrons", unseen.net, heard))
        print(row("discriminant and support vectors", unseen.line + unseen.kernel, heard))
        print(row("all", unseen.score, heard), "\n")
        clean, synthetic = heard.clean, heard.synthetic
        pages = [page for page, kept in zip(heard.cluster, clean, strict=True) if kept]
        how = calibrate.fit(unseen.score[clean], synthetic[clean], pages)
        cllr = metrics.cllr(how.llr(unseen.score[clean]), synthetic[clean])
        print(
            f"the zoo's fakes {100 * metrics.eer(unseen_own.score, own.synthetic):.1f} %, C_llr {cllr:.3f}\n",
            flush=True,
        )


if __name__ == "__main__":
    main()
