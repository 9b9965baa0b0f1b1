"""earwitness api-key add | list | revoke | rotate."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Debug, Home, Json

if TYPE_CHECKING:
    from ..state.keys import ApiKey, ApiKeys

app = typer.Typer(help="API keys of the HTTP service.", no_args_is_help=True)


class Scope(StrEnum):
    """What a key may open."""

    DETECT = "detect"
    WATERMARK = "watermark"
    VERIFY = "verify"
    RECORDS = "records"
    METRICS = "metrics"


Database = Annotated[
    str, typer.Option(envvar="EARWITNESS_DATABASE", help="As of the server (default: SQLite below --home).")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of a key, from 'earwitness api-key list'.")]


@app.command("add")
def add(
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Whose key it is; keys of one owner see its jobs.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may open; may be repeated.")],
    days: Annotated[float | None, typer.Option(help="End after so many days (default: never).")] = None,
    database: Database = "",
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Make a key and print it, once: only a digest is kept. From the first key on, the server asks for one."""
    _show(_keys(database).add(owner, [one.value for one in scope], days))


@app.command("list")
def list_(json: Json = None, database: Database = "", home: Home = None, debug: Debug = False) -> None:
    """List all keys, without their secrets."""
    import time

    from .. import table
    from ..schemas import KeyInfo
    from ..times import iso
    from .output import lines

    now = time.time()
    rows = [
        KeyInfo(
            id=key.id,
            owner=key.owner,
            scopes=tuple(sorted(key.scopes)),
            created=iso(key.created),
            expires=None if key.expires is None else iso(key.expires),
            valid=key.valid(now),
        )
        for key in _keys(database).all()
    ]
    lines(json, rows)
    if json != "-":
        header = ("id", "owner", "scopes", "created", "expires", "valid")
        cells = [
            (
                row.id,
                row.owner,
                " ".join(row.scopes),
                row.created,
                row.expires or "never",
                "yes" if row.valid else "no",
            )
            for row in rows
        ]
        table.show(header, cells)


@app.command("revoke")
def revoke(key_id: Id, database: Database = "", home: Home = None, debug: Debug = False) -> None:
    """End a key now."""
    _keys(database).revoke(key_id)


@app.command("rotate")
def rotate(
    key_id: Id,
    grace: Annotated[
        float, typer.Option(metavar="HOURS", min=0, help="The old key still works for this long.")
    ] = 24.0,
    database: Database = "",
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Make a key that takes the place of another one, and print it."""
    _show(_keys(database).rotate(key_id, grace))


def _keys(database: str) -> ApiKeys:
    from .serve import needs_serve

    needs_serve()
    from ..settings import Settings
    from ..state.database import open_database
    from ..state.keys import ApiKeys

    settings = Settings(database=database)
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return ApiKeys(open_database(settings.database_url))


def _show(made: tuple[ApiKey, str]) -> None:
    from ..jobs.secrets import webhook_secret_text
    from ..receipts import Signer
    from ..settings import Settings

    key, text = made
    signer = Signer.at(Settings().folder / "secret")
    print(text)
    typer.echo(f"id {key.id}; its webhooks are signed with {webhook_secret_text(signer, key.id)}", err=True)
