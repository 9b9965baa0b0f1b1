"""The scan: from a path or an array to a verdict, and from many paths to verdicts and failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.audio import Audio, Limits
from ..core.errors import AudioError, InputError, UsageError
from ..core.providers import CPU
from ..core.run import map as run_map
from . import registry
from .decide import CodecIs, Outcome, decide, probability
from .hearing import channel_scores
from .options import Options
from .registry import Detector
from .source import Track, of_audio, of_file
from .thorough import SECOND, doubted
from .thorough import hear as hear_thoroughly
from .verdict import Failure, Score, Span, Verdict
from .walk import expand


def scan(
    source: Path | str | Audio | NDArray[Any],
    rate: int | None = None,
    *,
    detector: str = registry.DEFAULT,
    prior: float | None = None,
    codec_is: CodecIs = "synthetic",
    thorough: bool = False,
    threads: int = 1,
    provider: str = CPU,
    limits: Limits | None = None,
) -> Verdict:
    """Judge one file, or an array (n,) or (channels, n) with its `rate` in Hz.

    Every channel of every audio track is scored; the verdict is that of the highest score. The other arguments are
    those of `Options`. Raises AudioError for what cannot be read, WeightsError for an unknown detector, UsageError
    for a missing rate and for impossible options.
    """
    return scan_as(Options(detector, prior, codec_is, thorough, threads, provider, limits), source, rate)


def scan_as(options: Options, source: Path | str | Audio | NDArray[Any], rate: int | None = None) -> Verdict:
    """The same with its options in one."""
    model = registry.open(options.detector, options.threads, options.provider)
    how = _how(options, model)
    if isinstance(source, (str, Path)):
        if rate is not None:
            raise UsageError("A file brings its own sampling rate; leave `rate` out.")
        return judge(of_file(Path(source), options.limits), model, how, str(source))
    if not isinstance(source, Audio):
        if rate is None:
            raise UsageError("An array needs its sampling rate: scan(array, rate).")
        source = Audio.of(source, rate)
    return judge(of_audio(source), model, how, "")


def scan_many(paths: Iterable[Path | str], options: Options, *, workers: int = 1) -> Iterator[Verdict | Failure]:
    """Judge files and whatever sound lies below folders, in order; a file that cannot be read is a Failure.

    workers: processes. Raises WeightsError and UsageError before the first file.
    """
    if workers < 1:
        raise UsageError(f"The number of workers must be at least 1, not {workers}.")
    registry.open(options.detector, options.threads, options.provider)
    one = partial(_scan_or_fail, options)
    return run_map(one, expand(paths), engine="pool" if workers > 1 else "local", workers=workers)


def _scan_or_fail(options: Options, path: Path) -> Verdict | Failure:
    try:
        return scan_as(options, path)
    except InputError as error:
        return Failure(str(path), str(error))


@dataclass(frozen=True)
class How:
    """What the verdict depends on beside the detector. second: the expert whose contradiction makes a thorough scan
    inconclusive, None for a scan that is not thorough."""

    prior: float
    codec_is: CodecIs = "synthetic"
    second: Detector | None = None


def _how(options: Options, model: Detector) -> How:
    prior = model.rules.prior if options.prior is None else options.prior
    if not options.thorough:
        return How(prior, options.codec_is)
    second = SECOND if options.detector != SECOND else registry.DEFAULT
    return How(prior, options.codec_is, registry.open(second, provider=options.provider))


def judge(tracks: Iterable[Track], detector: Detector, how: How, path: str) -> Verdict:
    """The verdict over all channels of all tracks: that of the highest score, else of the most speech.

    A channel that is called synthetic, or has synthetic spans, goes before those that are clear of both.
    """
    heard: list[tuple[Score, Outcome, int, int]] = []
    noticed: list[str] = []
    for index, track in enumerate(tracks):
        for channel, (score, outcome) in enumerate(_outcomes(track, detector, how)):
            heard.append((score, outcome, channel, index))
        noticed += [text for text in track.warnings if text not in noticed]
    if not heard:
        raise AudioError(f"{Path(path).name!r} holds no sound.")
    answered = [entry for entry in heard if entry[1].answered]
    if answered:
        score, outcome, channel, track_index = max(answered, key=_suspicion)
    else:
        score, outcome, channel, track_index = max(heard, key=lambda entry: np.nan_to_num(entry[0].speech))
    llr = round(score.llr, 4) if outcome.answered else None
    return Verdict(
        decision=outcome.decision,
        score=llr,
        probability=None if llr is None else round(probability(llr, how.prior), 4),
        prior=how.prior,
        seconds=round(max(entry[0].seconds for entry in heard), 3),
        reasons=outcome.reasons,
        spans=tuple(map(_rounded, score.frames)) if outcome.answered else (),
        synthetic_spans=tuple(map(_rounded, score.synthetic)) if outcome.answered else (),
        warnings=(*outcome.warnings, *noticed, *detector.warnings),
        model=detector.model,
        channel=channel,
        track=track_index,
        path=path,
    )


def _suspicion(entry: tuple[Score, Outcome, int, int]) -> tuple[bool, float]:
    score, outcome = entry[:2]
    return outcome.decision == "synthetic" or bool(score.synthetic), score.llr


def _rounded(span: Iterable[float]) -> Span:
    return Span(*(round(float(value), 3) for value in span))


def _outcomes(track: Track, detector: Detector, how: How) -> Iterator[tuple[Score, Outcome]]:
    """The calibrated score of each channel and what follows from it."""
    if how.second is None:
        for score in channel_scores(track, detector, detector.localiser):
            score = registry.calibrated(score, detector.calibration)
            yield score, decide(score, detector.calibration, detector.rules, how.codec_is)
        return
    for score, other in hear_thoroughly(track, detector, how.second):
        outcome = decide(score, detector.calibration, detector.rules, how.codec_is)
        yield score, doubted(outcome, decide(other, how.second.calibration, how.second.rules), how.second)
