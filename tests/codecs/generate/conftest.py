from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from earwitness.codecs import tokens, zoo
from numpy.typing import NDArray

TEXT = "And it is worth mention in passing that, as an example of fine typography,"


@pytest.fixture(scope="session")
def read_aloud() -> Callable[[str], NDArray[np.float32]]:
    """read_aloud(codec) -> (n,) at 16 kHz: LJ Speech saying TEXT, from the shipped tokens of a codec."""

    def decoded(codec: str) -> NDArray[np.float32]:
        file = Path(str(resources.files("earwitness.codecs.weights"))) / f"english-{codec}.ewt"
        wave: NDArray[np.float32] = zoo.open_codec(codec).decode(tokens.load(file)).samples[0]
        return wave

    return decoded


@pytest.fixture(scope="session")
def text() -> str:
    """What `read_aloud` says."""
    return TEXT
