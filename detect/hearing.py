"""A track through a detector, window by window, and through the span expert beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .registry import Detector
from .source import Track
from .spans import Frames, Localiser
from .verdict import Score
from .windows import COLUMNS, cut, gather


@dataclass(frozen=True)
class Channel:
    """One channel: its score, still raw, and what the span expert heard in each window, () without it."""

    score: Score
    frames: Sequence[Frames] = ()


def channel_scores(track: Track, detector: Detector, localiser: Localiser | None = None) -> list[Score]:
    """Raw scores of a track's channels, with the span expert's spans and its count of speech where there is one."""
    return [with_spans(channel, localiser) for channel in hear(track, detector, localiser)]


def with_spans(channel: Channel, localiser: Localiser | None) -> Score:
    """The score of a channel with what its frames tell: synthetic spans, and no more speech than there is.

    Energy alone takes music and noise for speech; the detector measures by it, so the less of both counts.
    """
    if localiser is None:
        return channel.score
    speech = np.fmin(channel.score.speech, localiser.speech(channel.frames))
    return replace(channel.score, speech=float(speech), synthetic=localiser.spans(channel.frames))


def hear(track: Track, detector: Detector, localiser: Localiser | None) -> list[Channel]:
    """Every channel of a track. A channel that equals the first in a window costs nothing there."""
    rows: list[list[tuple[float, ...]]] = [[] for _ in range(track.channels)]
    frames: list[list[Frames]] = [[] for _ in range(track.channels)]
    end = 0
    for start, window in cut(track.at_rate(detector.rate), detector.window):
        end = start + window.shape[1]
        times = (start / detector.rate, end / detector.rate)
        for channel, samples in enumerate(window):
            same = channel > 0 and np.array_equal(samples, window[0])
            rows[channel].append(rows[0][-1] if same else (*times, *detector.measure(samples)))
            if localiser is not None:
                count = round(times[1] / localiser.hop) - round(times[0] / localiser.hop)
                frames[channel].append(frames[0][-1] if same else localiser.hear(samples, count))
    return [
        Channel(gather(np.asarray(own, dtype=np.float64).reshape(-1, COLUMNS), end / detector.rate), heard)
        for own, heard in zip(rows, frames, strict=True)
    ]
