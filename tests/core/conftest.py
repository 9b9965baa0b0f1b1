"""Sound made in the tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

Speechlike = Callable[..., NDArray[np.float32]]


def _speechlike(rate: int, seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """(n,) noise of 300 to 3000 Hz with syllables: every codec keeps it, and its correlation has one peak."""
    noise = np.random.default_rng(seed).standard_normal(int(rate * seconds))
    band = sosfilt(butter(4, [300, 3000], "band", fs=rate, output="sos"), noise)
    syllables = 0.2 + 0.8 * np.abs(np.sin(2 * np.pi * 1.3 * np.arange(noise.size) / rate))
    return np.asarray(0.2 * band * syllables, dtype=np.float32)


@pytest.fixture(scope="session")
def speechlike() -> Speechlike:
    return _speechlike
