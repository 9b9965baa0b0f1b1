"""earwitness weights list | import, and earwitness detectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Debug, Home, Json, Quiet

if TYPE_CHECKING:
    from ..schemas import Weight

app = typer.Typer(help="Weights that came with earwitness or were imported.", no_args_is_help=True)
imports = typer.Typer(help="Read weights that others published, once.", no_args_is_help=True)
app.add_typer(imports, name="import")


def detectors(json: Json = None, home: Home = None, debug: Debug = False) -> None:
    """List the detectors that 'scan --detector' knows."""
    from .. import service

    _show(service.detectors(), json)


@app.command("list")
def list_(json: Json = None, home: Home = None, debug: Debug = False) -> None:
    """List all weights with kind, version and licence."""
    from .. import service

    _show(service.weights(), json)


def _show(rows: list[Weight], json: str | None) -> None:
    from .. import table
    from .output import lines

    lines(json, rows)
    if json != "-":
        table.show(
            ("name", "kind", "version", "licence", "summary"),
            [(row.name, row.kind, row.version, row.licence, row.summary) for row in rows],
        )


@imports.command("aasist")
def import_aasist(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="AASIST.pth, AASIST-L.pth, or ASVspoof 5's best.pth.")],
    name: Annotated[str, typer.Option(help="Name for 'scan --detector'.")] = "aasist",
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Import published AASIST weights as a detector (needs the extra 'train')."""
    from .. import service

    weight = service.import_aasist(file, name)
    if not quiet:
        print(f"Imported; use it with: earwitness scan PATH --detector {weight.name}")
