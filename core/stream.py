"""What happens to decoded chunks on their way out: checked, resampled, cut into equal blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .errors import LimitError
from .resample import StreamResampler
from .sound import Samples, numbers_only
from .source import Source


def checked(source: Source, name: str, max_seconds: float) -> Iterator[Samples]:
    """The decoder's chunks within the limits; what is no number becomes 0, which plays as a click at most."""
    done = broken = 0
    for chunk in source.chunks():
        done += chunk.shape[1]
        if done > max_seconds * source.rate:
            raise LimitError(f"{name!r} is longer than the limit of {max_seconds:g} s.")
        chunk, wrong = numbers_only(chunk)
        broken += wrong
        yield chunk
    if broken:
        source.warnings.append(f"{broken} samples are not numbers (NaN or Inf) and count as 0.")


def resampled(chunks: Iterator[Samples], source: Source, rate: int) -> Iterator[Samples]:
    resampler = StreamResampler(source.rate, rate, source.channels)
    for chunk in chunks:
        yield resampler.push(chunk)
    yield resampler.flush()


def recut(chunks: Iterator[Samples], size: int, channels: int) -> Iterator[Samples]:
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
