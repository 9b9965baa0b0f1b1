"""Utterance statistics of many clips, by the very graph that a scan runs: what a linear model is fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..core.audio import blocks
from ..core.files import replacing, sha256
from ..core.onnx_session import open_session
from ..core.run import map as run_map
from ..datasets.manifest import Clip
from .frontend import RATE
from .windows import LEAST, at_least, cut, importance

_OUTPUTS = ("statistics", "score", "speech", "level", "bandwidth")


@dataclass(frozen=True, eq=False)
class Measured:
    """Statistics (size,) averaged over the windows by their speech; net speech (s); bandwidth (Hz)."""

    statistics: NDArray[np.float64]
    speech: float
    bandwidth: float


def measure_all(
    clips: Sequence[Clip], graph: Path, window: int, workers: int = 1, cache: Path | None = None
) -> list[Measured]:
    """First channel of each clip, in order. graph: exported by `model.export_onnx`. Raises AudioError.

    cache: a folder in which what was measured is kept, by the digests of graph and clip, for the next training.
    """
    kept = None if cache is None else cache / f"{sha256(graph)[:16]}-{window}"
    one = partial(_measure_or_recall, graph=str(graph), window=window, kept=kept)
    return list(run_map(one, clips, engine="pool" if workers > 1 else "local", workers=workers))


def _measure_or_recall(clip: Clip, graph: str, window: int, kept: Path | None) -> Measured:
    if kept is None or not clip.sha256:
        return measure(clip.path, graph, window)
    file = kept / clip.sha256[:2] / f"{clip.sha256}.npy"
    if file.is_file():
        row = np.load(file)
        return Measured(row[2:], float(row[0]), float(row[1]))
    measured = measure(clip.path, graph, window)
    with replacing(file) as temporary:
        np.save(temporary, np.concatenate([[measured.speech, measured.bandwidth], measured.statistics]))
    return measured


def measure(path: str, graph: str, window: int) -> Measured:
    """The statistics of one file."""
    session = _session(graph)
    vectors: list[NDArray[np.float64]] = []
    rows: list[list[float]] = []
    for start, samples in cut(blocks(path, rate=RATE), window):
        statistics, *values = session.run(list(_OUTPUTS), {"samples": at_least(samples[:1], LEAST)})
        vectors.append(statistics[0].astype(np.float64))
        rows.append([start / RATE, (start + samples.shape[1]) / RATE, *(float(value[0]) for value in values)])
    if not rows:
        return Measured(np.zeros(session.get_outputs()[-1].shape[1]), 0.0, 0.0)
    weight = importance(np.asarray(rows))
    total = float(weight.sum())
    share = weight / total if total else np.full(len(rows), 1.0 / len(rows))
    return Measured(share @ np.stack(vectors), total, float(share @ np.asarray(rows)[:, -1]))


@lru_cache(maxsize=2)
def _session(graph: str) -> onnxruntime.InferenceSession:
    return open_session(Path(graph))
