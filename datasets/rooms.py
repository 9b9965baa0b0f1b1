"""Impulse responses of a fixed street of shoebox rooms, by the image source method (Allen and Berkley, 1979)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..core.audio import Samples
from ..core.errors import MissingPart

COUNT = 200
"""Rooms that policies draw from: 0 .. COUNT - 1."""
# Reflections beyond this order are left out: they cost most, and in these rooms they lie 30 dB down.
_ORDER = 36
# Samples of the filter by which pyroomacoustics places a reflection between samples.
_PLACING = 81


@dataclass(frozen=True)
class Shape:
    """Metres and seconds: the room's edges, where mouth and microphone are, and the reverberation time."""

    size: tuple[float, float, float]
    mouth: tuple[float, float, float]
    microphone: tuple[float, float, float]
    rt60: float


def shape(number: int) -> Shape:
    """Room `number`: from a closet to a hall, microphone 0.2-3 m from the mouth, RT60 0.12-0.9 s."""
    rng = np.random.default_rng([0x700, number])
    size = np.exp(rng.uniform(np.log([2.2, 2.5, 2.3]), np.log([9.0, 12.0, 3.6])))
    margin = np.minimum(0.4, size / 5)
    mouth = rng.uniform(margin, size - margin)
    mouth[2] = rng.uniform(1.1, 1.8)
    direction = rng.standard_normal(3) * (1, 1, 0.3)
    distance = np.exp(rng.uniform(np.log(0.2), np.log(3.0)))
    microphone = np.clip(mouth + distance * direction / np.linalg.norm(direction), margin / 2, size - margin / 2)
    if np.linalg.norm(microphone - mouth) < 0.1:
        microphone[0] += 0.15 if microphone[0] < size[0] / 2 else -0.15
    # Sabine: RT60 = 0.161 V / (S a), from an absorption of 0.7, the most that his formula bears, to 0.175.
    volume = float(np.prod(size))
    surface = 2 * float(size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    shortest = 0.161 * volume / (surface * 0.7)
    rt60 = max(shortest, float(rng.uniform(0.12, min(0.9, 4 * shortest))))
    return Shape(_metres(size), _metres(mouth), _metres(microphone), round(rt60, 3))


@lru_cache(maxsize=512)
def response(number: int, rate: int) -> Samples:
    """Impulse response of room `number`, float32 (n,), strongest sample (the direct sound) at 0 and of height 1.

    Raises MissingPart without pyroomacoustics.
    """
    try:
        import pyroomacoustics
    except ImportError as error:
        raise MissingPart("Rooms need pyroomacoustics: pip install 'earwitness[train]'.") from error
    wanted = shape(number)
    absorption, order = pyroomacoustics.inverse_sabine(wanted.rt60, wanted.size)
    room = pyroomacoustics.ShoeBox(
        wanted.size, fs=rate, materials=pyroomacoustics.Material(absorption), max_order=min(order, _ORDER)
    )
    room.add_source(wanted.mouth)
    room.add_microphone(wanted.microphone)
    room.compute_rir()
    whole = np.asarray(room.rir[0][0], np.float64)
    # Nothing arrives before the direct sound, so that what is in front of it may be cut: no delay remains.
    start = int(np.argmax(np.abs(whole[: _first(wanted, rate)])))
    cut = whole[start:]
    return np.ascontiguousarray(cut / cut[0], dtype=np.float32)


def _first(room: Shape, rate: int) -> int:
    """Samples by which the direct sound has arrived."""
    distance = float(np.linalg.norm(np.subtract(room.mouth, room.microphone)))
    return int(distance / 343.0 * rate) + _PLACING


def _metres(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 3) for value in values)
    return x, y, z
