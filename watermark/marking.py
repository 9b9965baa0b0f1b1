"""The record of a new mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.audio import Audio, resample
from .fingerprint import Words, fingerprint
from .key import Key
from .layout import RATE, VERSION
from .records import Record, new_id, now, words_sha256


def new_record(
    marked: Audio, key: Key, handle: int, strength: float, claims: Mapping[str, Any]
) -> tuple[Record, Words]:
    """A record with a new id for marked audio, and its fingerprint, taken after marking: the mark changes it."""
    words = fingerprint(resample(marked.mono(), RATE).samples[0])
    record = Record(
        id=new_id(),
        handle=handle,
        key_id=key.id,
        created=now(),
        claims=dict(claims),
        seconds=marked.seconds,
        rate=marked.rate,
        channels=marked.channels,
        strength=strength,
        version=VERSION,
        fingerprint_sha256=words_sha256(words),
    )
    return record, words
