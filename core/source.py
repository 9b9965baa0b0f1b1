"""What the two decoders have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from .sound import Samples

# Sampling rates outside of this are broken headers, not recordings.
LOWEST_RATE, HIGHEST_RATE = 1000, 768_000


class Source(Protocol):
    """One audio track of an open file. Decoders add what they notice on the way to `warnings`."""

    container: str
    codec: str
    rate: int
    channels: int
    frames: int | None  # as the header states it, in samples per channel
    tracks: int
    warnings: list[str]

    def chunks(self) -> Iterator[Samples]:
        """(channels, n) blocks of any length, once; broken stretches are left out."""
        ...

    def close(self) -> None: ...


def short(decoded: int, stated: int, rate: int) -> str:
    """The warning for a file that ends before its time."""
    return (
        f"The file is cut short or damaged: its header states {stated / rate:.2f} s, "
        f"{decoded / rate:.2f} s could be decoded."
    )


def skipping(blocks: Iterator[Samples], count: int) -> Iterator[Samples]:
    """The blocks without their first `count` samples."""
    for block in blocks:
        behind = block[:, count:]
        count = max(0, count - block.shape[1])
        if behind.shape[1]:
            yield np.ascontiguousarray(behind)
