"""Encoders of libsndfile (soundfile), in memory: mono samples to the bytes of a file, and back."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soundfile

from ..core.audio import Samples

# libsndfile's Vorbis encoder puts each write on the stack and crashes on long ones.
_CHUNK = 16384


@dataclass(frozen=True)
class SndfileCoder:
    """One subtype of libsndfile. levels: compression level (0 best .. 1 smallest) for each nominal bitrate."""

    container: str
    subtype: str
    levels: Mapping[float, float] = field(default_factory=dict)

    def present(self) -> bool:
        """Whether the installed wheel holds the subtype."""
        return bool(soundfile.check_format(self.container, self.subtype))

    def encode(self, samples: Samples, rate: int, kbps: float | None) -> bytes:
        """A file of the samples, float32 (n,), at `rate` Hz. Without a container the rate is not in it."""
        target = io.BytesIO()
        options: dict[str, Any] = {}
        if kbps is not None and kbps in self.levels:
            options["compression_level"] = self.levels[kbps]
        # Dialogic ADPCM packs two samples in an octet and refuses half of one.
        clipped = np.pad(np.clip(samples, -1.0, 1.0), (0, samples.size % 2))
        with soundfile.SoundFile(target, "w", rate, 1, self.subtype, format=self.container, **options) as file:
            for start in range(0, clipped.size, _CHUNK):
                file.write(clipped[start : start + _CHUNK])
        return target.getvalue()

    def decode(self, data: bytes) -> tuple[Samples, int]:
        """Samples, float32 (n,), and their rate; 8 kHz for bare streams, which are all telephone codecs."""
        bare: dict[str, Any] = {}
        if self.container == "RAW":
            bare = {"samplerate": 8000, "channels": 1, "subtype": self.subtype, "format": "RAW"}
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", **bare)
        return samples, int(rate)

    def payload(self, data: bytes) -> int:
        """Bytes of the file without those of an empty one."""
        return len(data) - len(self.encode(np.zeros(0, np.float32), 8000, next(iter(self.levels), None)))
