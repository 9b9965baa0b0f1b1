"""Keyed marks with a proved error bound: `embed` puts one on, `verify` says what is there.

Everything is numpy at run time. Records tell what a mark was made for; without them a mark is known by its key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.audio import Audio, Samples
from ..core.errors import AudioError
from .embedder import Embedder
from .evidence import Decision, Edit, Evidence, MarkSpan
from .gains import DEFAULT_STRENGTH
from .key import Key, generate
from .marking import new_record
from .plan import Search
from .records import Record, Records
from .verifier import Verifier

__all__ = [
    "DEFAULT_STRENGTH",
    "Decision",
    "Edit",
    "Embedder",
    "Evidence",
    "Key",
    "MarkSpan",
    "Marked",
    "Record",
    "Records",
    "Verifier",
    "embed",
    "generate",
    "verify",
]


@dataclass(frozen=True)
class Marked:
    """Marked samples, as they were handed in: float32, (channels, n) or (n,); and what is known of the mark."""

    samples: Samples
    record: Record


def embed(
    samples: Samples,
    rate: int,
    key: Key,
    *,
    strength: float = DEFAULT_STRENGTH,
    claims: Mapping[str, Any] | None = None,
    records: Records | None = None,
    handle: int | None = None,
) -> Marked:
    """Mark samples (channels, n) or (n,) in [-1, 1]; shape, rate (Hz) and length stay.

    claims: JSON that the record keeps. records: where the record is stored. handle: the number of 32 bits to carry,
    by default a new one. Raises AudioError when the sound is too short or too quiet to carry a mark that can be
    found again, UsageError for a strength or handle outside its range.
    """
    audio = Audio.of(samples, rate)
    if handle is None:
        handle = int(np.random.default_rng().integers(2**32)) if records is None else records.new_handle(key.id)
    embedder = Embedder(rate, audio.channels, key, handle, strength)
    marked = Audio(np.concatenate([embedder.push(audio.samples), embedder.finish()], axis=1), rate)
    found = verify(marked.samples, rate, key, search="plain")
    if not found.verdict.startswith("marked"):
        raise AudioError("There is too little signal for a mark: the sound is too short or too quiet.")
    record, words = new_record(marked, key, handle, strength, claims or {})
    if records is not None:
        records.add(record, words)
    return Marked(marked.samples.reshape(np.shape(samples)), record)


def verify(
    samples: Samples,
    rate: int,
    keys: Key | Sequence[Key],
    *,
    records: Records | None = None,
    search: Search = "full",
) -> Evidence:
    """What samples (channels, n) or (n,) say about the marks of some keys. search: "plain" skips changed speeds."""
    audio = Audio.of(samples, rate)
    listener = Verifier(rate, audio.channels, [keys] if isinstance(keys, Key) else keys, records, search)
    listener.push(audio.samples)
    return listener.finish()
