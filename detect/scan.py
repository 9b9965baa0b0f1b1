"""The scan: from a path or an array to a verdict, and from many paths to verdicts and failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.audio import Audio, Limits
from ..core.errors import AudioError, InputError, UsageError
from ..core.run import map as run_map
from . import registry
from .decide import Outcome, decide, probability
from .registry import Detector
from .source import Track, of_audio, of_file
from .verdict import Failure, Score, Span, Verdict
from .walk import expand
from .windows import COLUMNS, cut, gather


def scan(
    source: Path | str | Audio | NDArray[Any],
    rate: int | None = None,
    *,
    detector: str = registry.DEFAULT,
    prior: float | None = None,
    threads: int = 1,
    limits: Limits | None = None,
) -> Verdict:
    """Judge one file, or an array (n,) or (channels, n) with its `rate` in Hz.

    Every channel of every audio track is scored; the verdict is that of the highest score. prior: of being
    synthetic, for the probability; the card's own without it. threads: of the graph. limits: on length, size and
    channels, checked before decoding.
    Raises AudioError for what cannot be read, WeightsError for an unknown detector, UsageError for a missing rate.
    """
    model = registry.open(detector, threads)
    _check_prior(prior)
    prior = model.rules.prior if prior is None else prior
    if isinstance(source, (str, Path)):
        if rate is not None:
            raise UsageError("A file brings its own sampling rate; leave `rate` out.")
        return judge(of_file(Path(source), limits), model, prior, str(source))
    if not isinstance(source, Audio):
        if rate is None:
            raise UsageError("An array needs its sampling rate: scan(array, rate).")
        source = Audio.of(source, rate)
    return judge(of_audio(source), model, prior, "")


def scan_many(
    paths: Iterable[Path | str],
    *,
    detector: str = registry.DEFAULT,
    prior: float | None = None,
    workers: int = 1,
    threads: int = 1,
    limits: Limits | None = None,
) -> Iterator[Verdict | Failure]:
    """Judge files and whatever sound lies below folders, in order; a file that cannot be read is a Failure.

    workers: processes. Raises WeightsError and UsageError before the first file.
    """
    if workers < 1:
        raise UsageError(f"The number of workers must be at least 1, not {workers}.")
    _check_prior(prior)
    registry.open(detector, threads)
    one = partial(_scan_or_fail, detector=detector, prior=prior, threads=threads, limits=limits)
    return run_map(one, expand(paths), engine="pool" if workers > 1 else "local", workers=workers)


def _check_prior(prior: float | None) -> None:
    if prior is not None and not 0.0 < prior < 1.0:
        raise UsageError(f"The prior must lie between 0 and 1, not {prior:g}.")


def _scan_or_fail(
    path: Path, detector: str, prior: float | None, threads: int, limits: Limits | None
) -> Verdict | Failure:
    try:
        return scan(path, detector=detector, prior=prior, threads=threads, limits=limits)
    except InputError as error:
        return Failure(str(path), str(error))


def judge(tracks: Iterable[Track], detector: Detector, prior: float, path: str) -> Verdict:
    """The verdict over all channels of all tracks: that of the highest score, else of the most speech."""
    heard: list[tuple[Score, Outcome, int, int]] = []
    noticed: list[str] = []
    for index, track in enumerate(tracks):
        for channel, score in enumerate(channel_scores(track, detector)):
            score = registry.calibrated(score, detector.calibration)
            heard.append((score, decide(score, detector.calibration, detector.rules), channel, index))
        noticed += [text for text in track.warnings if text not in noticed]
    if not heard:
        raise AudioError(f"{Path(path).name!r} holds no sound.")
    answered = [entry for entry in heard if entry[1].answered]
    if answered:
        score, outcome, channel, track_index = max(answered, key=lambda entry: entry[0].llr)
    else:
        score, outcome, channel, track_index = max(heard, key=lambda entry: np.nan_to_num(entry[0].speech))
    llr = round(score.llr, 4) if outcome.answered else None
    return Verdict(
        decision=outcome.decision,
        score=llr,
        probability=None if llr is None else round(probability(llr, prior), 4),
        prior=prior,
        seconds=round(max(entry[0].seconds for entry in heard), 3),
        reasons=outcome.reasons,
        spans=tuple(Span(*(round(float(x), 3) for x in row)) for row in score.frames) if outcome.answered else (),
        warnings=(*outcome.warnings, *noticed, *detector.warnings),
        model=detector.model,
        channel=channel,
        track=track_index,
        path=path,
    )


def channel_scores(track: Track, detector: Detector) -> list[Score]:
    """Raw scores of a track's channels. A channel that equals the first in a window costs nothing there."""
    rows: list[list[tuple[float, ...]]] = [[] for _ in range(track.channels)]
    end = 0
    for start, window in cut(track.at_rate(detector.rate), detector.window):
        end = start + window.shape[1]
        times = (start / detector.rate, end / detector.rate)
        for channel, samples in enumerate(window):
            same = channel > 0 and np.array_equal(samples, window[0])
            rows[channel].append(rows[0][-1] if same else (*times, *detector.measure(samples)))
    return [gather(np.asarray(own, dtype=np.float64).reshape(-1, COLUMNS), end / detector.rate) for own in rows]
