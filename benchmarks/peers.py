"""Published detectors, and a trivial model that hears no speech, on the same clips as ours.

    python benchmarks/peers.py --demos DEMOS --weights PEERS --cache FOLDER [--limit N] [--workers 2]

prints EER and AUC of each on the `tune` clips of the demo pages; `benchmarks/scan.py` uses the functions. DEMOS holds
folders with a manifest.csv, PEERS the published files. Scores and imported weights are kept under FOLDER. Each peer
hears what its authors gave it: mono at 16 kHz, the first 64,600 samples, shorter clips repeated. Scores are higher
for synthetic; those of the peers are uncalibrated, so compare ranks (EER, AUC, pairs) and no threshold.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from clips import demo_clips
from earwitness.core import audio, metrics, run, weights
from earwitness.core.files import replacing, sha256
from earwitness.core.home import set_home
from earwitness.datasets.audit import CUES, measure
from earwitness.detect import registry
from numpy.typing import NDArray

PEERS = {
    "aasist": "aasist/AASIST.pth",
    "aasist-l": "aasist/AASIST-L.pth",
    "aasist-asvspoof5": "asvspoof5-aasist/best.pth",
}
TRIVIAL = ("duration", "level", "bandwidth", "DC offset")
_SAVE_EVERY = 50
_FOLDS = 10

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def prepare(published: Path) -> None:
    """Import those peers that EARWITNESS_HOME does not have yet."""
    known = weights.cards("detector")
    for name, file in PEERS.items():
        if name not in known:
            from earwitness.detect.aasist_import import import_aasist

            import_aasist(published / file, name)


def peer_scores(peer: str, paths: Sequence[Path], cache: Path, *, workers: int = 1) -> Floats:
    """Raw scores (clips,) of one peer, higher = synthetic; kept in `cache` by clip and weights."""
    table = cache / f"{peer}-{registry.card(peer).files['onnx']['sha256'][:12]}.csv"
    known = _read(table)
    digests = [sha256(path) for path in paths]
    todo = {digest: path for digest, path in zip(digests, paths, strict=True) if digest not in known}
    engine: run.Engine = "local" if workers == 1 else "pool"
    found = run.map(partial(_score, peer), todo.values(), engine=engine, workers=workers)
    for done, (digest, score) in enumerate(zip(todo, found, strict=True), 1):
        known[digest] = score
        if done % _SAVE_EVERY == 0 or done == len(todo):
            _write(table, known)
    return np.array([known[digest] for digest in digests])


def _score(peer: str, path: Path) -> float:
    detector = registry.open(peer)
    samples = audio.load(path, rate=detector.rate).mono().samples[0]
    return detector.measure(samples[: detector.window])[0]


def trivial_features(path: Path) -> Floats:
    """Duration, level, bandwidth and DC offset of the stored file, (4,)."""
    values = measure(audio.load(path))
    return values[[CUES.index(cue) for cue in TRIVIAL]]


def trivial_scores(train: Floats, synthetic: Flags, test: Floats) -> Floats:
    """LLR-like scores (m,) of features (m, 4) by a logistic model fitted on `train` (n, 4), classes weighted alike.

    Squares are features as well, so that an odd value is seen on either side.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    centre, spread = train.mean(axis=0), train.std(axis=0) + 1e-9
    both = [np.hstack([scaled, scaled**2]) for scaled in ((train - centre) / spread, (test - centre) / spread)]
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    model.fit(both[0], synthetic)
    scores: Floats = model.decision_function(both[1])
    return scores


def trivial_cross_validated(features: Floats, synthetic: Flags, pages: Sequence[str], seed: int = 0) -> Floats:
    """Scores (n,) of each clip by a model that saw no clip of its page."""
    names = np.unique(np.asarray(pages))
    fold_of = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % _FOLDS, strict=True))
    folds = np.array([fold_of[page] for page in pages])
    scores = np.zeros(len(features))
    for fold in np.unique(folds):
        test = folds == fold
        scores[test] = trivial_scores(features[~test], synthetic[~test], features[test])
    return scores


def _read(table: Path) -> dict[str, float]:
    if not table.is_file():
        return {}
    with table.open(encoding="ascii", newline="") as file:
        return {row["sha256"]: float(row["score"]) for row in csv.DictReader(file)}


def _write(table: Path, scores: dict[str, float]) -> None:
    with replacing(table) as temporary, temporary.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sha256", "score"])
        writer.writerows([digest, repr(score)] for digest, score in sorted(scores.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description="Published detectors on demo clips.")
    parser.add_argument("--demos", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="folder with the published files")
    parser.add_argument("--cache", type=Path, required=True, help="scores and imported weights are kept here")
    parser.add_argument("--limit", type=int, default=0, help="only so many clips, spread over the pages")
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    set_home(chosen.cache)
    prepare(chosen.weights)
    rows = demo_clips(chosen.demos, "tune")
    synthetic = np.array([row.synthetic for row in rows])
    features = np.stack([trivial_features(row.path) for row in rows])
    _line("trivial", trivial_cross_validated(features, synthetic, [row.page for row in rows]), synthetic)
    some = slice(None, None, max(1, len(rows) // chosen.limit) if chosen.limit else 1)
    for peer in PEERS:
        start = time.perf_counter()
        scores = peer_scores(peer, [row.path for row in rows[some]], chosen.cache, workers=chosen.workers)
        _line(peer, scores, synthetic[some], time.perf_counter() - start)


def _line(name: str, scores: Floats, synthetic: Flags, seconds: float | None = None) -> None:
    took = "" if seconds is None else f"  {seconds / len(scores):.2f} s a clip"
    print(
        f"{name:18}{len(scores):5} clips  EER {100 * metrics.eer(scores, synthetic):5.1f} %"
        f"  AUC {metrics.auc(scores, synthetic):.3f}{took}"
    )


if __name__ == "__main__":
    main()
