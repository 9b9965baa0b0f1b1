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
from .resample import StreamResampler
from .sound import Audio, Samples
from .source import HIGHEST_RATE, LOWEST_RATE, Source

# Beyond this (integers of 32 bits taken for floats stay below) a float is no sample, and its square overflows.
_LARGEST = np.float32(2.0**32)
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
    with _opened(path, track, limits or Limits()) as source:
        seconds = None if source.frames is None else source.frames / source.rate
        return Probe(
            path=str(path),
            container=source.container,
            codec=source.codec,
            rate=source.rate,
            channels=source.channels,
            seconds=seconds,
            tracks=source.tracks,
            size=os.stat(path).st_size,
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
    with _opened(path, track, limits or Limits()) as source:
        out_rate = rate or source.rate
        size = max(1, round(block_seconds * out_rate))
        checked = _checked(source, str(path), limits or Limits())
        yield from _recut(_resampled(checked, source, out_rate), size, source.channels)
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
    parts: list[Samples] = []
    total = 0
    with _opened(path, track, limits or Limits()) as source:
        out_rate = rate or source.rate
        for part in _resampled(_checked(source, str(path), limits or Limits()), source, out_rate):
            total += part.size
            if total > _LOADABLE:
                raise LimitError(f"{str(path)!r} is too long to be held in memory whole.")
            parts.append(part)
        if warnings is not None:
            warnings += source.warnings
        empty = np.zeros((source.channels, 0), np.float32)
    return Audio(np.ascontiguousarray(np.concatenate([empty, *parts], axis=1)), out_rate)


@contextmanager
def _opened(path: Path | str, track: int, limits: Limits) -> Iterator[Source]:
    """The decoder for a file, within the limits as far as the header tells."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limits.max_bytes:
            raise LimitError(f"{str(path)!r} has {size} bytes; the limit is {limits.max_bytes}.")
        source = _source(file, str(path), track, size)
        try:
            _check_header(source, str(path), limits)
            yield source
        finally:
            source.close()


def _source(file: FileIO, name: str, track: int, size: int) -> Source:
    empty: SoundfileSource | None = None
    try:
        plain = SoundfileSource(file, name)
    except Refused:
        pass
    else:
        # A recorder that was cut off leaves a length of 0 in front of its samples, which FFmpeg ignores.
        if plain.frames == 0 and size > 4096:
            empty = plain
        elif track == 0:
            return plain
        else:
            plain.close()
            raise UsageError(f"{name!r} has 1 audio track(s); there is no track {track}.")
    from .decode_av import AvSource

    file.seek(0)
    try:
        return AvSource(file, name, track)
    except DecodeError:
        if empty is None or track:
            raise
        return empty


def _check_header(source: Source, name: str, limits: Limits) -> None:
    if not LOWEST_RATE <= source.rate <= HIGHEST_RATE:
        raise DecodeError(f"{name!r} states an impossible sampling rate of {source.rate} Hz.")
    if source.channels > limits.max_channels:
        raise LimitError(f"{name!r} has {source.channels} channels; the limit is {limits.max_channels}.")
    if source.frames is not None and source.frames > limits.max_seconds * source.rate:
        seconds = source.frames / source.rate
        raise LimitError(f"{name!r} states a length of {seconds:.0f} s; the limit is {limits.max_seconds:g} s.")


def _checked(source: Source, name: str, limits: Limits) -> Iterator[Samples]:
    """The decoder's chunks within the limits; what is no number becomes 0, which plays as a click at most."""
    done = broken = 0
    for chunk in source.chunks():
        done += chunk.shape[1]
        if done > limits.max_seconds * source.rate:
            raise LimitError(f"{name!r} is longer than the limit of {limits.max_seconds:g} s.")
        sound = np.abs(chunk) <= _LARGEST
        if not sound.all():
            broken += int(chunk.size - np.count_nonzero(sound))
            chunk = np.where(sound, chunk, np.float32(0.0))
        yield chunk
    if broken:
        source.warnings.append(f"{broken} samples are not numbers (NaN or Inf) and count as 0.")


def _resampled(chunks: Iterator[Samples], source: Source, rate: int) -> Iterator[Samples]:
    resampler = StreamResampler(source.rate, rate, source.channels)
    for chunk in chunks:
        yield resampler.push(chunk)
    yield resampler.flush()


def _recut(chunks: Iterator[Samples], size: int, channels: int) -> Iterator[Samples]:
    """The same samples in blocks of `size`; the last may be shorter, none is empty."""
    block, filled = np.empty((channels, size), np.float32), 0
    for chunk in chunks:
        while chunk.shape[1]:
            part = chunk[:, : size - filled]
            block[:, filled : filled + part.shape[1]] = part
            filled += part.shape[1]
            chunk = chunk[:, part.shape[1] :]
            if filled == size:
                yield block
                block, filled = np.empty((channels, size), np.float32), 0
    if filled:
        yield np.ascontiguousarray(block[:, :filled])
