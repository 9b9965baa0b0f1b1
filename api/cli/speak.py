"""earwitness speak."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Debug, Home, Quiet


def speak(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="English, up to two minutes of it.")] = None,
    prompt: Annotated[
        Path | None, typer.Option(metavar="REF", help="Recording of the voice, 1 s or more; 3 s are better.")
    ] = None,
    consent: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="TOML with who, basis and date: needed for any voice that was not trained on."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="OUT", help="The suffix names the format.")] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME|DIR", help="From --list, or the folder of a training.")
    ] = "matcha",
    language: Annotated[str, typer.Option(help="Of the text; English alone so far.")] = "en",
    seed: Annotated[int, typer.Option(min=0, help="The same seed says it the same way.")] = 0,
    best_of: Annotated[int, typer.Option("--best-of", metavar="N", min=1, help="Keep the clearest of N takes.")] = 1,
    key: Annotated[
        Path | None,
        typer.Option(metavar="KEYFILE", help="Key of the mark (default: one of its own under --home)."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the generators, untrained ones too.")] = False,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Say TEXT in the voice of REF. The speech is marked, and a file beside it says where it comes from."""
    from ...core.errors import UsageError
    from .. import speaking, table
    from .progress import reporter

    if list_:
        rows = [
            (row.name, f"{row.hours:.1f} h" if row.trained else "untrained", f"{row.parameters or ''}", row.summary)
            for row in speaking.generators()
        ]
        table.show(("name", "trained", "parameters", "summary"), rows)
        return
    if text is None or prompt is None or out is None:
        raise UsageError("Speaking needs TEXT, --prompt REF and --out OUT; --list shows the generators.")
    with reporter(show=not quiet) as progress:
        made = speaking.speak(
            text,
            prompt,
            out,
            consent_file=consent,
            model=model,
            language=language,
            seed=seed,
            best_of=best_of,
            key_file=key,
            progress=progress,
        )
    if not quiet:
        found = made.mark is not None and made.mark["found_again"]
        print(f"{made.seconds:.1f} s by {made.model}, seed {made.seed}; where it comes from: {made.provenance}")
        print("Marked, and the mark was found again." if found else "Marked; too short for the mark to prove it.")
