"""The door for sound: reading, writing, resampling. Samples are float32, (channels, n), and carry their rate."""

from __future__ import annotations

from .decode import Limits, Probe, blocks, load, probe
from .encode import Writer, save, subtype_like
from .resample import StreamResampler, resample
from .sound import Audio, Samples, exactly

__all__ = [
    "Audio",
    "Limits",
    "Probe",
    "Samples",
    "StreamResampler",
    "Writer",
    "blocks",
    "exactly",
    "load",
    "probe",
    "resample",
    "save",
    "subtype_like",
]
