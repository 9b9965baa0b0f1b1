"""Sound made in the tests, and PyAV as an encoder for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

Encode = Callable[..., Path]
Speechlike = Callable[..., NDArray[np.float32]]


def _speechlike(rate: int, seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """(n,) noise of 300 to 3000 Hz with syllables: every codec keeps it, and its correlation has one peak."""
    noise = np.random.default_rng(seed).standard_normal(int(rate * seconds))
    band = sosfilt(butter(4, [300, 3000], "band", fs=rate, output="sos"), noise)
    syllables = 0.2 + 0.8 * np.abs(np.sin(2 * np.pi * 1.3 * np.arange(noise.size) / rate))
    return np.asarray(0.2 * band * syllables, dtype=np.float32)


def _encode(
    path: Path,
    codec: str,
    rate: int,
    *tracks: NDArray[np.float32],
    container: str | None = None,
    video: bool = False,
    bit_rate: int = 64000,
    options: dict[str, str] | None = None,
) -> Path:
    """Write mono tracks (n,), each encoded with `codec`, behind a video track if asked."""
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        if video:
            pictures: Any = output.add_stream("mpeg4", rate=10)
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuv420p"
        streams: list[Any] = [output.add_stream(codec, rate=rate) for _ in tracks]
        for stream in streams:
            stream.layout = "mono"
            stream.bit_rate = bit_rate
        if video:
            seconds = max([len(track) / rate for track in tracks], default=1.0)
            for number in range(round(10 * seconds)):
                picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number, np.uint8), format="rgb24")
                picture.pts = number
                output.mux(pictures.encode(picture))
            output.mux(pictures.encode(None))
        for stream, track in zip(streams, tracks, strict=True):
            for start in range(0, len(track), rate):
                frame = av.AudioFrame.from_ndarray(track[None, start : start + rate], format="fltp", layout="mono")
                frame.sample_rate, frame.pts = rate, start
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def speechlike() -> Speechlike:
    return _speechlike


@pytest.fixture(scope="session")
def encode() -> Encode:
    return _encode
