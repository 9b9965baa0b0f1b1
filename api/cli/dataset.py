"""earwitness dataset build | align | audit | engines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Debug, Home, Json, Out, Quiet, Recipe, Workers

if TYPE_CHECKING:
    from ..schemas import Leak

app = typer.Typer(
    help="Pair genuine speech with fakes of it, and check that nothing gives them away.", no_args_is_help=True
)


@app.command()
def build(
    recipe: Recipe,
    data: Annotated[list[Path], typer.Option("--data", metavar="DIR", help="Folder of recordings; may be repeated.")],
    out: Out,
    checkpoints: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the recipe's checkpoints lie (default: beside it).")
    ] = None,
    watermark_key: Annotated[
        Path | None,
        typer.Option(metavar="KEYFILE", help="Key for a recipe's [watermark] (default: one that is no secret)."),
    ] = None,
    workers: Workers = 1,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Build a dataset: fakes, augmentation, manifest and audit. Run again, it goes on where it stopped."""
    from .. import workshop
    from .progress import reporter

    with reporter(show=not quiet) as progress:
        made = workshop.build_dataset(
            recipe,
            data,
            out,
            checkpoints=checkpoints,
            key_file=watermark_key,
            workers=workers,
            progress=progress,
        )
    if quiet:
        return
    print(f"{made.clips} clips in {made.folder}")
    for why, number in made.left_out.items():
        print(f"Left out: {number} of the clips, {why}.")
    if made.leaks:
        _show(made.leaks)


@app.command()
def align(
    data: Annotated[list[Path], typer.Option("--data", metavar="DIR", help="Folder of recordings; may be repeated.")],
    out: Out,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find where each phone of transcribed English speech lies, for generators that speak a text.

    The folders need manifests with texts. Run again, it goes on where it stopped.
    """
    from .. import workshop
    from .progress import reporter

    with reporter(show=not quiet) as progress:
        made = workshop.align_dataset(data, out, progress)
    if quiet:
        return
    print(f"{made.clips} clips of {made.speakers} speakers in {out}, {made.hours:.2f} h.")
    for why, number in made.left_out.items():
        print(f"Left out: {number} with {why}.")


@app.command()
def audit(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="manifest.jsonl or manifest.parquet.")],
    json: Json = None,
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Measure whether duration, level, silence, bandwidth or DC tell fakes from genuine speech.

    Exits with 1 when one of them, or all together, do.
    """
    from .. import workshop
    from .output import lines

    leaks = workshop.audit_dataset(manifest)
    lines(json, leaks)
    if json != "-":
        _show(leaks)
    if any(leak.leaks for leak in leaks):
        raise typer.Exit(1)


@app.command()
def engines(json: Json = None, home: Home = None, debug: Debug = False) -> None:
    """List the synthesisers that can speak the texts of clips: voices, languages, licences, what to install."""
    from .. import table, workshop
    from .output import lines

    rows = workshop.engine_voices()
    lines(json, rows)
    if json != "-":
        header = ("engine", "voice", "language", "licence", "training", "state", "note")
        table.show(
            header,
            [
                (
                    row.engine,
                    row.voice,
                    row.language,
                    row.licence,
                    "held out" if row.held_out else "",
                    row.missing or "installed",
                    row.note,
                )
                for row in rows
            ],
        )


def _show(leaks: list[Leak]) -> None:
    from .. import table

    table.show(
        ("cue", "AUC", "limit", ""),
        [(leak.cue, f"{leak.auc:.2f}", f"{leak.limit:.2f}", "leaks" if leak.leaks else "") for leak in leaks],
    )
