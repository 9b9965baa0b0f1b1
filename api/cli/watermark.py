"""earwitness watermark keygen | embed | verify | attack | records."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Debug, Home, Json, Quiet, Workers, server

if TYPE_CHECKING:
    from ..schemas import Failed, Verified, VerifiedBand

app = typer.Typer(
    help="Put a secret mark on sound, and prove later that it is there. "
    "That no mark is found never says that a sound is genuine.",
    no_args_is_help=True,
)
records_app = typer.Typer(help="What is known of the marks that were put on.", no_args_is_help=True)
app.add_typer(records_app, name="records")

Passphrase = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="File whose first line opens an encrypted key file."),
]
Store = Annotated[
    str | None,
    typer.Option("--records", metavar="FILE", help="SQLite file or SQLAlchemy URL (default: under --home)."),
]
Source = Annotated[Path, typer.Argument(metavar="IN")]
Target = Annotated[Path, typer.Argument(metavar="OUT", help="The suffix names the format.")]


class FailOn(StrEnum):
    """Conditions under which the exit code of verify is 1."""

    NOT_MARKED = "not_marked"
    MARKED = "marked"
    MARKED_CONTENT_DIFFERS = "marked_content_differs"
    MARKED_UNKNOWN_RECORD = "marked_unknown_record"
    FINGERPRINT_ONLY = "fingerprint_only"
    NO_EVIDENCE = "no_evidence"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(metavar="KEYFILE", help="A new file; it gets the rights 0600.")],
    passphrase_file: Annotated[
        Path | None,
        typer.Option("--passphrase-file", metavar="FILE", help="Encrypt the key with the first line of FILE."),
    ] = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make a key. Who has its file can forge and remove its marks; its id may be published."""
    from .. import marking

    id = marking.make_key(file, passphrase_file)
    if not quiet:
        print(f"Key {id} is in {file}. Keep it secret, and keep a copy: it cannot be made again.")


@app.command()
def embed(
    ctx: typer.Context,
    source: Source,
    target: Target,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="KEYFILE", help="File from 'earwitness watermark keygen'.")
    ] = None,
    passphrase_file: Passphrase = None,
    claims: Annotated[
        str | None, typer.Option(metavar="JSON", help="An object that the record keeps, or @FILE that holds one.")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(metavar="DB", help="0.5 (faint) to 6 (audible); default: inaudible in speech.")
    ] = None,
    records: Store = None,
    verify: Annotated[
        bool,
        typer.Option("--verify/--no-verify", help="Refuse to write what the mark is not found in again."),
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Let OUT be IN: only the marked sound is kept.")] = False,
    json: Json = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Mark the sound of IN and write it to OUT: same rate, channels, length, level and, where it can, sample format.

    OUT appears whole or not at all, and its record with it. A server marks with its own key, and keeps the record.
    """
    from .. import mark_table
    from .output import lines

    client = server(ctx)
    if client is None:
        from .. import marking

        made = marking.embed_file(
            source,
            target,
            marking.read_keys(_needed([key] if key else None), passphrase_file)[0],
            marking.records_to_write(records),
            _claims(claims),
            strength,
            verify=verify,
            overwrite_source=force,
        )
    else:
        from .. import remote

        _the_servers_own(key, passphrase_file, records, not verify)
        made = remote.embed(source, target, client, _claims(claims), strength, overwrite_source=force)
    lines(json, [made])
    if quiet or json == "-":
        return
    found = "not looked for again" if made.p_value is None else f"found again, {mark_table.p_words(made.p_value)}"
    print(f"Marked {made.seconds:.1f} s as {made.format}: record {made.record}, key {made.key_id}; {found}.")
    if made.clipped:
        print(f"{made.clipped} samples went beyond full scale and were clipped; the level is unchanged.")
    for warning in made.warnings:
        print(warning)


@app.command()
def verify(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, and folders with all below them.")],
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", metavar="KEYFILE", help="Key whose marks are looked for; may be repeated."),
    ] = None,
    passphrase_file: Passphrase = None,
    records: Store = None,
    json: Json = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Listen at unchanged speed and pitch only: several times faster.")
    ] = False,
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(help="Exit with 1 when a file is this; may be repeated. Any one counts unread files too."),
    ] = None,
    workers: Workers = 1,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Look for the marks of keys in sound and video files. A file that cannot be read never stops the others.

    When no mark is found, that says nothing about where a sound comes from. A server looks for marks of its own keys.
    """
    from .. import mark_table, service, table
    from ..schemas import line
    from ..writers import opened
    from .progress import counted

    files = service.find(paths)
    client = server(ctx)
    answers: Iterator[Verified | VerifiedBand | Failed]
    if client is None:
        from .. import marking

        answers = marking.verify(
            files,
            marking.read_keys(_needed(key), passphrase_file),
            marking.records_to_read(records),
            search="plain" if plain else "full",
            workers=workers,
        )
    else:
        from .. import remote

        _the_servers_own(key, passphrase_file, records, plain)
        answers = remote.verify(files, client, workers=workers)
    found: list[Verified | VerifiedBand | Failed] = []
    with contextlib.ExitStack() as stack:
        sink = None if json is None else stack.enter_context(opened(json))
        for record in counted(answers, len(files), "Listening", show=not quiet and json != "-"):
            if sink is not None:
                sink.write(line(record) + "\n")
                sink.flush()
            found.append(record)
    if not quiet and json != "-":
        table.show(mark_table.MARK_HEADER, map(mark_table.mark_row, found))
        print(mark_table.mark_summary(found))
    if fail_on and any(_failed(record, set(fail_on)) for record in found):
        raise typer.Exit(1)


def _needed(keys: list[Path] | None) -> list[Path]:
    from ...core.errors import UsageError

    if not keys:
        raise UsageError("Marks need a key: name its file with --key, or a server that has one with --server.")
    return keys


def _the_servers_own(*chosen: object) -> None:
    from ...core.errors import UsageError

    if any(chosen):
        raise UsageError("With --server, keys, records and the depth of the search are the server's own.")


def _failed(record: Verified | VerifiedBand | Failed, conditions: set[FailOn]) -> bool:
    from ..schemas import Failed

    if isinstance(record, Failed):
        return True
    return record.verdict in conditions or (record.verdict != "marked" and FailOn.NOT_MARKED in conditions)


@app.command()
def attack(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Such as opus:16; see --list.")] = None,
    source: Annotated[Path | None, typer.Argument(metavar="IN")] = None,
    target: Annotated[Path | None, typer.Argument(metavar="OUT", help="The suffix names the format.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is random in an attack.")] = 0,
    list_: Annotated[bool, typer.Option("--list", help="List the attacks with their settings.")] = False,
    json: Json = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Do to IN what may befall a marked file (codecs, noise, cuts, speed ...), and write it to OUT."""
    from ...core.errors import UsageError
    from .. import marking, table
    from .output import lines

    if list_:
        rows = marking.attacks()
        lines(json, rows)
        if json != "-":
            header = ("name", "family", "settings", "what it does")
            table.show(header, [(row.name, row.family, " ".join(row.settings), row.summary) for row in rows])
        return
    if name is None or source is None or target is None:
        raise UsageError("An attack needs NAME, IN and OUT; --list shows the names.")
    seconds = marking.attack_file(name, source, target, seed)
    if not quiet:
        print(f"{seconds:.1f} s after {name}.")


@records_app.command("list")
def list_records(
    records: Store = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 100,
    json: Json = None,
    home: Home = None,
    debug: Debug = False,
) -> None:
    """List the newest records."""
    from json import dumps

    from .. import mark_table, marking, table
    from .output import lines

    store = marking.records_to_read(records)
    rows = [] if store is None else marking.newest_records(store, limit)
    lines(json, rows)
    if json != "-":
        cells = [
            (row.record, row.created, row.key_id, f"{row.seconds:.1f}", f"{row.strength:g}", dumps(row.claims))
            for row in rows
        ]
        table.show(mark_table.RECORD_HEADER, cells)


@records_app.command("show")
def show_record(
    id: Annotated[str, typer.Argument(metavar="ID", help="Of a record.")],
    records: Store = None,
    json: Json = None,
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Show all that one record holds."""
    from json import dumps

    from ...core.errors import UsageError
    from .. import marking, table
    from .output import lines

    store = marking.records_to_read(records)
    if store is None:
        raise UsageError("There are no records yet; 'earwitness watermark embed' writes them.")
    record = marking.find_record(store, id)
    lines(json, [record])
    if json != "-":
        members = record.model_dump()
        rows = [(name, dumps(value) if isinstance(value, dict) else str(value)) for name, value in members.items()]
        table.show(("member", "value"), rows)


def _claims(text: str | None) -> dict[str, Any]:
    """The JSON object of --claims, or of the file behind @. Raises UsageError."""
    import json

    from ...core.errors import UsageError

    if text is None:
        return {}
    try:
        if text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        claims = json.loads(text, parse_constant=_no_number)
    except OSError as error:
        raise UsageError(f"The claims {text!r} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--claims needs a JSON object: {error}.") from error
    if not isinstance(claims, dict):
        raise UsageError('--claims needs a JSON object, such as \'{"title": "..."}\'.')
    return claims


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
