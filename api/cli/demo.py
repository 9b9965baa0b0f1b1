"""earwitness demo: the main job in a minute, with nothing but what the package holds."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from .options import Debug, Home

_ATTACK = "opus:16,crop:4"


def demo(
    audio: Annotated[
        list[Path] | None, typer.Argument(metavar="[AUDIO]...", help="Files or folders of your own to scan as well.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Keep the decoded speech here to listen to.")
    ] = None,
    detector: Annotated[str | None, typer.Option(help="Name from 'earwitness detectors'.")] = None,
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Decode speech from shipped codec tokens, scan it, mark it, and scan AUDIO when given.

    Exits with 1 when a decoded file is called genuine, of which nothing is shown then, or a mark is not found again.
    """
    from ...detect.options import Options
    from .. import mark_table, marking, service, table, workshop

    asked = Options(detector=detector or service.DEFAULT_DETECTOR)
    with contextlib.ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = workshop.decode_examples(folder)
        size = sum(example.tokens.stat().st_size for example in made)
        print(f"1. Decoded {len(made)} token files ({size / 1000:.1f} kB) to speech with our own codecs:")
        table.show(
            ("tokens", "bytes", "codec", "kbit/s", "seconds"),
            [
                (e.tokens.name, str(e.tokens.stat().st_size), e.codec, f"{e.kbps:.2f}", f"{e.seconds:.1f}")
                for e in made
            ],
        )
        if out is not None:
            print(f"   Listen to them in {out}.")
        verdicts = list(service.scan([example.audio for example in made], asked))
        if service.any_genuine(verdicts):
            print(
                "2. The scan took synthetic speech for genuine or could not read it; its verdicts cannot be trusted."
            )
            raise typer.Exit(1)
        print("2. Scanned them. They are synthetic; 'inconclusive' means that the detector cannot tell:")
        table.show(table.SCAN_HEADER, map(table.scan_row, verdicts))
        found = marking.try_out([example.audio for example in made], _ATTACK, folder)
        print("3. Marked them with a new key, sent them through Opus at 16 kbit/s, cut out 4 s, and listened for it:")
        table.show(mark_table.MARK_HEADER[:5], [mark_table.mark_row(record)[:5] for record in found])
        if any(record.verdict != "marked" for record in found):
            print("   A mark was not found again; this installation is broken.")
            raise typer.Exit(1)
        print("   p bounds the chance that sound without the mark passes for marked, whatever the sound is.")
    if audio:
        print("4. Scanned your recordings:")
        records = list(service.scan(service.find(audio), asked))
        table.show(table.SCAN_HEADER, map(table.scan_row, records))
        print(table.summary(records))
    else:
        print("4. Scan recordings of your own: make demo AUDIO=folder, or: earwitness scan PATH...")
