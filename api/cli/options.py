"""Options that many commands share, each written once."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..client import Client

DEBUG = "earwitness.debug"
SERVER = "earwitness.server"


def _use_home(value: Path | None) -> Path | None:
    if value is not None:
        from ...core.home import set_home

        set_home(value)
    return value


def _remember_debug(ctx: typer.Context, value: bool) -> bool:
    ctx.meta[DEBUG] = value
    return value


def _remember_server(ctx: typer.Context, value: str) -> str:
    ctx.meta[SERVER] = value
    return value


Server = Annotated[
    str,
    typer.Option(
        "--server",
        metavar="URL",
        envvar="EARWITNESS_SERVER",
        callback=_remember_server,
        is_eager=True,
        help="Let this server do the work of scan and watermark ($EARWITNESS_API_KEY: its key).",
    ),
]


def server(ctx: typer.Context) -> Client | None:
    """The client of the server that the user named, or None."""
    url = ctx.meta.get(SERVER)
    if not url:
        return None
    _needs_httpx()
    from ..client import Client

    return Client(url, os.environ.get("EARWITNESS_API_KEY", ""))


def _needs_httpx() -> None:
    from importlib.util import find_spec

    from ...core.errors import MissingPart

    if find_spec("httpx") is None or find_spec("rfc8785") is None:
        raise MissingPart("Asking a server needs the extra 'serve': pip install 'earwitness[serve]'.")


Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        callback=_use_home,
        is_eager=True,
        help="Folder for imported weights and later state (default: $EARWITNESS_HOME, or your data folder).",
    ),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", callback=_remember_debug, is_eager=True, help="Show the traceback of an error."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only what was asked for, and errors.")]
Json = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", help="Write JSON Lines to FILE, or to standard output for '-'."),
]
Csv = Annotated[
    str | None,
    typer.Option("--csv", metavar="FILE|-", help="Write CSV to FILE, or to standard output for '-'."),
]
Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Folder of recordings, or of a built dataset.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for what is made.")]
Recipe = Annotated[str, typer.Argument(metavar="RECIPE", help="A TOML file, or the name of a shipped recipe.")]


class DeviceName(StrEnum):
    """Where to train; auto takes a GPU when there is one."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


Device = Annotated[DeviceName | None, typer.Option(help="Where to train (default: as the recipe says).")]
Steps = Annotated[int | None, typer.Option(min=1, help="Steps to train (default: as the recipe says).")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the training that was begun in the folder.")]
Provider = Annotated[
    str, typer.Option(help="Execution provider of ONNX Runtime, such as cuda; the CPU where there is none.")
]
Workers = Annotated[int, typer.Option(min=1, help="Processes to work with.")]
