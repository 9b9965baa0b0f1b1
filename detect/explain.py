"""What carried a score: by how much it falls without each family of statistics, over the windows that counted."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..core.audio import Limits
from ..core.errors import UsageError
from . import registry
from .source import of_file
from .windows import COLUMNS, cut, importance


class Part(NamedTuple):
    """A family of statistics at one resolution, and the nats that the score loses without it: above 0 it spoke for
    synthetic. Families overlap, so that parts need not add up to the score."""

    name: str
    nats: float


def explain(
    path: Path | str,
    track: int,
    channel: int,
    *,
    detector: str = registry.DEFAULT,
    limits: Limits | None = None,
    scored: bool = True,
) -> tuple[Part, ...]:
    """The parts of the score of one channel of a file, the strongest first; none where nothing was `scored`.

    Decodes the file once more. Raises AudioError, and UsageError for a detector that cannot tell its parts.
    """
    model = registry.open(detector)
    if not model.settings.parts:
        raise UsageError(f"The detector {detector!r} cannot explain itself; 'statistics' can.")
    if not scored:
        return ()
    heard = list(of_file(Path(path), limits))[track]
    parts, rows = [], []
    for start, window in cut(heard.at_rate(model.rate), model.window):
        samples = window[channel]
        end = start + samples.shape[0]
        measured, told = model.explain(samples)
        rows.append((start / model.rate, end / model.rate, *measured))
        parts.append(told)
    weight = importance(np.asarray(rows, dtype=np.float64).reshape(-1, COLUMNS))
    nats = model.calibration.scale * (weight @ np.stack(parts)) / weight.sum()
    named = [Part(name, float(value)) for name, value in zip(model.settings.parts, nats, strict=True)]
    return tuple(sorted(named, key=lambda part: -abs(part.nats)))
