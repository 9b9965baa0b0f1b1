"""Writing sound files by suffix: whole and at once, or block by block."""

from __future__ import annotations

import io
import re
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from .errors import AudioError, StorageError, UsageError
from .files import replacing, write_whole
from .sound import Audio, Samples

# Suffixes that are not the name of a libsndfile format: (format, subtype).
_ALIASES = {"opus": ("OGG", "OPUS"), "oga": ("OGG", "VORBIS"), "aif": ("AIFF", "PCM_16"), "wave": ("WAV", "PCM_16")}
# Integer subtypes: (bits kept, dtype handed to libsndfile).
_INTEGERS: dict[str, tuple[int, type[np.signedinteger[Any]]]] = {
    "PCM_S8": (8, np.int16),
    "PCM_U8": (8, np.int16),
    "PCM_16": (16, np.int16),
    "PCM_24": (24, np.int32),
    "PCM_32": (32, np.int32),
}
# What keeps the samples of a subtype, or nearly so, the nearest first.
_KEEPING = {
    "PCM_U8": ("PCM_U8", "PCM_S8"),
    "PCM_S8": ("PCM_S8", "PCM_U8"),
    "PCM_16": ("PCM_16",),
    "PCM_24": ("PCM_24", "PCM_32"),
    "PCM_32": ("PCM_32", "PCM_24"),
    "FLOAT": ("FLOAT", "PCM_24"),
    "DOUBLE": ("DOUBLE", "FLOAT", "PCM_24"),
    "ULAW": ("ULAW",),
    "ALAW": ("ALAW",),
}
# FFmpeg's names of the same, such as pcm_s24le.
_FFMPEG_PCM = re.compile(r"pcm_([suf])(8|16|24|32|64)(?:le|be)?(?:_planar)?")
_PCM_NAMES = {
    "u8": "PCM_U8",
    "s8": "PCM_S8",
    "s16": "PCM_16",
    "s24": "PCM_24",
    "s32": "PCM_32",
    "f32": "FLOAT",
    "f64": "DOUBLE",
}
# Bytes of a sample in the formats that a WAV can outgrow.
_WIDTHS = {**{name: bits // 8 for name, (bits, _) in _INTEGERS.items()}, "FLOAT": 4, "DOUBLE": 8}
# A WAV counts its bytes with 32 bits; beside the samples it holds a header.
_WAV_BYTES = 2**32 - 4096
# libsndfile's Vorbis and Opus encoders put each write on the stack and crash on long ones.
_CHUNK = 16384


def save(path: Path | str, audio: Audio, subtype: str | None = None, *, comment: str = "") -> None:
    """Write `audio` in the format that the suffix names (wav, flac, ogg, opus, mp3, aiff, w64, caf, au ...).

    subtype: libsndfile's name; without it PCM_16, or the format's own where it has no PCM_16. Integers
    are rounded and clipped to the range of the format on the grid that `load` reads, so k / 32768
    survives; FLOAT and DOUBLE are not clipped. The file appears whole or not at all. comment: as of `Writer`.
    Raises UsageError for an unknown suffix or subtype, AudioError for samples that are not finite and
    for a rate or channel count that the format cannot hold, StorageError when the disk is full.
    """
    target = Path(path)
    form(target, subtype)
    if not np.isfinite(audio.samples).all():
        raise _not_finite(target.name)
    length = audio.samples.shape[1]
    with (
        replacing(target) as temporary,
        Writer(
            temporary, audio.rate, audio.channels, subtype, length=length, name=target.name, comment=comment
        ) as file,
    ):
        file.write(audio.samples)


class _Sink:
    """A file for libsndfile that remembers why it could not be written, and lets libsndfile go on.

    libsndfile itself names no reason, and says nothing at all when the last block of FLAC finds no room.
    """

    def __init__(self, path: Path) -> None:
        self._file = io.FileIO(path, "w+")
        self.seek, self.tell, self.readinto = self._file.seek, self._file.tell, self._file.readinto
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            write_whole(self._file, data)
        except OSError as error:
            self.error = self.error or error
        return len(data)

    def close(self) -> None:
        self._file.close()


class Writer:
    """A sound file in the making, block by block and in constant memory; a context manager.

    Format, subtype and errors as in `save`; what stands at `path` is overwritten at once, so put the writer inside
    `core.files.replacing`. length: samples of each channel to come, if known: a WAV beyond 4 GiB is then written as
    RF64, the same with 64-bit lengths. name: what errors call the file (default: its own). comment: goes into the
    metadata of formats that have a place for it.
    """

    def __init__(
        self,
        path: Path | str,
        rate: int,
        channels: int,
        subtype: str | None = None,
        *,
        length: int | None = None,
        name: str = "",
        comment: str = "",
    ) -> None:
        self._path = Path(path)
        self._name = name or self._path.name
        self.format, self.subtype = form(self._path, subtype)
        frame = channels * _WIDTHS.get(self.subtype, 0)
        if self.format == "WAV" and length is not None and length * frame > _WAV_BYTES:
            self.format = "RF64"
        self._most = _WAV_BYTES // frame if self.format == "WAV" and frame else None
        self._written = 0
        self._waiting: NDArray[Any] | None = None
        self.clipped = 0
        """Samples beyond the range of the format so far, which were brought to its end."""
        self._sink = _Sink(self._path)
        try:
            self._file = soundfile.SoundFile(self._sink, "w", rate, channels, self.subtype, format=self.format)
        except soundfile.LibsndfileError as error:
            self._sink.close()
            self._check_room()
            raise AudioError(
                f"{self._name!r} cannot hold {channels} channels at {rate} Hz as {self.format} {self.subtype}: "
                f"{error.error_string}"
            ) from error
        if comment:
            # libsndfile refuses where there is no place for it.
            with suppress(soundfile.LibsndfileError):
                self._file.comment = comment

    def write(self, samples: Samples) -> None:
        """Append (channels, n). How samples are cut into blocks makes no difference to the file."""
        if not np.isfinite(samples).all():
            raise _not_finite(self._name)
        self._written += samples.shape[1]
        if self._most is not None and self._written > self._most:
            raise AudioError(f"{self._name!r} was not written: a WAV holds 4 GiB at most; use .w64, .rf64 or .flac.")
        data, clipped = _quantised(samples, self.subtype)
        self.clipped += clipped
        waiting = data if self._waiting is None else np.concatenate([self._waiting, data], axis=1)
        whole = waiting.shape[1] // _CHUNK * _CHUNK
        self._put(waiting[:, :whole])
        self._waiting = waiting[:, whole:]

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._waiting is not None:
                self._put(self._waiting)
        finally:
            self._file.close()
            self._sink.close()
        if kind is None:
            self._check_room()
        if kind is None and not self._path.stat().st_size:
            raise AudioError(f"{self._name!r} was not written: {self.format} files cannot be without samples.")

    def _put(self, data: NDArray[Any]) -> None:
        try:
            for start in range(0, data.shape[1], _CHUNK):
                self._file.write(np.ascontiguousarray(data[:, start : start + _CHUNK].T))
                self._check_room()
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{self._name!r} could not be written: {error.error_string}") from error

    def _check_room(self) -> None:
        if self._sink.error is not None:
            why = self._sink.error.strerror
            raise StorageError(f"{self._name!r} could not be written: {why}.") from self._sink.error


def form(path: Path | str, subtype: str | None = None) -> tuple[str, str]:
    """libsndfile's names of the format and subtype that `save` writes to `path`. Raises UsageError as it does."""
    target = Path(path)
    suffix = target.suffix[1:].lower()
    name, kind = _ALIASES.get(suffix, (suffix.upper(), "PCM_16"))
    if name not in soundfile.available_formats() or name == "RAW":
        raise UsageError(f"{target.name!r}: sound files cannot be written with the suffix {target.suffix!r}.")
    if subtype is None:
        return name, kind if soundfile.check_format(name, kind) else str(soundfile.default_subtype(name))
    if not soundfile.check_format(name, subtype):
        raise UsageError(f"{target.name!r}: {name} files do not come as {subtype!r}.")
    return name, subtype.upper()


def subtype_like(path: Path | str, codec: str) -> str | None:
    """The subtype for `path` that keeps the samples of `codec` (`Probe.codec`) as they are, or nearly so.

    None, which `save` takes for the format's own, for lossy codecs and where the format has nothing alike.
    """
    name, _ = form(path)
    if pcm := _FFMPEG_PCM.fullmatch(codec):
        codec = _PCM_NAMES.get("".join(pcm.groups()), codec)
    return next((kept for kept in _KEEPING.get(codec, ()) if soundfile.check_format(name, kept)), None)


def _not_finite(name: str) -> AudioError:
    return AudioError(f"{name!r} was not written: the samples hold NaN or Inf.")


def _quantised(samples: Samples, subtype: str) -> tuple[NDArray[Any], int]:
    """(channels, n) in the type in which libsndfile stores it without a change of its own; how many were clipped."""
    if subtype in ("FLOAT", "DOUBLE"):
        return samples, 0
    if subtype not in _INTEGERS:
        return np.clip(samples, -1.0, 1.0), int(np.count_nonzero(np.abs(samples) > 1.0))
    bits, dtype = _INTEGERS[subtype]
    full = 2.0 ** (bits - 1)
    exact = np.rint(samples.astype(np.float64) * full)
    whole = np.clip(exact, -full, full - 1)
    shifted = whole.astype(np.int64) << (8 * np.dtype(dtype).itemsize - bits)
    return shifted.astype(dtype), int(np.count_nonzero(whole != exact))
