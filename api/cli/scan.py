"""earwitness scan."""

from __future__ import annotations

import contextlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Csv, Debug, Home, Json, Quiet, Workers

if TYPE_CHECKING:
    from ...core.audio import Limits
    from ..writers import Record


class FailOn(StrEnum):
    """Conditions under which the exit code is 1."""

    SYNTHETIC = "synthetic"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


def scan(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, and folders with all below them.")],
    json: Json = None,
    csv: Csv = None,
    detector: Annotated[str | None, typer.Option(help="Name from 'earwitness detectors'.")] = None,
    workers: Workers = 1,
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(help="Exit with 1 when a file is this; may be repeated. Any one counts unread files too."),
    ] = None,
    prior: Annotated[
        float | None, typer.Option(help="Probability of synthetic before listening (default: the detector's).")
    ] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Refuse longer files.")] = None,
    max_bytes: Annotated[int | None, typer.Option(help="Refuse larger files.")] = None,
    max_channels: Annotated[int | None, typer.Option(help="Refuse files with more channels.")] = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Judge sound and video files: genuine, synthetic or inconclusive, with reasons.

    Prints a table, or JSON Lines with '--json -'. A file that cannot be read never stops the others.
    """
    from ...core.errors import UsageError
    from .. import service, table, writers
    from .progress import counted

    if json == "-" and csv == "-":
        raise UsageError("Only one of --json and --csv can go to standard output.")
    files = service.find(paths)
    answers = service.scan(
        files,
        detector=detector or service.DEFAULT_DETECTOR,
        workers=workers,
        prior=prior,
        limits=_limits(max_seconds, max_bytes, max_channels),
    )
    records: list[Record] = []
    with contextlib.ExitStack() as stack:
        sinks = []
        if json is not None:
            sinks.append(writers.json_writer(stack.enter_context(writers.opened(json))))
        if csv is not None:
            sinks.append(writers.csv_writer(stack.enter_context(writers.opened(csv))))
        for record in counted(answers, len(files), "Scanning", show=not quiet and json != "-" and csv != "-"):
            for write in sinks:
                write(record)
            records.append(record)
    if not quiet and json != "-" and csv != "-":
        table.show(table.SCAN_HEADER, map(table.scan_row, records))
        print(table.summary(records))
    if fail_on and _failed(records, {condition.value for condition in fail_on}):
        raise typer.Exit(1)


def _limits(seconds: float | None, size: int | None, channels: int | None) -> Limits:
    from ...core.audio import Limits

    usual = Limits()
    return Limits(
        max_seconds=usual.max_seconds if seconds is None else seconds,
        max_bytes=usual.max_bytes if size is None else size,
        max_channels=usual.max_channels if channels is None else channels,
    )


def _failed(records: list[Record], conditions: set[str]) -> bool:
    from ..schemas import Failed

    return any(isinstance(record, Failed) or record.decision in conditions for record in records)
