"""Reading sound files block by block, within limits, whatever they hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from .decode_soundfile import Refused, SoundfileSource
from .errors import DecodeError, LimitError, UsageError
from .regular import open_regular
from .sound import Audio, Samples
from .source import HIGHEST_RATE, LOWEST_RATE, Source
from .stream import checked, recut, resampled

# `load` holds everything in memory: 4 GiB of float32, three hours of 48 kHz stereo.
_LOADABLE = 2**30


@dataclass(frozen=True)
class Limits:
    """What a file may be at most. Checked on the header before decoding, and again on what comes out."""

    max_seconds: float = 24 * 3600.0
    max_bytes: int = 2**35
    max_channels: int = 32


@dataclass(frozen=True)
class Probe:
    """What a file says about one of its audio tracks. `seconds` is None where only decoding could tell."""

    path: str
    container: str
    codec: str
    rate: int
    channels: int
    seconds: float | None
    tracks: int
    size: int
    warnings: tuple[str, ...]


def probe(path: Path | str, *, track: int = 0, limits: Limits | None = None) -> Probe:
    """Look at a file without decoding more than its start. Raises as `blocks` does."""
    with _opened(path, track, limits or Limits()) as (source, size):
        seconds = None if source.frames is None else source.frames / source.rate
        return Probe(
            path=str(path),
            container=source.container,
            codec=source.codec,
            rate=source.rate,
            channels=source.channels,
            seconds=seconds,
            tracks=source.tracks,
            size=size,
            warnings=tuple(source.warnings),
        )


def blocks(
    path: Path | str,
    *,
    rate: int | None = None,
    block_seconds: float = 10.0,
    track: int = 0,
    limits: Limits | None = None,
    warnings: list[str] | None = None,
) -> Iterator[Samples]:
    """Decode one audio track in float32 blocks (channels, n), C-contiguous, in constant memory.

    Every block but the last holds round(block_seconds * rate) samples. `rate` (Hz) resamples; None keeps
    the file's own, which `probe` tells. A file without samples yields no block. What is wrong but not
    fatal (a cut end, damage, NaN) is appended to `warnings` by the time the last block is out.
    Raises DecodeError (missing, unreadable, not sound, broken), LimitError and UsageError (no such
    track); all of them at the first `next`, but for limits that only decoding reveals.
    """
    limits = limits or Limits()
    with _opened(path, track, limits) as (source, _):
        out_rate = rate or source.rate
        size = max(1, round(block_seconds * out_rate))
        chunks = checked(source, str(path), limits.max_seconds)
        yield from recut(resampled(chunks, source, out_rate), size, source.channels)
        if warnings is not None:
            warnings += source.warnings


def load(
    path: Path | str,
    *,
    rate: int | None = None,
    track: int = 0,
    limits: Limits | None = None,
    warnings: list[str] | None = None,
) -> Audio:
    """One audio track, whole; (channels, 0) for a file without samples. Arguments and errors as in `blocks`.

    Raises LimitError beyond 2**30 samples, which only `blocks` takes.
    """
    limits = limits or Limits()
    parts: list[Samples] = []
    total = 0
    with _opened(path, track, limits) as (source, _):
        out_rate = rate or source.rate
        for part in resampled(checked(source, str(path), limits.max_seconds), source, out_rate):
            total += part.size
            if total > _LOADABLE:
                raise LimitError(f"{str(path)!r} is too long to be held in memory whole.")
            parts.append(part)
        if warnings is not None:
            warnings += source.warnings
        empty = np.zeros((source.channels, 0), np.float32)
    return Audio(np.ascontiguousarray(np.concatenate([empty, *parts], axis=1)), out_rate)


@contextmanager
def _opened(path: Path | str, track: int, limits: Limits) -> Iterator[tuple[Source, int]]:
    """The decoder for a file and the file's size in bytes, within the limits as far as the header tells."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limits.max_bytes:
            raise LimitError(f"{str(path)!r} has {size} bytes; the limit is {limits.max_bytes}.")
        source = _source(file, str(path), track, size)
        try:
            _check_header(source, str(path), limits)
            yield source, size
        finally:
            source.close()


def _source(file: FileIO, name: str, track: int, size: int) -> Source:
    """soundfile where it reads the file, else PyAV."""
    plain = _plain(file, name)
    # A recorder that was cut off leaves a length of 0 in front of its samples, which FFmpeg ignores.
    if plain is not None and (plain.frames != 0 or size <= 4096):
        if track:
            plain.close()
            raise UsageError(f"{name!r} has 1 audio track(s); there is no track {track}.")
        return plain
    from .decode_av import AvSource

    file.seek(0)
    try:
        source = AvSource(file, name, track)
    except DecodeError:
        if plain is None:
            raise
        return plain
    if plain is not None:
        plain.close()
    return source


def _plain(file: FileIO, name: str) -> SoundfileSource | None:
    try:
        return SoundfileSource(file, name)
    except Refused:
        return None


def _check_header(source: Source, name: str, limits: Limits) -> None:
    if not LOWEST_RATE <= source.rate <= HIGHEST_RATE:
        raise DecodeError(f"{name!r} states an impossible sampling rate of {source.rate} Hz.")
    if source.channels > limits.max_channels:
        raise LimitError(f"{name!r} has {source.channels} channels; the limit is {limits.max_channels}.")
    if source.frames is not None and source.frames > limits.max_seconds * source.rate:
        seconds = source.frames / source.rate
        raise LimitError(f"{name!r} states a length of {seconds:.0f} s; the limit is {limits.max_seconds:g} s.")
