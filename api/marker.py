"""The watermark as the dataset builder puts it on: a function that a worker process can be given."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.audio import Audio
from ..watermark import DEFAULT_STRENGTH, Embedder, Key
from ..watermark.key_file import read_key

# For datasets that are built without a key of one's own: public, so that a recipe gives the same bytes everywhere.
_PUBLIC = Key(hashlib.sha256(b"earwitness dataset marks prove nothing").digest())


@dataclass(frozen=True)
class DatasetMarker:
    """Marks with one key; see `datasets.marks.Marker`."""

    key: Key

    @classmethod
    def of(cls, key_file: Path | None) -> DatasetMarker:
        """With the key of a file, or with the public one."""
        return cls(_PUBLIC if key_file is None else read_key(key_file))

    @property
    def key_id(self) -> str:
        return self.key.id

    def __call__(self, audio: Audio, handle: int, strength: float | None) -> Audio:
        embedder = Embedder(
            audio.rate, audio.channels, self.key, handle, DEFAULT_STRENGTH if strength is None else strength
        )
        parts = [embedder.push(audio.samples), embedder.finish()]
        return Audio(np.concatenate(parts, axis=1), audio.rate)
