"""earwitness speak | infill | continue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Debug, Home, Quiet

if TYPE_CHECKING:
    from ..speaking import Spoken


Consent = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="TOML with who, basis, date: for any voice that was not trained on."),
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed says it the same way.")]
Key = Annotated[
    Path | None, typer.Option(metavar="KEYFILE", help="Key of the mark (default: one of its own under --home).")
]
MODEL = "From 'speak --list', or the folder of a training."


def speak(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="English, up to two minutes of it.")] = None,
    prompt: Annotated[
        Path | None, typer.Option(metavar="REF", help="Recording of the voice, 1 s or more; 3 s are better.")
    ] = None,
    consent: Consent = None,
    out: Annotated[Path | None, typer.Option(metavar="OUT", help="The suffix names the format.")] = None,
    model: Annotated[str, typer.Option(metavar="NAME|DIR", help=MODEL)] = "matcha",
    language: Annotated[str, typer.Option(help="Of the text; English alone so far.")] = "en",
    seed: Seed = 0,
    best_of: Annotated[int, typer.Option("--best-of", metavar="N", min=1, help="Keep the clearest of N takes.")] = 1,
    key: Key = None,
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
    _tell(made, quiet)


def infill(
    source: Annotated[Path, typer.Argument(metavar="IN")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The suffix names the format.")],
    text: Annotated[str, typer.Option(metavar="TEXT", help="What is said in IN, all of it.")],
    start: Annotated[float, typer.Option(metavar="S", help="Second from which it is spoken again.")],
    end: Annotated[float, typer.Option(metavar="S", help="Second up to which; 0.1 to 1.5 s after the start.")],
    consent: Consent = None,
    model: Annotated[str, typer.Option(metavar="NAME|DIR", help=MODEL)] = "valler",
    seed: Seed = 0,
    through_codec: Annotated[
        bool, typer.Option("--through-codec", help="Send the rest through the codec too, instead of keeping it.")
    ] = False,
    key: Key = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Let a model speak a short span of IN again. OUT is marked, and a file beside it names the exact span."""
    from .. import speaking

    made = speaking.infill(
        source,
        out,
        text,
        start,
        end,
        consent_file=consent,
        model=model,
        seed=seed,
        keep_samples=not through_codec,
        key_file=key,
    )
    _tell(made, quiet)


def go_on(
    prompt: Annotated[
        Path, typer.Argument(metavar="PROMPT", help="A recording of 1 to 60 s; 3 s or more are better.")
    ],
    out: Annotated[Path, typer.Option(metavar="OUT", help="The suffix names the format.")],
    seconds: Annotated[float, typer.Option(metavar="S", help="How long to go on, 0.2 to 30 s.")] = 5.0,
    consent: Consent = None,
    model: Annotated[str, typer.Option(metavar="NAME|DIR", help=MODEL)] = "audiolm",
    seed: Seed = 0,
    best_of: Annotated[
        int, typer.Option("--best-of", metavar="N", min=1, help="Keep that of N takes with the most clear speech.")
    ] = 1,
    alone: Annotated[
        bool, typer.Option("--alone", help="Write only what follows; else PROMPT stands before it.")
    ] = False,
    through_codec: Annotated[
        bool, typer.Option("--through-codec", help="Send PROMPT through the codec too, instead of keeping it.")
    ] = False,
    key: Key = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Let a model go on with PROMPT, in its voice and without a text: it sounds like speech and means nothing.

    OUT holds PROMPT and what follows it, as mono at 16 kHz. It is marked, and a file beside it names the exact span.
    """
    from .. import speaking
    from .progress import reporter

    with reporter(show=not quiet) as progress:
        made = speaking.go_on(
            prompt,
            out,
            seconds,
            consent_file=consent,
            model=model,
            seed=seed,
            best_of=best_of,
            alone=alone,
            keep_samples=not through_codec,
            key_file=key,
            progress=progress,
        )
    _tell(made, quiet)


def _tell(made: Spoken, quiet: bool) -> None:
    if quiet:
        return
    print(f"{made.seconds:.1f} s by {made.model}, seed {made.seed}; where it comes from: {made.provenance}")
    found = made.mark is not None and made.mark["found_again"]
    print("Marked, and the mark was found again." if found else "Marked; too short for the mark to prove it.")
