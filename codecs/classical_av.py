"""Encoders of FFmpeg (PyAV), in memory: mono samples to the bytes of a small file, and back."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from ..core.audio import Samples

# Samples in a frame for encoders that take any number.
_ANY_FRAME = 1024


@dataclass(frozen=True)
class AvCoder:
    """One encoder of FFmpeg with the container that its packets travel in.

    reader: FFmpeg's name for reading the container, where that differs. options: the encoder's own. layout:
    "stereo" for encoders that know no mono; both channels get the same. lead: frames of silence put in
    front, for decoders that swallow what comes first.
    """

    encoder: str
    container: str
    reader: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    layout: str = "mono"
    lead: int = 0

    def present(self) -> bool:
        """Whether the installed wheel holds the encoder, a decoder for it, and the container both ways."""
        try:
            codec = av.Codec(self.encoder, "w")
            av.Codec(_DECODERS.get(self.encoder, codec.canonical_name), "r")
            av.ContainerFormat(self.container, "w")
            av.ContainerFormat(self.reader or self.container, "r")
        except (av.codec.codec.UnknownCodecError, ValueError):
            return False
        return True

    def encode(self, samples: Samples, rate: int, kbps: float | None) -> bytes:
        """A file of the samples, float32 (n,), at `rate` Hz; `kbps` None leaves the rate to the encoder."""
        target = io.BytesIO()
        with av.open(target, "w", format=self.container) as container:
            stream: Any = container.add_stream(self.encoder, rate=rate, options=dict(self.options))
            context = stream.codec_context
            context.layout = self.layout
            context.format = context.codec.audio_formats[0].name
            context.time_base = Fraction(1, rate)
            context.thread_count = 1
            if kbps is not None:
                context.bit_rate = round(kbps * 1000)
            context.open()
            for frame in self._frames(samples, rate, context):
                container.mux(stream.encode(frame))
            container.mux(_flushed(stream))
        return target.getvalue()

    def decode(self, data: bytes) -> tuple[Samples, int]:
        """Samples, float32 (n,), and their rate. Empty when the file holds no sound."""
        rate, parts = 0, []
        with av.open(io.BytesIO(data), "r", format=self.reader or self.container) as container:
            stream = container.streams.audio[0]
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                rate = frame.sample_rate
                parts.append(_floats(frame))
        return (np.concatenate(parts) if parts else np.zeros(0, np.float32)), rate

    def payload(self, data: bytes) -> int:
        """Bytes of the packets for one channel, without the container's own."""
        channels = 2 if self.layout == "stereo" else 1
        with av.open(io.BytesIO(data), "r", format=self.reader or self.container) as container:
            return sum(packet.size for packet in container.demux(audio=0)) // channels

    def _frames(self, samples: Samples, rate: int, context: av.AudioCodecContext) -> Iterator[av.AudioFrame]:
        """Full frames with silence before and, so that the encoder's memory runs empty, two behind."""
        size, form = context.frame_size or _ANY_FRAME, context.format.name
        whole = -(-samples.size // size) + 2
        padded = np.zeros((self.lead + whole) * size, np.float32)
        padded[self.lead * size : self.lead * size + samples.size] = samples
        data = _as_format(padded, form)
        channels = 2 if self.layout == "stereo" else 1
        for start in range(0, data.size, size):
            block = data[start : start + size]
            shaped = np.tile(block, (channels, 1)) if form.endswith("p") else np.repeat(block, channels)[None]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(shaped), format=form, layout=self.layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, context.time_base
            yield frame


# Decoders whose name is not the codec's.
_DECODERS = {"libopencore_amrnb": "amrnb"}


def _flushed(stream: Any) -> list[Any]:
    """The packets that an encoder still holds."""
    try:
        return list(stream.encode(None))
    except av.error.EOFError:
        return []


def _as_format(samples: Samples, form: str) -> NDArray[Any]:
    """Floats as the sample format of an encoder: s16, s32 or flt, planar or not; integers clip."""
    if form.startswith("flt"):
        return samples
    full = 2.0 ** (15 if form.startswith("s16") else 31)
    whole = np.clip(np.rint(samples.astype(np.float64) * full), -full, full - 1)
    return whole.astype(np.int16 if form.startswith("s16") else np.int32)


def _floats(frame: av.AudioFrame) -> Samples:
    """The first channel of a frame, (n,)."""
    raw: NDArray[Any] = frame.to_ndarray()
    first = raw[0] if frame.format.is_planar else raw.reshape(-1, frame.layout.nb_channels)[:, 0]
    if first.dtype.kind == "f":
        return first.astype(np.float32)
    return (first / 2.0 ** (8 * first.dtype.itemsize - 1)).astype(np.float32)
