"""Listening to a stream as a use case. Nothing here prints."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from ..core.errors import AudioError
from ..core.pcm import PcmDecoder
from ..core.sound import Samples
from ..detect import registry
from ..detect.listen import Heard as Rolled
from ..detect.listen import Listener
from .schemas import Heard, valid

PIECE = 1 << 14  # bytes asked for at a time; what is there comes at once


@dataclass
class Remarks:
    """What went wrong on the way without ending it: sentences, filled while the stream runs."""

    sentences: list[str] = field(default_factory=list)
    lost: int = 0

    def lose(self) -> None:
        """Count a gap that a device made."""
        self.lost += 1


def open_listener(detector: str, rate: int, *, window: float, hop: float, memory: float) -> Listener:
    """Raises WeightsError for an unknown detector, UsageError for impossible rates and times."""
    return Listener(registry.open(detector), rate, window=window, hop=hop, memory=memory)


def from_pcm(stream: BinaryIO, format: str, remarks: Remarks) -> Iterator[Samples]:
    """Samples (n,) of raw PCM as they arrive, to the end of the stream. Raises AudioError when there is none."""
    decoder = PcmDecoder(format)
    read = getattr(stream, "read1", stream.read)
    total = 0
    while piece := read(PIECE):
        samples = decoder.push(piece)
        total += samples.size
        yield samples
    if decoder.pending:
        remarks.sentences.append(
            f"The input ended within a sample; its last {decoder.pending} bytes were dropped. Is it {format}, mono?"
        )
    if decoder.broken:
        remarks.sentences.append(f"{decoder.broken} samples are not numbers (NaN or Inf) and count as 0.")
    if not total:
        raise AudioError("There was no sound on standard input.")


def listen(listener: Listener, pieces: Iterator[Samples]) -> Iterator[Heard]:
    """A record for each hop, and one for what is left at the end."""
    for piece in pieces:
        yield from (_record(heard, listener) for heard in listener.push(piece))
    yield from (_record(heard, listener) for heard in listener.finish())


def _record(heard: Rolled, listener: Listener) -> Heard:
    reasons = list(heard.outcome.reasons)
    if heard.silence and heard.silence not in reasons:
        reasons.append(f"the last {heard.end - heard.start:.1f} s were not scored: {heard.silence}")
    return Heard(
        start=round(heard.start, 3),
        end=round(heard.end, 3),
        decision=heard.outcome.decision,
        score=None if heard.score is None else round(heard.score, 4),
        window_score=None if heard.window_score is None else round(heard.window_score, 4),
        speech=None if math.isnan(heard.speech) else round(heard.speech, 3),
        reasons=tuple(map(valid, reasons)),
        warnings=(*heard.outcome.warnings, *listener.detector.warnings),
        model=listener.detector.model,
    )
