"""Somebody's own genuine recordings as raw scores, and the detector that was adapted to them as a card."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..core import weights
from ..core.audio import Limits
from ..core.errors import InputError, UsageError
from ..core.files import replacing, sha256
from ..core.home import home
from ..core.run import map as run_map
from . import registry
from .adapt import Adapted
from .decide import unanswerable
from .hearing import channel_scores
from .source import of_file


@dataclass(frozen=True)
class Own:
    """One recording: its highest raw score over channels and tracks, or the reason for none. sha256: "" without
    access to it."""

    path: str
    sha256: str = ""
    score: float | None = None
    reason: str = ""


def hear(
    files: Sequence[Path], *, detector: str = registry.DEFAULT, workers: int = 1, limits: Limits | None = None
) -> Iterator[Own]:
    """Raw scores of recordings, in order. Raises WeightsError before the first one."""
    registry.open(detector)
    one = partial(_hear, detector=detector, limits=limits)
    return run_map(one, files, engine="pool" if workers > 1 else "local", workers=workers)


def _hear(path: Path, detector: str, limits: Limits | None) -> Own:
    model = registry.open(detector)
    found: list[float] = []
    reason = "it holds no sound"
    try:
        for track in of_file(path, limits):
            for score in channel_scores(track, model):
                why = unanswerable(score, model.rules)
                if why is None:
                    found.append(score.llr)
                else:
                    reason = why
        digest = sha256(path)
    except InputError as error:
        return Own(str(path), reason=str(error))
    if not found:
        return Own(str(path), digest, reason=reason)
    return Own(str(path), digest, max(found))


def base_of(detector: str) -> weights.Card:
    """The card to adapt. Raises UsageError for a detector that is an adaptation itself."""
    card = registry.card(detector)
    if "base" in card.metrics:
        raise UsageError(f"{detector!r} is an adaptation of {card.metrics['base']!r} itself; calibrate that one.")
    return card


def check_target(name: str) -> None:
    """Whether an adaptation may be called so. Raises WeightsError and UsageError."""
    weights.check_name(name)
    known = weights.cards().get(name)
    if known is not None and "base" not in known.metrics:
        raise UsageError(f"{name!r} is the name of other weights; choose another with --name.")


def publish(base: weights.Card, adapted: Adapted, clips: Sequence[Own], name: str) -> Path:
    """Write the adapted detector into EARWITNESS_HOME, with copies of the graphs of `base`; answers its card's path.

    The card names the base with its digest, a digest over the clips, and what `adapt` found. Raises as check_target.
    """
    check_target(name)
    folder = home() / "weights"
    parts = {}
    for part, entry in base.files.items():
        if Path(entry["file"]).suffix == ".safetensors":  # for training only
            continue
        source = weights.path(base, part)
        parts[part] = folder / f"{name}{source.name.removeprefix(base.name)}"
        with replacing(parts[part]) as temporary:
            shutil.copyfile(source, temporary)
    metrics: dict[str, Any] = {
        "base": base.name,
        "base_version": base.version,
        "base_sha256": base.files["onnx"]["sha256"],
        "base_calibration": dict(base.settings.get("calibration", {})),
        "clips": adapted.clips,
        "false_alarms_before": adapted.before,
        "false_alarms": adapted.after,
        "false_alarm_bound": adapted.bound,
        "confidence": adapted.confidence,
        "shift": adapted.shift,
    }
    card = replace(
        base,
        name=name,
        folder=folder,
        summary=f"{base.name}, adapted to {adapted.clips} genuine recordings",
        data_digest=digest(clips),
        metrics=metrics,
        settings={**base.settings, "calibration": adapted.calibration.table()},
        # Of this adaptation, not of its base.
        created="",
        machine="",
        earwitness="",
    )
    return weights.write_card(card, parts)


def digest(clips: Sequence[Own]) -> str:
    """Hex SHA-256 over the digests of the clips, whatever their order and names."""
    return hashlib.sha256("".join(sorted(clip.sha256 for clip in clips)).encode()).hexdigest()
