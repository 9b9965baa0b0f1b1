"""What a scan answers: scores, spans, verdicts and failures. Plain data, no arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Decision = Literal["genuine", "synthetic", "inconclusive"]


class Span(NamedTuple):
    """Seconds from the start of the file, and the score of that stretch in nats."""

    start: float
    end: float
    score: float


@dataclass(frozen=True, eq=False)
class Score:
    """One channel as a detector hears it.

    llr: log-likelihood ratio in nats, above 0 for synthetic (an uncalibrated number where the detector's card has no
    calibration); NaN when there was nothing to score. frames: (windows, 3) start and end in seconds, llr; windows
    without speech are left out. speech: net seconds of speech, NaN when the detector does not measure it.
    level: dB of full scale of the loud frames. bandwidth: Hz that the speech reaches, NaN when not measured.
    novelty, gap, content, coded: as in `Measurement`, means over the windows. synthetic: spans by the span expert.
    """

    llr: float
    frames: NDArray[np.float64]
    seconds: float
    speech: float = float("nan")
    level: float = float("nan")
    bandwidth: float = float("nan")
    novelty: float = float("nan")
    gap: float = float("nan")
    content: float = float("nan")
    coded: float = float("nan")
    synthetic: tuple[Span, ...] = field(default=(), kw_only=True)


class Measurement(NamedTuple):
    """What a detector measures in one window; NaN: not measured. raw: before calibration. speech: net seconds.
    level: dB of full scale. bandwidth: Hz. novelty: distance from the training clips, 1 on average. gap: how far two
    experts are apart in units of `raw`, below 0 where they take opposite sides. content: nats for synthesised speech
    against real speech that went through a neural codec or vocoder. coded: nats for speech behind a speech coder."""

    raw: float
    speech: float
    level: float
    bandwidth: float
    novelty: float = float("nan")
    gap: float = float("nan")
    content: float = float("nan")
    coded: float = float("nan")


@dataclass(frozen=True)
class Verdict:
    """The answer for one file or array; `channel` and `track` (from 0) say which one the score is of.

    score: calibrated log-likelihood ratio in nats, above 0 for synthetic; None only with decision "inconclusive".
    probability: of being synthetic, given `prior`; None with score None. path: as handed in, "" for an array.
    spans: stretches with speech and the clip score of each. synthetic_spans: what the span expert found in it, each
    with its evidence; none where it was not asked.
    """

    decision: Decision
    score: float | None
    probability: float | None
    prior: float
    seconds: float
    reasons: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    synthetic_spans: tuple[Span, ...] = ()
    warnings: tuple[str, ...] = ()
    model: Mapping[str, str] = field(default_factory=dict)
    channel: int = 0
    track: int = 0
    path: str = ""


@dataclass(frozen=True)
class Failure:
    """A file that could not be read, and the sentence that says why."""

    path: str
    error: str
