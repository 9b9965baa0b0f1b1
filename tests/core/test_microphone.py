"""A sound device, as far as it can be tested without one: by a stand-in for the package that would open it."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from earwitness.core.errors import AudioError, MissingPart
from earwitness.core.microphone import record


class PortAudioError(Exception):
    """As sounddevice has it."""


class InputStream:
    """Two pieces, before the second of which samples were lost; then the device is unplugged."""

    def __init__(self, **settings: Any) -> None:
        if settings["device"] == "absent":
            raise ValueError("No input device matching 'absent'")
        self.settings, self.reads = settings, 0

    def __enter__(self) -> InputStream:
        return self

    def __exit__(self, *_: object) -> None: ...

    def read(self, frames: int) -> tuple[np.ndarray[Any, np.dtype[np.float32]], bool]:
        self.reads += 1
        if self.reads > 2:
            raise PortAudioError("Device unavailable")
        return np.full((frames, 1), 0.25 * self.reads, np.float32), self.reads == 2


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = SimpleNamespace(InputStream=InputStream, PortAudioError=PortAudioError)
    monkeypatch.setitem(sys.modules, "sounddevice", stand_in)  # type: ignore[arg-type]


def test_pieces_come_as_mono_samples_and_losses_are_told(device: None) -> None:
    lost: list[int] = []
    pieces = record("default", 16000, lambda: lost.append(1))
    first, second = next(pieces), next(pieces)
    assert first.shape == (1600,) and first.dtype == np.float32
    assert (float(first[0]), float(second[0]), len(lost)) == (0.25, 0.5, 1)
    with pytest.raises(AudioError, match="'default' cannot be used: Device unavailable"):
        next(pieces)


def test_a_device_that_is_not_there_is_a_sentence(device: None) -> None:
    with pytest.raises(AudioError, match="'absent' cannot be used"):
        next(record("absent", 16000, lambda: None))


def test_the_package_that_is_missing_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # type: ignore[arg-type]
    with pytest.raises(MissingPart, match="earwitness\\[listen\\]"):
        next(record("default", 16000, lambda: None))
