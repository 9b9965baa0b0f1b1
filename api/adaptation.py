"""Adapting a detector to a folder of genuine recordings, as a use case. Nothing here prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ..core.errors import DataError
from ..detect import own, registry
from ..detect.adapt import LEAST, adapt, needed
from ..detect.own import Own
from ..detect.registry import Settings
from .schemas import Calibrated, valid
from .service import find

Progress = Callable[[str, int, int], None]


def calibrate(
    folder: Path,
    *,
    name: str | None = None,
    detector: str = registry.DEFAULT,
    false_alarm: float = 0.01,
    confidence: float = 0.95,
    eager: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> Calibrated:
    """Make the detector `name` (default: detector-folder) from `detector` and recordings known to be genuine.

    Recordings of the same bytes count once. Raises UsageError for a name that is taken, DataError when fewer than 20
    recordings can be scored, WeightsError for an unknown detector.
    """
    base = own.base_of(detector)
    name = name or re.sub(r"[^A-Za-z0-9._-]+", "-", f"{detector}-{folder.resolve().name}")
    own.check_target(name)
    files = find([folder])
    heard: list[Own] = []
    for number, clip in enumerate(own.hear(files, detector=detector, workers=workers), 1):
        heard.append(clip)
        if progress is not None:
            progress("listening", number, len(files))
    scored = list({clip.sha256: clip for clip in heard if clip.score is not None}.values())
    silent = [clip for clip in heard if clip.score is None]
    if len(scored) < LEAST:
        why = Counter(clip.reason for clip in silent).most_common(1)
        more = (
            f" Of {len(heard)} files {len(silent)} could not be scored, mostly because: {why[0][0]}." if why else ""
        )
        raise DataError(
            f"{len(scored)} different genuine recordings that can be scored are too few to calibrate on; at least "
            f"{LEAST} are needed, and {needed(false_alarm, confidence)} to hold {false_alarm:.2%}.{more}"
        )
    settings = Settings.of(dict(base.settings), base.name)
    found = adapt(
        settings.calibration,
        [clip.score for clip in scored if clip.score is not None],
        false_alarm=false_alarm,
        confidence=confidence,
        eager=eager,
    )
    own.publish(base, found, scored, name)
    return Calibrated(
        name=name,
        base=base.name,
        clips=found.clips,
        unscored=len(silent),
        repeated=len(heard) - len(silent) - len(scored),
        false_alarms_before=found.before,
        false_alarms=found.after,
        wanted=false_alarm,
        bound=found.bound,
        confidence=confidence,
        held=found.held,
        needed=found.needed,
        shift=found.shift,
        low=found.calibration.low,
        high=found.calibration.high,
        reasons=tuple(f"{count} x {valid(why)}" for why, count in Counter(c.reason for c in silent).most_common(5)),
    )
