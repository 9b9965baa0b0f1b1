"""A thorough scan: the mean over three starts, and a second expert that may object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from earwitness.core.errors import UsageError
from earwitness.core.sound import Samples
from earwitness.detect import thorough
from earwitness.detect.calibrate import Calibration
from earwitness.detect.decide import Outcome, Rules
from earwitness.detect.options import Options
from earwitness.detect.scan import scan, scan_many
from earwitness.detect.source import Track
from earwitness.detect.spans import Chain, Frames, Localiser
from earwitness.detect.verdict import Failure, Measurement

RATE = 16000


class Loudness:
    """Scores a window by its first sample, and keeps where it was asked to listen."""

    rate, window = RATE, 2 * RATE
    calibration, rules = Calibration(), Rules()
    warnings: Sequence[str] = ()
    model: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, name: str, localiser: Localiser | None = None) -> None:
        self.name, self.localiser = name, localiser

    def measure(self, window: Samples) -> Measurement:
        return Measurement(float(window[0]), len(window) / RATE, -20.0, 8000.0)


class Ramp:
    """A span expert whose logit is the sample that a frame begins with."""

    name, rate, hop, chain = "ramp", RATE, 0.02, Chain()

    def hear(self, window: Samples, count: int | None = None) -> Frames:
        logits = window[:: round(self.hop * RATE)][:count].astype(float)
        return Frames(logits, np.ones(len(logits)), np.ones(len(logits)))

    spans = Localiser.spans
    speech = Localiser.speech


def track(sound: Samples) -> Track:
    def blocks(rate: int) -> Iterator[Samples]:
        yield from np.array_split(sound, 7, axis=1)

    return Track(len(sound), blocks)


def test_three_starts_are_averaged_and_frames_stay_in_their_place() -> None:
    sound = np.linspace(0, 1, 8 * RATE, dtype=np.float32)[None]
    first, second = Loudness("first", Ramp()), Loudness("second")  # type: ignore[arg-type]
    ((score, other),) = thorough.hear(track(sound), first, second)
    means = []
    for skip in (0.0, 0.5, 1.0):
        starts = np.arange(skip, 8, 2)
        lengths = np.minimum(2.0, 8 - starts)
        # What is no longer than half a window belongs to the one before it.
        if lengths[-1] <= 1.0:
            lengths[-2] += lengths[-1]
            starts, lengths = starts[:-1], lengths[:-1]
        means.append((np.average(starts / 8, weights=lengths), lengths.sum()))
    want = np.average([mean for mean, _ in means], weights=[length for _, length in means])
    assert score.llr == pytest.approx(want, abs=1e-4) and other.llr == pytest.approx(3 / 8, abs=1e-4)
    frames = thorough._mean_frames([[Ramp().hear(sound[0])], [Ramp().hear(sound[0, RATE:])]], [0, 50])
    assert np.allclose(frames.logits, sound[0, ::320], atol=1e-6)


def test_nothing_heard_has_no_score() -> None:
    (score, _), *_ = thorough.hear(track(np.zeros((2, 0), np.float32)), Loudness("a", Ramp()), Loudness("b"))  # type: ignore[arg-type]
    assert np.isnan(score.llr) and score.seconds == 0 and score.synthetic == ()


def test_only_the_opposite_makes_doubt() -> None:
    second = Loudness("second")
    genuine, synthetic, unsure = (Outcome(name, ("why",)) for name in ("genuine", "synthetic", "inconclusive"))  # type: ignore[arg-type]
    for mine, other in ((genuine, synthetic), (synthetic, genuine)):
        told = thorough.doubted(mine, other, second)
        assert told.decision == "inconclusive" and "second" in told.reasons[-1]
    for mine, other in ((genuine, genuine), (synthetic, unsure), (unsure, genuine)):
        assert thorough.doubted(mine, other, second) == mine


def test_a_thorough_scan_of_what_ships() -> None:
    time = np.arange(9 * RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(len(time))
    sound = (0.1 * np.sin(6 * np.pi * time) ** 2 * (np.sin(1400 * time) + 0.3 * noise)).astype(np.float32)
    plain, careful = (scan(sound, RATE, thorough=value) for value in (False, True))
    assert careful.seconds == plain.seconds and len(careful.spans) == len(plain.spans)
    assert (careful.score is None) == (plain.score is None) and careful.model == plain.model


def test_bad_files_and_providers_are_told_as_ever(tmp_path: object) -> None:
    (failure,) = scan_many([f"{tmp_path}/absent.wav"], Options(thorough=True))
    assert isinstance(failure, Failure)
    with pytest.raises(UsageError, match="execution provider"):
        scan_many(["x.wav"], Options(provider="abacus"))
