"""The card of a detector that was just trained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..core import weights
from ..datasets import manifest as manifests
from ..datasets.manifest import Clip
from .calibrate import Calibration
from .decide import Rules
from .registry import KIND


class Named(Protocol):
    """What the recipes of detectors have in common."""

    name: str
    version: str
    summary: str
    seed: int
    window: int


def training_card(
    recipe: Named,
    source: Path,
    clips: Sequence[Clip],
    out: Path | str,
    *,
    calibration: Calibration,
    rules: Mapping[str, float],
    metrics: Mapping[str, Any],
    further: Mapping[str, Any] | None = None,
) -> weights.Card:
    """Card without files. source: the recipe's file. clips: all that were learned from. further: more settings."""
    return weights.Card(
        name=recipe.name,
        kind=KIND,
        folder=Path(out),
        version=recipe.version,
        summary=recipe.summary,
        licence="Apache-2.0",
        recipe=source.name,
        recipe_digest=hashlib.sha256(source.read_bytes()).hexdigest(),
        data_digest=manifests.digest(clips),
        seed=recipe.seed,
        metrics=dict(metrics),
        settings={
            "window": recipe.window,
            **(further or {}),
            "calibration": calibration.table(),
            "rules": Rules(**rules).table(),
        },
    )
