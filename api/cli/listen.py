"""earwitness listen."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..choices import Pcm
from .options import Debug, Home, Json, Quiet
from .root import complain

if TYPE_CHECKING:
    from ..schemas import Heard


def listen(
    source: Annotated[str, typer.Argument(metavar="-", help="Standard input: raw PCM, one channel.")] = "-",
    rate: Annotated[int, typer.Option(help="Sampling rate, Hz.")] = 16000,
    format: Annotated[Pcm, typer.Option(help="Sample format on standard input.")] = Pcm.S16LE,
    window: Annotated[float, typer.Option(help="Seconds that are scored at a time.")] = 4.0,
    hop: Annotated[float, typer.Option(help="Seconds between verdicts.")] = 1.0,
    memory: Annotated[float, typer.Option(help="Seconds after which what was heard counts by a third.")] = 30.0,
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Listen to a sound device instead ('default', a number, part of a name)."),
    ] = None,
    detector: Annotated[str | None, typer.Option(help="Name from 'earwitness detectors'.")] = None,
    json: Json = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Listen to a stream and print a verdict that rolls along, one line each hop.

    Verdicts weigh what was heard in the last while; a change shows in the next one, at most one hop later, and fills
    the window after its length. Ends with the input, or with Ctrl-C.

    ffmpeg -i URL -f s16le -ac 1 -ar 16000 - | earwitness listen -
    """
    from ...core.errors import UsageError
    from .. import listening, service, writers
    from ..schemas import line

    if source != "-":
        raise UsageError(f"listen takes raw PCM from standard input, '-', not {source!r}; for files there is scan.")
    if device is None and sys.stdin.isatty():
        raise UsageError("There is no sound on a terminal: pipe raw PCM in, or name a --device.")
    remarks = listening.Remarks()
    listener = listening.open_listener(
        detector or service.DEFAULT_DETECTOR, rate, window=window, hop=hop, memory=memory
    )
    if device is None:
        pieces = listening.from_pcm(sys.stdin.buffer, format.value, remarks)
    else:
        from ...core.microphone import record

        pieces = record(device, rate, remarks.lose)
    if not quiet:
        complain(
            f"Listening at {rate} Hz with {listener.detector.name}: a verdict each {hop:g} s, at most "
            f"{listener.delay:.2f} s behind the sound, about the last {window:g} s and what came before."
        )
    with contextlib.ExitStack() as stack:
        stream = None if json is None else stack.enter_context(writers.opened(json))
        with contextlib.suppress(KeyboardInterrupt):
            for heard in listening.listen(listener, pieces):
                if stream is not None:
                    stream.write(f"{line(heard)}\n")
                    stream.flush()
                if json != "-":
                    print(_told(heard), flush=True)
    for sentence in remarks.sentences:
        complain(sentence)
    if remarks.lost:
        complain(f"The device dropped samples {remarks.lost} times, as they were not fetched in time.")


def _told(heard: Heard) -> str:
    from ...core.text import printable

    score = "" if heard.score is None else f"{heard.score:+.2f}"
    own = "-" if heard.window_score is None else f"{heard.window_score:+.2f}"
    why = printable("; ".join((*heard.reasons, *heard.warnings)))
    return f"{heard.end:8.1f} s  {heard.decision:<12}  {score:>6}  window {own:>6}  {why}"
