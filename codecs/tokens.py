"""Tokens of a codec, and the file that carries them (.ewt).

File: the magic b"EWTOKEN1", a 4-byte little-endian header length, a JSON header, then the codes packed at
`bits` each, levels first within a frame, most significant bit first.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DataError
from ..core.files import replacing

_MAGIC = b"EWTOKEN1"
_HEADER_LIMIT = 65_536
_KEYS = {"codec", "digest", "rate", "length", "levels", "frames", "bits"}


@dataclass(frozen=True)
class Tokens:
    """codes int64 (levels, frames); `length` samples at `rate` Hz; `digest`: sha256 of the weights."""

    codes: NDArray[np.int64]
    codec: str
    digest: str
    rate: int
    length: int
    bits: int

    @property
    def kbps(self) -> float:
        """Payload in kbit/s."""
        return self.codes.size * self.bits / max(1, self.length) * self.rate / 1000


def save(path: Path | str, tokens: Tokens) -> None:
    """Write a token file, whole or not at all."""
    levels, frames = tokens.codes.shape
    header = {
        "codec": tokens.codec,
        "digest": tokens.digest,
        "rate": tokens.rate,
        "length": tokens.length,
        "levels": levels,
        "frames": frames,
        "bits": tokens.bits,
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    shifts = np.arange(tokens.bits - 1, -1, -1)
    stream = (tokens.codes.T.reshape(-1, 1) >> shifts) & 1
    with replacing(path) as temporary:
        temporary.write_bytes(
            _MAGIC + struct.pack("<I", len(text)) + text + np.packbits(stream.astype(bool)).tobytes()
        )


def load(path: Path | str) -> Tokens:
    """Read a token file. Raises DataError for anything that is not one, or is cut short."""
    name = Path(path).name
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"The token file {name!r} cannot be read: {error.strerror}.") from error
    if not data.startswith(_MAGIC):
        raise DataError(f"{name!r} is not an earwitness token file.")
    body = data[len(_MAGIC) :]
    if len(body) < 4 or (size := struct.unpack("<I", body[:4])[0]) > _HEADER_LIMIT or len(body) < 4 + size:
        raise DataError(f"The token file {name!r} is cut short.")
    try:
        header = json.loads(body[4 : 4 + size])
    except ValueError as error:
        raise DataError(f"The header of the token file {name!r} is broken.") from error
    if not isinstance(header, dict) or set(header) != _KEYS:
        raise DataError(f"The header of the token file {name!r} does not have the expected entries.")
    numbers = [header[key] for key in ("rate", "length", "levels", "frames", "bits")]
    if not all(isinstance(number, int) and number >= 0 for number in numbers) or not 1 <= header["bits"] <= 32:
        raise DataError(f"The header of the token file {name!r} has impossible numbers.")
    levels, frames, bits = header["levels"], header["frames"], header["bits"]
    packed = np.frombuffer(body[4 + size :], dtype=np.uint8)
    if len(packed) != -(-levels * frames * bits // 8):
        raise DataError(f"The token file {name!r} is cut short or has trailing bytes.")
    stream = np.unpackbits(packed, count=levels * frames * bits).reshape(frames, levels, bits)
    codes = (stream.astype(np.int64) << np.arange(bits - 1, -1, -1)).sum(-1).T
    return Tokens(
        codes=np.ascontiguousarray(codes),
        codec=str(header["codec"]),
        digest=str(header["digest"]),
        rate=header["rate"],
        length=header["length"],
        bits=bits,
    )
