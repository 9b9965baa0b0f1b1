"""Is this the content that a record was made for: fingerprints taken on the way and compared at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.audio import Samples
from .fingerprint import Match, Words, fingerprint
from .fingerprint_compare import compare
from .layout import CHIP_HOPS
from .records import Record, Records
from .scene import Alignment

# A second agrees when fewer of its bits differ; content is the same when at least this share of its seconds agrees.
# Chosen on development speakers: Opus at 6 kbit/s, AMR at 4.75, rooms and noise at 10 dB keep 0.78 to 0.93 of the
# seconds, marked speech 5 dB under another voice 0.45, 10 dB under it 0.23.
SECOND_AGREES = 0.34
SAME_SHARE = 0.6


@dataclass(frozen=True)
class Part:
    """Fingerprint words of one chapter, at the speed and tempo that were found there."""

    begins: float
    words: Words
    speed: float
    tempo: float


class Content:
    """Collects the fingerprint of a stream: 200 bytes a second."""

    def __init__(self, records: Records | None) -> None:
        self.records = records
        self._parts: list[Part] = []

    def push(self, mean: Samples, begins: float, alignment: Alignment | None) -> None:
        """One chapter (n,) at 16 kHz with the alignment of the mark in it, if any."""
        if self.records is None:
            return
        speed, tempo, pitch = (1.0, 1.0, 1.0) if alignment is None else rates(alignment)
        # A pitch shift is a change of speed whose change of time was undone.
        speed, tempo = speed * pitch, tempo / pitch
        self._parts.append(Part(begins, fingerprint(mean, speed=speed, tempo=tempo), speed, tempo))

    def record(self, key_id: str, handle: int) -> Record | None:
        return None if self.records is None else self.records.by_handle(key_id, handle)

    def agrees(self, record: Record) -> tuple[bool, float]:
        """Whether the sound is the record's content, and the share of its comparable seconds that agree."""
        assert self.records is not None
        reference = self.records.fingerprint(record.id)
        results = [
            compare(part.words, reference, speed=part.speed, tempo=part.tempo, tried=len(self._parts))
            for part in self._parts
        ]
        errors = np.concatenate([one.per_second for one in results])
        known = errors[~np.isnan(errors)]
        share = float(np.mean(known < SECOND_AGREES)) if known.size else 0.0
        return share >= SAME_SHARE and any(one.same for one in results), share

    def lookup(self) -> Match | None:
        """The stored content that this is most like, when it is the same beyond doubt."""
        if self.records is None or not self._parts:
            return None
        found = [match for part in self._parts[:4] for match in self.records.lookup(part.words, limit=1)]
        best = min(found, key=lambda match: match.p_value, default=None)
        return best if best is not None and best.p_value * len(self._parts) <= 1e-6 else None


def rates(alignment: Alignment) -> tuple[float, float, float]:
    """(speed, tempo, pitch) of an alignment: how much faster with its pitch, how much without, and pitch alone."""
    if alignment.block == CHIP_HOPS:
        return 1.0, 1.0, alignment.scale
    if alignment.scale == 1.0:
        return 1.0, alignment.tempo, 1.0
    return alignment.tempo, 1.0, 1.0
