"""Handing a file to FFmpeg safely, and its frames to numpy.

The file is opened by us and handed over as an object, so that a name can never be taken for a protocol;
only formats that hold their own sound are allowed, so that a playlist cannot make FFmpeg read other files.
"""

from __future__ import annotations

import errno
from io import FileIO
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from .errors import DecodeError
from .sound import Samples

_FORMATS = (
    "aac ac3 eac3 aiff amr amrnb amrwb ape asf au avi bonk caf dsf dss dts dtshd dv flac flv gxf iamf ircam loas "
    "matroska mlp mov mp3 mpc mpc8 mpeg mpegts mxf nistsphere nut ogg oma osq qcp qoa rm shn sox tak truehd tta "
    "voc vqf w64 wav wsd wtv wv xwma"
)


def open_container(file: FileIO, name: str) -> InputContainer:
    """The demuxer for an open file. Raises DecodeError, whose sentence calls the file `name`."""
    try:
        return av.open(
            _Reader(file),
            mode="r",
            options={"format_whitelist": ",".join(_FORMATS.split()), "protocol_whitelist": "none"},
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, OSError, UnicodeDecodeError) as error:
        raise DecodeError(f"{name!r} is not a sound file that can be decoded.") from error


def floats(frame: av.AudioFrame) -> Samples:
    """(channels, n) float32 of a frame; integers are scaled by their range."""
    raw: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        raw = raw.reshape(-1, frame.layout.nb_channels).T
    if raw.dtype.kind == "f":
        return np.ascontiguousarray(raw, dtype=np.float32)
    full = float(2 ** (8 * raw.dtype.itemsize - 1))
    zero = 128.0 if raw.dtype == np.uint8 else 0.0
    return np.ascontiguousarray((raw.astype(np.float64) - zero) / full, dtype=np.float32)


class _Reader:
    """What PyAV needs of a file, without the name that FFmpeg would look at."""

    name = "sound"

    def __init__(self, file: FileIO) -> None:
        self._file, self.read, self.tell = file, file.read, file.tell

    def seek(self, offset: int, whence: int = 0) -> int:
        """The new position, or, as FFmpeg says it, the negative error number: broken files ask for any place."""
        try:
            return self._file.seek(offset, whence)
        except OSError as error:
            return -(error.errno or errno.EINVAL)
