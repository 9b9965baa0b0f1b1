"""What detectors learn from: which clips, their weight, and their statistics by a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.errors import DataError
from ..datasets import manifest as manifests
from ..datasets.manifest import Clip
from .linear import Floats
from .measure import measure_all


def read_learnable(manifest: Path | str | Sequence[Path | str]) -> list[Clip]:
    """`learnable` rows of one manifest or several."""
    paths = [manifest] if isinstance(manifest, (str, Path)) else manifest
    return learnable([clip for path in paths for clip in manifests.read(path)])


def learnable(clips: Sequence[Clip]) -> list[Clip]:
    """Rows to learn from, each sound once.

    Genuine speech that passed a neural codec is of neither class, nor is a clip of which only a part is synthetic:
    its statistics are mostly those of its twin.
    """
    rows = [
        clip
        for clip in clips
        if clip.kind == "speech"
        and clip.split != "test"
        and not clip.spans
        and not (clip.label == "bonafide" and clip.neural_codec)
    ]
    return list({clip.key: clip for clip in rows}.values())


def by_corpus(clips: Sequence[Clip]) -> Floats:
    """Weights under which a corpus counts by the square root of its size: no reader's habit becomes the rule."""
    count = Counter((clip.corpus, clip.label) for clip in clips)
    return np.array([count[clip.corpus, clip.label] ** -0.5 for clip in clips])


def statistics_of(
    clips: Sequence[Clip],
    graph: Path,
    window: int,
    least_speech: float,
    workers: int = 1,
    cache: Path | str | None = None,
) -> tuple[list[Clip], Floats]:
    """The clips that hold enough speech (net seconds), and their statistics (n, size); see `measure.measure_all`.

    Raises DataError when none does.
    """
    measured = measure_all(clips, graph, window, workers, None if cache is None else Path(cache))
    pairs = [(c, m) for c, m in zip(clips, measured, strict=True) if m.speech >= least_speech]
    if not pairs:
        raise DataError("No clip of the manifest holds enough speech to learn from.")
    return [clip for clip, _ in pairs], np.stack([m.statistics for _, m in pairs])
