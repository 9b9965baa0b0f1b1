"""Raw PCM from a pipe: bytes as they come in, samples out."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from .errors import UsageError
from .sound import Samples, numbers_only

PcmFormat = Literal["s16le", "f32le"]
# Names as FFmpeg has them: signed integers of 16 bits and floats of 32 bits, little-endian.
_TYPES = {"s16le": "<i2", "f32le": "<f4"}


class PcmDecoder:
    """Turns pieces of a byte stream into mono samples (n,), float32 in [-1, 1]; a sample may be cut by a piece's end.

    pending: bytes of a begun sample. broken: floats that were NaN, infinite or absurd so far; they count as 0.
    Raises UsageError for an unknown format.
    """

    def __init__(self, format: str) -> None:
        if format not in get_args(PcmFormat):
            raise UsageError(f"PCM can be {' or '.join(get_args(PcmFormat))}, not {format!r}.")
        self._type = np.dtype(_TYPES[format])
        self._rest = b""
        self.broken = 0

    @property
    def pending(self) -> int:
        return len(self._rest)

    def push(self, piece: bytes) -> Samples:
        data = self._rest + piece
        whole = len(data) - len(data) % self._type.itemsize
        self._rest = data[whole:]
        values = np.frombuffer(data[:whole], dtype=self._type)
        if self._type.kind == "i":
            return (values / 32768.0).astype(np.float32)
        samples, broken = numbers_only(values.astype(np.float32))
        self.broken += broken
        return samples
