"""`Audio`: samples and their rate, travelling together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import AudioError

Samples = NDArray[np.float32]


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
