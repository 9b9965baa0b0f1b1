"""All commands under one roof. Nothing but typer is imported here, so that `--help` answers at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ... import __version__
from . import calibrate, codec, dataset, demo, evaluate, keys, listen, scan, serve, speak, train, watermark, weights
from .options import Server
from .root import Root, tolerate_any_text

app = typer.Typer(
    cls=Root,
    name="earwitness",
    help="Scan recordings for synthetic speech, and make the fakes to learn from.",
    epilog="Exit code 0: done; 1: a --fail-on condition is met; 2: wrong usage or input.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        print(f"earwitness {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    server: Server = "",
) -> None:
    """Scan recordings for synthetic speech, and make the fakes to learn from."""


app.command("scan")(scan.scan)
app.command("listen")(listen.listen)
app.command("evaluate")(evaluate.evaluate)
app.command("calibrate")(calibrate.calibrate)
app.command("train")(train.train)
app.command("speak")(speak.speak)
app.command("infill")(speak.infill)
app.command("continue")(speak.go_on)
app.command("detectors")(weights.detectors)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("worker")(serve.worker)
app.add_typer(keys.app, name="api-key")
app.add_typer(codec.app, name="codec")
app.add_typer(dataset.app, name="dataset")
app.add_typer(watermark.app, name="watermark")
app.add_typer(weights.app, name="weights")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, by default with the arguments of this process, and exit."""
    tolerate_any_text()
    app(args=None if arguments is None else list(arguments))
