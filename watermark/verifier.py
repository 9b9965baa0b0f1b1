"""Listening for marks: a stream in, evidence out, chapter by chapter in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..core.audio import Samples, StreamResampler
from ..core.errors import UsageError
from . import plan, trace
from .chips import ChipSource
from .content import Content
from .correlate import Pilot
from .evidence import FOUND_P, Evidence
from .examine import Heard, examine
from .judge import Findings, judge
from .key import Key
from .layout import CHIP_HOPS, HOP, RATE
from .records import Records
from .scene import Scene

# Channels beyond these are heard in the mean only.
_CHANNELS = 8
# A handle counts as heard when its own chips are this unlikely by chance.
_CONFIRMED = float(np.log(1e-5))
_CHAPTER = plan.CHAPTER * CHIP_HOPS * HOP
# The last chapter takes in a rest that would be too short to be searched well.
_REST = plan.LONG * CHIP_HOPS * HOP
# Root mean square (of full scale) under which a second holds nothing to listen to: -70 dB.
_QUIET = 10**-3.5


@dataclass
class Ear:
    """One key, ready to be listened for."""

    key: Key
    source: ChipSource
    pilot: Pilot
    known: NDArray[np.uint32]

    @classmethod
    def of(cls, key: Key, records: Records | None) -> Ear:
        source = ChipSource(key)
        known = np.zeros(0, np.uint32) if records is None else records.handles(key.id)
        return cls(key, source, Pilot(source), known)


@dataclass
class Found:
    """The best that was heard of one key in one channel of one chapter."""

    ear: Ear
    channel: int | None
    chapter: int
    heard: Heard


@dataclass
class _State:
    seconds: float = 0.0
    loud_seconds: float = 0.0
    chapters: int = 0
    best: list[Found] = field(default_factory=list)
    pieces: dict[tuple[str, int | None], list[trace.Piece]] = field(default_factory=dict)


class Verifier:
    """Listens to a stream for the marks of some keys.

    rate: Hz. records: where handles and fingerprints are looked up; without it a mark is known by its key alone.
    search: "plain" listens at unchanged speed only. Raises UsageError without a key.
    """

    def __init__(
        self,
        rate: int,
        channels: int,
        keys: Sequence[Key],
        records: Records | None = None,
        search: plan.Search = "full",
    ) -> None:
        if not keys:
            raise UsageError("A mark can only be looked for with a key.")
        self._ears = [Ear.of(key, records) for key in keys]
        self._search, self._channels = search, channels
        self._down = StreamResampler(rate, RATE, channels)
        self._waiting = np.zeros((channels, 0), np.float32)
        self._state = _State()
        self._content = Content(records)

    def push(self, samples: Samples) -> None:
        """Take (channels, n)."""
        self._waiting = np.concatenate([self._waiting, self._down.push(samples)], axis=1)
        while self._waiting.shape[1] >= _CHAPTER + _REST:
            self._chapter(self._waiting[:, :_CHAPTER])
            self._waiting = self._waiting[:, _CHAPTER:]

    def finish(self) -> Evidence:
        """The verdict on all that was pushed. The verifier is used up then."""
        self._waiting = np.concatenate([self._waiting, self._down.flush()], axis=1)
        if self._waiting.shape[1]:
            self._chapter(self._waiting)
        return judge(self._findings(), self._content)

    def _chapter(self, samples: Samples) -> None:
        state = self._state
        begins, state.chapters = state.seconds, state.chapters + 1
        state.seconds += samples.shape[1] / RATE
        mean = samples.mean(axis=0, dtype=np.float32)
        whole = mean[: len(mean) // RATE * RATE].reshape(-1, RATE)
        state.loud_seconds += float(np.sum(np.sqrt(np.mean(np.square(whole), axis=1)) > _QUIET))
        found = [one for channel in self._views() for one in self._listen(channel, mean, samples, state.chapters)]
        state.best = sorted([*state.best, *found], key=lambda one: one.heard.log_p)[:8]
        sure = [one for one in found if one.heard.log_p + self._tried() < np.log(FOUND_P)]
        first = min(sure, key=lambda one: one.heard.log_p, default=None)
        alignment = None if first is None else first.heard.alignment
        self._content.push(mean, begins, alignment)

    def _views(self) -> list[int | None]:
        """The mean of all channels, and each by itself."""
        return [None] if self._channels == 1 else [None, *range(min(self._channels, _CHANNELS))]

    def _tried(self) -> float:
        """Logarithm of the number of channels and keys, which every bound is multiplied by."""
        return float(np.log(len(self._views()) * len(self._ears)))

    def _listen(self, channel: int | None, mean: Samples, samples: Samples, chapter: int) -> list[Found]:
        scene = Scene.of(mean if channel is None else samples[channel])
        # Speed is one for all channels: it is looked for in their mean.
        how = self._search if channel is None else "plain"
        found = []
        for ear in self._ears:
            heard = examine(scene, ear.pilot, ear.known, how, _CONFIRMED)
            found += [Found(ear, channel, chapter, one) for one in heard[:1]]
            self._trace(scene, ear, channel, heard)
        return found

    def _trace(self, scene: Scene, ear: Ear, channel: int | None, heard: list[Heard]) -> None:
        """Spans of the alignments that are beyond doubt."""
        sure = [one for one in heard if one.log_p + self._tried() < np.log(FOUND_P)]
        if not sure:
            return
        handle = next((one.reading.handle for one in sure if one.reading is not None), None)
        tracks = [(one.alignment, one.soft) for one in sure]
        begins = self._state.seconds - scene.frames * HOP / RATE
        pieces = trace.shifted(trace.pieces(scene, ear.source, tracks, handle), max(0.0, begins))
        self._state.pieces.setdefault((ear.key.id, channel), []).extend(pieces)

    def _findings(self) -> Findings:
        state = self._state
        best = state.best[0] if state.best else None
        seconds, loud = state.seconds, state.loud_seconds
        if best is None:
            return Findings(None, 0.0, 1, seconds, loud, (), None, False, None, None)
        factor = len(self._views()) * len(self._ears) * state.chapters
        log_p = min(0.0, best.heard.log_p + float(np.log(factor)))
        key_id = best.ear.key.id
        readings = [one.heard.reading for one in state.best if one.ear.key.id == key_id and one.heard.reading]
        pieces = tuple(state.pieces.get((key_id, best.channel), []))
        hypotheses = int(min(best.heard.hypotheses * factor, 1e300))
        alignment = best.heard.alignment
        handle = readings[0].handle if readings else None
        return Findings(
            key_id,
            log_p,
            hypotheses,
            seconds,
            loud,
            pieces,
            handle,
            best.heard.hollow and handle is None,
            alignment,
            best.channel,
        )
