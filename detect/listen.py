"""A verdict that rolls along with a stream: overlapping windows, and the evidence of the last while in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..core.errors import UsageError
from ..core.resample import StreamResampler
from ..core.sound import Samples
from ..core.source import HIGHEST_RATE, LOWEST_RATE
from .decide import Outcome, decide, unanswerable
from .registry import Detector
from .verdict import Score

# Correlation of the scores of two windows of one recording, rounded down from what benchmarks/listening.py measures
# (0.76, windows of 4 s). More seconds of the same voice and room are worth less than as many of another.
CORRELATION = 0.75
LONGEST_WINDOW = 60.0
# Samples of the lower rate that soxr holds back at its best quality, at most (measured from 8 to 192 kHz).
RESAMPLER_AHEAD = 1400.0
SHORTEST_HOP = 0.1


@dataclass(frozen=True)
class Heard:
    """What is known after one more hop.

    start, end: seconds from the beginning of the stream, of the window. score: evidence of the windows in memory in
    nats, None without an answer. window_score: of this window alone. speech: net seconds in the window, NaN when the
    detector does not measure it. outcome: by the evidence. silence: why this window was not scored, "" if it was.
    """

    start: float
    end: float
    score: float | None
    window_score: float | None
    speech: float
    outcome: Outcome
    silence: str


class Listener:
    """Judges a mono stream while it arrives, in memory of one window.

    Every `hop` seconds the last `window` seconds are scored. A window counts by its new seconds with speech, in units
    of whole windows, so that overlap counts nothing twice, and fades by exp(-age / memory). n windows' worth of
    speech with mean m are n / (1 + (n - 1) CORRELATION) * m nats of evidence (Kish's design effect, Survey Sampling,
    1965), within the calibration's cap: little at first, and never much more than one window alone can say.

    A change in the sound is heard by the next verdict, at most `delay` seconds later, and fills the window after
    `window` seconds. Raises UsageError for impossible rates and times.
    """

    def __init__(
        self, detector: Detector, rate: int, *, window: float = 4.0, hop: float = 1.0, memory: float = 30.0
    ) -> None:
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise UsageError(f"The rate must lie between {LOWEST_RATE} and {HIGHEST_RATE} Hz, not {rate}.")
        if not SHORTEST_HOP <= hop <= window <= LONGEST_WINDOW:
            raise UsageError(
                f"The hop must be at least {SHORTEST_HOP:g} s, the window at least as long, and at most "
                f"{LONGEST_WINDOW:g} s; not {hop:g} and {window:g} s."
            )
        if not memory >= hop:
            raise UsageError(f"The memory must be at least one hop long, not {memory:g} s.")
        self.detector = detector
        self.memory = memory
        self.seconds = window
        self.delay = hop + (RESAMPLER_AHEAD / min(rate, detector.rate) if rate != detector.rate else 0.0)
        self._hop = round(hop * detector.rate)
        self._window = np.zeros(round(window * detector.rate), np.float32)
        self._filled = 0
        self._fresh = 0
        self._total = 0
        self._weight = 0.0
        self._sum = 0.0
        self._resampler = StreamResampler(rate, detector.rate, 1)

    def push(self, samples: Samples) -> Iterator[Heard]:
        """Verdicts that (n,) more samples make possible."""
        yield from self._take(self._resampler.push(samples[None])[0])

    def finish(self) -> Iterator[Heard]:
        """Verdicts on what is left at the end of the stream."""
        yield from self._take(self._resampler.flush()[0])
        if self._fresh:
            yield self._judge()

    def _take(self, samples: Samples) -> Iterator[Heard]:
        while samples.size:
            part = samples[: self._hop - self._fresh]
            samples = samples[part.size :]
            self._window = np.concatenate([self._window[part.size :], part])
            self._filled = min(self._window.size, self._filled + part.size)
            self._fresh += part.size
            self._total += part.size
            if self._fresh == self._hop:
                yield self._judge()

    def _judge(self) -> Heard:
        model, rate = self.detector, self.detector.rate
        held = np.ascontiguousarray(self._window[self._window.size - self._filled :])
        raw, speech, *measured = model.measure(held)
        llr = float(model.calibration.llr(raw))
        length, fresh = self._filled / rate, self._fresh / rate
        frames = np.zeros((0, 3))
        why = unanswerable(Score(llr, frames, length, speech, *measured), model.rules) or ""
        self._fresh = 0
        fade = math.exp(-fresh / self.memory)
        self._weight *= fade
        self._sum *= fade
        if not why:
            share = 1.0 if math.isnan(speech) else min(1.0, speech / length)
            weight = share * fresh / self.seconds
            self._weight += weight
            self._sum += weight * llr
        end = self._total / rate
        evidence = self._evidence()
        if evidence is None:
            outcome = Outcome("inconclusive", (why,), answered=False)
        else:
            heard = float("nan") if math.isnan(speech) else self._weight * self.seconds
            outcome = decide(Score(evidence, frames, length, heard), model.calibration, model.rules)
        return Heard(
            start=end - length,
            end=end,
            score=evidence if outcome.answered else None,
            window_score=None if why else llr,
            speech=speech,
            outcome=outcome,
            silence=why,
        )

    def _evidence(self) -> float | None:
        if not self._weight:
            return None
        worth = self._weight / (1.0 + (self._weight - 1.0) * CORRELATION)
        cap = self.detector.calibration.cap
        return min(cap, max(-cap, worth * self._sum / self._weight))
