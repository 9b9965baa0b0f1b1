"""earwitness calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Debug, Home, Json, Quiet, Workers

if TYPE_CHECKING:
    from ..schemas import Calibrated


def calibrate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of recordings that you know to be genuine.")],
    name: Annotated[str | None, typer.Option(help="Name for 'scan --detector' (default: detector-folder).")] = None,
    detector: Annotated[str | None, typer.Option(help="Detector to adapt, from 'earwitness detectors'.")] = None,
    false_alarm: Annotated[
        float, typer.Option("--false-alarms", help="Share of recordings like these that may be called synthetic.")
    ] = 0.01,
    confidence: Annotated[float, typer.Option(help="With which that share shall hold.")] = 0.95,
    eager: Annotated[
        bool, typer.Option("--eager", help="Also let the threshold fall where the recordings allow it.")
    ] = False,
    workers: Workers = 1,
    json: Json = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Adapt a detector to your own genuine recordings, so that few of them are called synthetic.

    At least 20 that can be scored, better hundreds, of many speakers and occasions, as they will be scanned. All
    scores move down until the wanted share holds, as far as that many recordings can show it; fakes from the same
    source are then missed more often. Without --eager the detector never becomes quicker to say synthetic.
    """
    from .. import adaptation, service
    from .output import lines
    from .progress import reporter

    with reporter(show=not quiet and json != "-") as progress:
        made = adaptation.calibrate(
            folder,
            name=name,
            detector=detector or service.DEFAULT_DETECTOR,
            false_alarm=false_alarm,
            confidence=confidence,
            eager=eager,
            workers=workers,
            progress=progress,
        )
    lines(json, [made])
    if json != "-" and not quiet:
        for sentence in _told(made):
            print(sentence)


def _told(made: Calibrated) -> list[str]:
    from ...core.text import printable

    told = [f"Adapted {made.base} to {made.clips} genuine recordings."]
    if made.repeated:
        told.append(f"{made.repeated} files repeat another one and were not counted.")
    if made.unscored:
        told.append(f"{made.unscored} could not be scored: {printable('; '.join(made.reasons))}.")
    told.append(
        f"Called synthetic: {made.false_alarms_before} of them before, {made.false_alarms} now; of recordings like "
        f"these at most {made.bound:.1%}, with {made.confidence:.0%} confidence."
    )
    if 2 * made.false_alarms_before > made.clips:
        told.append(f"{made.base} takes most of your recordings for synthetic: it does not suit them.")
    if not made.held:
        told.append(
            f"That is above the {made.wanted:.2%} you asked for: {made.needed} recordings or more are needed to show "
            "it."
        )
    if made.shift == 0.0:
        told.append("The thresholds stay as they were.")
    elif made.shift < 0.0:
        told.append(f"All scores move by {made.shift:+.2f} nats: fakes from there will be missed more often.")
    else:
        told.append(f"All scores move by {made.shift:+.2f} nats: the detector is now MORE eager than {made.base}.")
    told.append(f"Synthetic from {made.high:+.2f} nats, genuine up to {made.low:+.2f} nats.")
    told.append(f"Use it with: earwitness scan PATH --detector {made.name}")
    return told
