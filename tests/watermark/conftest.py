"""Sound with several channels, a key, a store, and a folder to work in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from earwitness.core.audio import Audio
from earwitness.watermark import Key, Records
from earwitness.watermark.records import open_records


@pytest.fixture(scope="session")
def talk(speech: Callable[..., Any]) -> Callable[..., Audio]:
    """talk(seconds, rate=16000, channels=1, seed=0) -> Audio; each channel speaks for itself."""

    def make(seconds: float, rate: int = 16000, channels: int = 1, seed: int = 0) -> Audio:
        return Audio(np.stack([speech(seconds, seed + channel, rate) for channel in range(channels)]), rate)

    return make


@pytest.fixture
def key() -> Key:
    return Key(bytes(range(32)))


@pytest.fixture
def store(tmp_path: Path) -> Records:
    """An empty store of records."""
    return open_records(tmp_path / "store" / "records.sqlite")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder that holds only what a test puts into it."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder
