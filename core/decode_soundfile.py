"""WAV, FLAC, Ogg, AIFF, AU, CAF, W64 and NIST through libsndfile.

MPEG audio goes to FFmpeg even though libsndfile reads it: only there a missing encoder delay can be told
from a stated one, and mpg123 writes its complaints to stderr.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from io import FileIO

import numpy as np
import soundfile

from .errors import DecodeError
from .sound import Samples
from .source import short, skipping
from .stream import resampled

_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b".snd", b"caff", b"NIST")
_FRAMES = 16384
# libsndfile's log line when a chunk claims another size than the file has room for.
_CLAIM = re.compile(r"^(?:data|SSND) *: *(\d+) +\(should be (\d+)\)", re.MULTILINE)
# Sizes that writers to a pipe put where they do not know the length.
_UNKNOWN_SIZES = (0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFE)


class Refused(Exception):
    """libsndfile leaves this file to FFmpeg."""


class SoundfileSource:
    """A file that libsndfile reads; see `source.Source`. Raises Refused for every other."""

    tracks = 1

    def __init__(self, file: FileIO, name: str) -> None:
        head = file.read(4)
        file.seek(0)
        if head not in _MAGIC:
            raise Refused
        self._raw, self._name = file, name
        try:
            self._file = soundfile.SoundFile(file.fileno(), closefd=False)
        except soundfile.LibsndfileError as error:
            raise Refused from error
        if self._file.subtype.startswith("MPEG"):
            self._file.close()
            raise Refused
        self.container, self.codec = self._file.format, self._file.subtype
        self.rate, self.channels = self._file.samplerate, self._file.channels
        self.frames = self._file.frames if self._file.frames < 2**60 else None
        self.warnings = _log_warnings(self._file.extra_info)

    def chunks(self) -> Iterator[Samples]:
        done = 0
        try:
            while len(block := self._file.read(_FRAMES, dtype="float32", always_2d=True)):
                done += len(block)
                yield np.ascontiguousarray(block.T)
        except soundfile.LibsndfileError:
            self.warnings.append(f"The file is damaged at {done / self.rate:.2f} s; what is left of it was decoded.")
            yield from self._rest(done)
            return
        if self.frames is not None and done < self.frames:
            self.warnings.append(short(done, self.frames, self.rate))
        elif self.container in ("FLAC", "OGG") and self._bytes_left():
            number = len(self.warnings)
            for block in self._rest(done):
                if len(self.warnings) == number:
                    self.warnings.append("The file holds several recordings one behind the other.")
                yield block

    def _bytes_left(self) -> int:
        """What libsndfile has not looked at: it stops at the end of the first stream, players go on."""
        handle = self._raw.fileno()
        return os.fstat(handle).st_size - os.lseek(handle, 0, os.SEEK_CUR)

    def _rest(self, done: int) -> Iterator[Samples]:
        """Everything behind the first `done` samples, which libsndfile does not get at, by way of FFmpeg."""
        from .decode_av import AvSource

        self._raw.seek(0)
        try:
            whole = AvSource(self._raw, self._name, 0)
        except DecodeError:
            return
        try:
            if whole.channels == self.channels:
                yield from skipping(resampled(whole.chunks(), whole, self.rate), done)
                self.warnings += whole.warnings
        finally:
            whole.close()

    def close(self) -> None:
        self._file.close()


def _log_warnings(log: str) -> list[str]:
    claim = _CLAIM.search(log)
    if claim and int(claim[1]) not in _UNKNOWN_SIZES and int(claim[1]) > int(claim[2]):
        return [
            f"The file is cut short or its header lies: it states {claim[1]} bytes of samples and holds {claim[2]}."
        ]
    if "lacks an end-of-stream bit" in log:
        return ["The file is cut short: the end of its stream is missing."]
    return []
