"""earwitness codec list | encode | decode | resynth | train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Data, Debug, Device, Home, Json, Quiet, Recipe, Resume, Steps

app = typer.Typer(help="Turn speech into codes and back, and train the codecs that do.", no_args_is_help=True)

Source = Annotated[Path, typer.Argument(metavar="IN")]
Target = Annotated[Path, typer.Argument(metavar="OUT")]


@app.command("list")
def list_(json: Json = None, home: Home = None, debug: Debug = False) -> None:
    """List codecs and vocoders, neural and classical."""
    from .. import table, workshop
    from .output import lines

    rows = workshop.systems()
    lines(json, rows)
    if json == "-":
        return
    table.show(
        ("name", "kind", "Hz", "kbit/s", "parameters", "summary"),
        [
            (
                row.name,
                row.kind,
                str(row.rate or "any"),
                " ".join(f"{rate:g}" for rate in row.kbps),
                f"{row.parameters:,}" if row.parameters else "",
                row.summary,
            )
            for row in rows
        ],
    )


@app.command()
def encode(
    source: Source,
    target: Target,
    codec: Annotated[str, typer.Option("--codec", metavar="NAME", help="Name from 'earwitness codec list'.")],
    levels: Annotated[int | None, typer.Option(help="Quantiser stages to keep (default: all).")] = None,
    kbps: Annotated[float | None, typer.Option(help="Bitrate; the nearest one offered is taken.")] = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the speech in IN as a token file OUT."""
    from .. import workshop

    rate = workshop.encode(codec, source, target, levels=levels, kbps=kbps)
    if not quiet:
        print(f"{rate:.2f} kbit/s of codes.")


@app.command()
def decode(source: Source, target: Target, home: Home = None, quiet: Quiet = False, debug: Debug = False) -> None:
    """Write the speech of a token file IN as a sound file OUT."""
    from .. import workshop

    seconds = workshop.decode(source, target)
    if not quiet:
        print(f"{seconds:.1f} s of speech.")


@app.command()
def resynth(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name from 'earwitness codec list'.")],
    source: Source,
    target: Target,
    kbps: Annotated[float | None, typer.Option(help="Bitrate (default: the highest).")] = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write what a codec or vocoder makes of IN, at the same rate and length, to OUT."""
    from .. import workshop

    seconds = workshop.resynth(name, source, target, kbps=kbps)
    if not quiet:
        print(f"{seconds:.1f} s through {name}.")


@app.command()
def train(
    recipe: Recipe,
    data: Data,
    name: Annotated[str | None, typer.Option(help="Name of the new codec (default: recipe and folder).")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for checkpoints (default: under EARWITNESS_HOME).")
    ] = None,
    device: Device = None,
    steps: Steps = None,
    resume: Resume = False,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a codec on a folder of audio and add it to 'codec list' (needs the extra 'train')."""
    from .. import training
    from .progress import reporter

    options = training.TrainingOptions(device and device.value, steps, resume)
    with reporter(show=not quiet) as progress:
        made, card = training.train_codec(recipe, data, name=name, out=out, options=options, progress=progress)
    if not quiet:
        print(f"Trained; its card is {card}. Try: earwitness codec resynth {made} IN OUT")
