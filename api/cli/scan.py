"""earwitness scan."""

from __future__ import annotations

import contextlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..choices import CodecIs
from .options import Csv, Debug, Home, Json, Provider, Quiet, Workers, server

if TYPE_CHECKING:
    from ...core.audio import Limits
    from ..writers import Record


class FailOn(StrEnum):
    """Conditions under which the exit code is 1."""

    SYNTHETIC = "synthetic"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


def scan(
    ctx: typer.Context,
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
    codec_is: Annotated[
        CodecIs,
        typer.Option(
            help="What speech is that only went through a neural codec or vocoder. With 'genuine' a file is called "
            "synthetic only where the speech itself sounds synthesised."
        ),
    ] = CodecIs.SYNTHETIC,
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough", help="Listen three times at shifted places, and ask a second expert; four times slower."
        ),
    ] = False,
    provider: Provider = "cpu",
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell which statistics carried each score; the file is decoded twice.")
    ] = False,
    watermark_key: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="KEYFILE", help="Look for marks of this key too; may be repeated. So are those of --home/keys."
        ),
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File whose first line opens encrypted key files.")
    ] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Refuse longer files.")] = None,
    max_bytes: Annotated[int | None, typer.Option(help="Refuse larger files.")] = None,
    max_channels: Annotated[int | None, typer.Option(help="Refuse files with more channels.")] = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Judge sound and video files: genuine, synthetic or inconclusive, with reasons.

    With watermark keys, the marks that are found stand beside the score and never change it. Prints a table, or
    JSON Lines with '--json -'. A file that cannot be read never stops the others.
    """
    from ...core.errors import UsageError
    from ...detect.options import Options
    from .. import service, table, writers
    from .progress import counted

    if json == "-" and csv == "-":
        raise UsageError("Only one of --json and --csv can go to standard output.")
    files = service.find(paths)
    client = server(ctx)
    if client is None:
        key_files = [*(watermark_key or ()), *service.configured_key_files()]
        options = Options(
            detector=detector or service.DEFAULT_DETECTOR,
            prior=prior,
            codec_is=codec_is.value,
            thorough=thorough,
            provider=provider,
            limits=_limits(max_seconds, max_bytes, max_channels),
        )
        answers = service.scan(
            files, options, workers=workers, key_files=key_files, passphrase_file=passphrase_file, explain=explain
        )
    else:
        from .. import remote

        own = (explain, watermark_key, provider != "cpu")
        if any(own) or any(limit is not None for limit in (max_seconds, max_bytes, max_channels)):
            raise UsageError(
                "With --server, keys of marks, limits and the provider are the server's own, and it does not explain."
            )
        key_files = []
        # The usual goes unsaid, so that a server that does not know the field takes it.
        codecs = None if codec_is is CodecIs.SYNTHETIC else codec_is.value
        answers = remote.scan(
            files, client, workers=workers, detector=detector, prior=prior, codec_is=codecs, thorough=thorough
        )
    records: list[Record] = []
    with contextlib.ExitStack() as stack:
        sinks = []
        if json is not None:
            sinks.append(writers.json_writer(stack.enter_context(writers.opened(json))))
        if csv is not None:
            sinks.append(writers.csv_writer(stack.enter_context(writers.opened(csv)), marks=bool(key_files)))
        for record in counted(answers, len(files), "Scanning", show=not quiet and json != "-" and csv != "-"):
            for write in sinks:
                write(record)
            records.append(record)
    if not quiet and json != "-" and csv != "-":
        _show(records, marks=bool(key_files))
        for line in table.explanations(records):
            print(line)
        print(table.summary(records))
    if fail_on and _failed(records, {condition.value for condition in fail_on}):
        raise typer.Exit(1)


def _show(records: list[Record], *, marks: bool) -> None:
    from .. import table

    header: tuple[str, ...] = table.SCAN_HEADER
    rows = [table.scan_row(record) for record in records]
    if marks:
        from ..mark_table import mark_cell

        header = (*header, "mark")
        rows = [(*row, mark_cell(getattr(record, "marks", None))) for row, record in zip(rows, records, strict=True)]
    table.show(header, rows)


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

    return any(isinstance(record, Failed) or record.result.decision in conditions for record in records)
