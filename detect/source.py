"""What is scanned, as tracks of blocks, whatever it was: a file, an array, or Audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from ..core.audio import Audio, Limits, Samples, StreamResampler, blocks, probe

# Samples a block for sound in memory, seconds a block for files.
BLOCK = 1 << 18
BLOCK_SECONDS = 8.0


@dataclass(frozen=True)
class Track:
    """One audio track. `at_rate(rate)` decodes it once, in blocks (channels, n) at `rate` Hz; what is wrong but not
    fatal is in `warnings` after the last block."""

    channels: int
    at_rate: Callable[[int], Iterator[Samples]]
    warnings: list[str] = field(default_factory=list)


def of_audio(audio: Audio) -> Iterator[Track]:
    """Sound in memory as its only track."""
    warnings: list[str] = []
    yield Track(audio.channels, partial(_of_array, audio, warnings), warnings)


def _of_array(audio: Audio, warnings: list[str], rate: int) -> Iterator[Samples]:
    stream = StreamResampler(audio.rate, rate, audio.channels)
    broken = 0
    for start in range(0, audio.samples.shape[1], BLOCK):
        block = audio.samples[:, start : start + BLOCK]
        sound = np.isfinite(block)
        broken += int(block.size - np.count_nonzero(sound))
        yield stream.push(np.where(sound, block, np.float32(0.0)))
    yield stream.flush()
    if broken:
        warnings.append(f"{broken} samples are not numbers (NaN or Inf) and count as 0.")


def of_file(path: Path, limits: Limits | None) -> Iterator[Track]:
    """The audio tracks of a file. Raises AudioError."""
    first = probe(path, limits=limits)
    for index in range(first.tracks):
        seen = first if index == 0 else probe(path, track=index, limits=limits)
        warnings: list[str] = []
        yield Track(seen.channels, partial(_decoded, path, index, limits, warnings), warnings)


def _decoded(path: Path, track: int, limits: Limits | None, warnings: list[str], rate: int) -> Iterator[Samples]:
    return blocks(path, rate=rate, block_seconds=BLOCK_SECONDS, track=track, limits=limits, warnings=warnings)
