"""Every container but the plainest through FFmpeg (PyAV): compressed files, and the audio tracks of videos."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from io import FileIO

import av
import numpy as np

from .errors import DecodeError, UsageError
from .pyav import floats, open_container
from .resample import StreamResampler
from .sound import Samples
from .source import HIGHEST_RATE, LOWEST_RATE, short, skipping

# Formats whose duration is guessed from the bit rate.
_GUESSED = {"aac", "ac3", "eac3", "amr", "amrnb", "amrwb", "dts", "loas", "mp3", "mpeg", "mpegts", "truehd", "mlp"}
# Samples that encoder and decoder put in front of the sound, for files that do not state it. AAC: one frame
# of MDCT overlap, the least that any encoder adds. MP3: LAME's 576 and the 529 of every decoder. MP2: the
# filter bank. AC-3: half a frame. Opus: libopus' look-ahead at 48 kHz. AMR-NB: 5 ms of look-ahead.
_PRIMING = {"aac": 1024, "mp3": 1105, "mp3float": 1105, "mp2": 481, "ac3": 256, "opus": 312, "amrnb": 40}
_GATHERED = 16384
# Matroska states the length of each track as a tag, "00:00:05.023000000".
_TAG = re.compile(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d{1,12})?)")


class AvSource:
    """One audio track of a file that FFmpeg reads; see `source.Source`.

    Raises DecodeError when no sound comes out, UsageError when there is no such track.
    """

    def __init__(self, file: FileIO, name: str, track: int) -> None:
        self._name, self._container = name, open_container(file, name)
        try:
            self._start(track)
        except (DecodeError, UsageError):
            self.close()
            raise

    def _start(self, track: int) -> None:
        streams = self._container.streams.audio
        self.tracks = len(streams)
        if not streams:
            raise DecodeError(f"{self._name!r} has no audio track.")
        if not 0 <= track < self.tracks:
            raise UsageError(f"{self._name!r} has {self.tracks} audio track(s); there is no track {track}.")
        self._stream = streams[track]
        if self._stream.codec_context is None:
            raise DecodeError(f"{self._name!r} is encoded in a way that is not known here.")
        self._stream.codec_context.thread_count = 1
        self.container, self.codec = self._container.format.name, self._stream.codec_context.name
        self.warnings: list[str] = []
        self._damaged, self._priming_stated = 0, False
        self._frames = self._decoded()
        # The first frame, because headers can be wrong about rate and channels (HE-AAC).
        first = next(self._frames, None)
        if first is None:
            raise DecodeError(f"{self._name!r} holds an audio track of which nothing can be decoded.")
        self._first, self.rate, self.channels = first, first.sample_rate, first.layout.nb_channels
        self.frames = self._stated_frames()

    def chunks(self) -> Iterator[Samples]:
        done = 0
        for block in self._without_padding(skipping(self._uniform(), self._priming())):
            done += block.shape[1]
            yield block
        if self._damaged:
            self.warnings.append(f"The file is damaged: {self._damaged} of its packets could not be decoded.")
        if self.frames is not None and done < 0.98 * self.frames - 0.5 * self.rate:
            self.warnings.append(short(done, self.frames, self.rate))

    def close(self) -> None:
        self._container.close()

    def _decoded(self) -> Iterator[av.AudioFrame]:
        """Frames of the track; what is broken is counted and left out."""
        first = True
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError, IndexError):  # the last for a stream that appears on the way
                self._damaged += 1
                return
            if packet is None:
                return
            if first:
                self._priming_stated, first = packet.has_sidedata("skip_samples"), False
            try:
                yield from packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self._damaged += 1

    def _uniform(self) -> Iterator[Samples]:
        """The frames as floats, all at the rate and channel count of the first."""
        resampler, rate = StreamResampler(self.rate, self.rate, self.channels), self.rate
        for frame in self._gathered():
            block = floats(frame)
            if frame.sample_rate != rate:
                yield resampler.flush()
                rate = frame.sample_rate
                resampler = StreamResampler(rate, self.rate, self.channels)
                self.warnings.append("The sampling rate changes within the file.")
            if len(block) != self.channels:
                block = np.broadcast_to(block.mean(axis=0, keepdims=True), (self.channels, block.shape[1]))
            yield resampler.push(block)
        yield resampler.flush()

    def _gathered(self) -> Iterator[av.AudioFrame]:
        """The frames joined to longer ones, because numpy's price is per call and most codecs' frames are short."""
        kind, fifo = None, av.AudioFifo()
        for frame in itertools.chain([self._first], self._frames):
            now = (frame.format.name, frame.layout.name, frame.sample_rate)
            if now != kind:
                if fifo.samples:
                    yield from fifo.read_many(_GATHERED, partial=True)
                if not LOWEST_RATE <= frame.sample_rate <= HIGHEST_RATE:
                    continue
                kind, fifo = now, av.AudioFifo()
            frame.pts = None
            fifo.write(frame)
            if fifo.samples >= _GATHERED:
                yield from fifo.read_many(_GATHERED)
        if fifo.samples:
            yield from fifo.read_many(_GATHERED, partial=True)

    def _priming(self) -> int:
        """Samples in front of the sound that FFmpeg has not been told of."""
        if self._priming_stated:
            return 0
        # HE-AAC: the core codec runs at half the rate.
        doubled = self.codec == "aac" and self._first.samples == 2048
        return _PRIMING.get(self.codec, 0) * (2 if doubled else 1)

    def _without_padding(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        """Drop what an MP4 holds behind its stated end, if it is no more than the rest of a last frame."""
        room = self.frames if self.container.startswith("mov") else None
        held: list[Samples] = []
        for block in blocks:
            if room is None:
                yield block
                continue
            inside, beyond = block[:, :room], block[:, room:]
            room -= inside.shape[1]
            if inside.shape[1]:
                yield np.ascontiguousarray(inside)
            if beyond.shape[1]:
                held.append(np.ascontiguousarray(beyond))
            if sum(part.shape[1] for part in held) > 4096:
                yield from held
                room = None

    def _stated_frames(self) -> int | None:
        seconds = self._stated_seconds()
        return None if seconds is None or seconds <= 0 else int(seconds * self.rate)

    def _stated_seconds(self) -> float | None:
        form, stream = self._container.format.name, self._stream
        if form in _GUESSED and not (form == "mp3" and self._priming_stated):
            return None
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        if tag := _TAG.fullmatch(stream.metadata.get("DURATION", "")):
            return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        if self._container.duration is not None and len(self._container.streams) == 1:
            return self._container.duration / av.time_base
        return None
