"""`Audio`: samples and their rate, travelling together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import AudioError

Samples = NDArray[np.float32]
# Beyond this (integers of 32 bits taken for floats stay below) a float is no sample, and its square overflows.
_LARGEST = np.float32(2.0**32)


@dataclass(frozen=True, eq=False)
class Audio:
    """Sound in memory.

    samples: float32, (channels, n); full scale is [-1, 1], float files may go beyond. rate: Hz.
    """

    samples: Samples
    rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise AudioError(
                f"Samples must be float32 of shape (channels, n), not {self.samples.dtype} {self.samples.shape}."
            )
        if self.rate <= 0:
            raise AudioError(f"The sampling rate must be above 0 Hz, not {self.rate}.")

    @classmethod
    def of(cls, array: NDArray[Any], rate: int) -> Audio:
        """Audio from (n,) or (channels, n) floats in [-1, 1] or signed integers, which are scaled by their range.

        Raises AudioError for other shapes and types.
        """
        array = np.atleast_2d(np.asarray(array))
        if array.dtype.kind == "i":
            array = array / float(2 ** (8 * array.dtype.itemsize - 1))
        elif array.dtype.kind != "f":
            raise AudioError(f"Samples must be floats or signed integers, not {array.dtype}.")
        return cls(np.ascontiguousarray(array, dtype=np.float32), int(rate))

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def seconds(self) -> float:
        return float(self.samples.shape[1] / self.rate)

    def mono(self) -> Audio:
        """The mean of the channels as one channel."""
        if self.channels == 1:
            return self
        return Audio(self.samples.mean(axis=0, keepdims=True, dtype=np.float32), self.rate)


def exactly(samples: Samples, length: int) -> Samples:
    """(..., length): cut, or filled up with silence."""
    missing = length - samples.shape[-1]
    if missing <= 0:
        return samples[..., :length]
    return np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(0, missing)])


def numbers_only(samples: Samples) -> tuple[Samples, int]:
    """Samples of any shape with 0, a click at most, in place of NaN, infinite and absurd ones; and their number."""
    sound = np.abs(samples) <= _LARGEST  # False for NaN
    broken = int(samples.size - np.count_nonzero(sound))
    return (np.where(sound, samples, np.float32(0.0)), broken) if broken else (samples, 0)
