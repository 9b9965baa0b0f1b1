"""earwitness codec list | encode | decode | resynth | train | bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...core.text import printable
from .options import Data, Debug, Device, Home, Json, Quiet, Recipe, Resume, Steps, Workers

if TYPE_CHECKING:
    from ..schemas import System

app = typer.Typer(help="Turn speech into codes and back, and train the codecs that do.", no_args_is_help=True)

Source = Annotated[Path, typer.Argument(metavar="IN")]
Target = Annotated[Path, typer.Argument(metavar="OUT")]


@app.command("list")
def list_(
    grid: Annotated[
        bool, typer.Option("--grid", help="The cells of CodecFake+'s taxonomy, empty ones too, instead.")
    ] = False,
    json: Json = None,
    home: Home = None,
    debug: Debug = False,
) -> None:
    """List codecs, vocoders and other resynthesisers, and the recipes that still lack weights."""
    from .. import table, workshop
    from .output import lines

    rows = workshop.systems()
    lines(json, rows)
    if json == "-":
        return
    if grid:
        header = ("quantiser", "auxiliary", "time (T)", "frequency (F)")
        table.show(header, _grid_rows(workshop.grid()))
        return
    table.show(LIST_HEADER, [_list_row(row) for row in rows])


LIST_HEADER = (
    "name",
    "kind",
    "Hz",
    "kbit/s",
    "parameters",
    "causal",
    "taxonomy",
    "trained",
    "measured",
    "paper",
    "summary",
)
MEASURED = (("stoi", "STOI"), ("pesq", "PESQ"))


def _list_row(row: System) -> tuple[str, ...]:
    trained = f"{row.hours:.1f} h" if row.hours else "yes" if row.trained else "untrained"
    return (
        row.name,
        row.kind,
        str(row.rate or ("any" if row.trained else "")),
        " ".join(f"{rate:g}" for rate in row.kbps),
        f"{row.parameters:,}" if row.parameters else "",
        "" if row.causal is None else "yes" if row.causal else "no",
        "/".join(filter(None, (row.quantiser, row.auxiliary, row.decoder))),
        trained if row.paper else "",
        row.tried or _measured(row),
        f"{row.paper} ({row.published})" if row.published else row.paper,
        row.summary,
    )


def _measured(row: System) -> str:
    """Quality on test speakers as the card has it, at the highest bitrate."""
    at = f"_{max(row.kbps):g}kbps" if row.kbps else ""
    return ", ".join(f"{label} {row.metrics[key + at]:.2f}" for key, label in MEASURED if key + at in row.metrics)


def _grid_rows(cells: Mapping[tuple[str, str, str], Sequence[str]]) -> list[tuple[str, ...]]:
    pairs = list(dict.fromkeys((quantiser, auxiliary) for quantiser, auxiliary, _ in cells))
    return [(*pair, *(" ".join(cells[(*pair, decoder)]) or "-" for decoder in ("T", "F"))) for pair in pairs]


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


@app.command()
def bench(
    data: Data,
    codecs: Annotated[
        list[str] | None, typer.Argument(metavar="[CODEC...]", help="NAME or NAME@KBPS (default: all that learnt).")
    ] = None,
    json: Json = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Page with plots, spectrograms and players.")
    ] = None,
    words: Annotated[
        bool, typer.Option("--words", help="Word error rates too (English; slower than real time).")
    ] = False,
    seconds: Annotated[float, typer.Option(min=1.0, help="How much of each file.")] = 10.0,
    workers: Workers = 1,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare codecs on your own recordings: quality, CPU time, and bytes saved against Opus at equal PESQ."""
    from ...core.files import replacing
    from .. import bench as use
    from .. import bench_page, table
    from .output import lines
    from .progress import reporter

    with reporter(show=not quiet) as progress:
        done = use.bench(codecs or [], data, words=words, seconds=seconds, workers=workers, progress=progress)
    lines(json, [*done.points, *done.clips, *done.failures])
    if html is not None:
        with replacing(html) as temporary:
            temporary.write_text(bench_page.page(done), encoding="utf-8")
    if json != "-":
        table.show(bench_page.HEADER, [bench_page.cells(point) for point in done.points])
    for failed in done.failures:
        typer.echo(f"Not read: {printable(failed.path)}: {printable(failed.error)}", err=True)
