"""A rolling verdict: when it comes, how evidence grows and fades, and how little memory it takes."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from earwitness.core.errors import UsageError
from earwitness.core.sound import Samples
from earwitness.detect.calibrate import Calibration
from earwitness.detect.decide import Rules
from earwitness.detect.listen import CORRELATION, Heard, Listener
from earwitness.detect.spans import Localiser
from earwitness.detect.verdict import Measurement


class Means:
    """A detector whose raw score is the mean sample; a window under 0.001 throughout is silence."""

    name, rate, window = "means", 8000, 8000
    calibration = Calibration(cap=5.0, low=-1.0, high=1.0)
    rules = Rules()
    warnings: Sequence[str] = ()
    localiser: Localiser | None = None
    model: dict[str, str] = {}  # noqa: RUF012

    def measure(self, window: Samples) -> Measurement:
        level = -20.0 if np.abs(window).max() > 1e-3 else -100.0
        return Measurement(float(window.mean()), float("nan"), level, float("nan"))


def heard(listener: Listener, samples: Samples, piece: int = 1234) -> list[Heard]:
    found = [one for at in range(0, samples.size, piece) for one in listener.push(samples[at : at + piece])]
    return [*found, *listener.finish()]


def level(seconds: float, value: float, rate: int = 8000) -> Samples:
    return np.full(round(seconds * rate), value, np.float32)


def test_a_verdict_comes_each_hop_about_the_last_window() -> None:
    found = heard(Listener(Means(), 8000, window=4, hop=1), level(6.5, 0.2))
    assert [one.end for one in found] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.5]
    assert [one.start for one in found] == [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 2.5]
    assert all(one.window_score == pytest.approx(0.2) for one in found)


def test_the_delay_is_bounded_as_stated() -> None:
    for rate in (8000, 16000, 44100):
        listener = Listener(Means(), rate, window=2, hop=0.5)
        assert listener.delay < 0.75
        last = 0.0
        for step in range(1, 300):
            for one in listener.push(level(0.02, 0.2, rate)):
                last = one.end
            assert step * 0.02 - last <= listener.delay


def test_evidence_of_one_window_is_its_score_and_more_of_the_same_adds_little() -> None:
    long = heard(Listener(Means(), 8000, window=4, hop=1, memory=1e9), level(400, 0.8))
    assert long[3].end == 4.0 and long[3].score == pytest.approx(0.8)
    assert long[0].score is not None and long[0].score < 0.5  # of a second
    # By hand: after 8 s two windows' worth of speech, 2 / (1 + CORRELATION) of the mean; in the end 1 / CORRELATION.
    assert long[7].score == pytest.approx(0.8 * 2 / (1 + CORRELATION))
    assert long[-1].score == pytest.approx(0.8 / CORRELATION, rel=0.02)
    assert [one.outcome.decision for one in (long[3], long[-1])] == ["inconclusive", "synthetic"]


def test_overlap_counts_nothing_twice() -> None:
    wide, dense = (heard(Listener(Means(), 8000, window=4, hop=hop), level(20, 0.7))[-1] for hop in (4.0, 0.25))
    assert wide.score == pytest.approx(dense.score, rel=0.05)


def test_a_change_is_heard_in_the_next_verdict_and_turns_the_decision() -> None:
    sound = np.concatenate([level(30, -2.0), level(30, 2.5)])
    found = {one.end: one for one in heard(Listener(Means(), 8000, memory=10), sound)}
    assert found[30.0].outcome.decision == "genuine"
    assert found[31.0].window_score == pytest.approx((3 * -2 + 2.5) / 4)
    assert found[34.0].window_score == pytest.approx(2.5)
    assert found[60.0].outcome.decision == "synthetic"


def test_silence_is_not_scored_and_evidence_fades() -> None:
    sound = np.concatenate([level(8, 2.0), level(90, 0.0)])
    found = heard(Listener(Means(), 8000, memory=10), sound)
    assert found[7].outcome.decision == "synthetic"
    quiet = [one for one in found if one.silence]
    assert quiet[0].end == 12.0 and quiet[0].window_score is None and "silent" in quiet[0].silence
    scores = [one.score for one in quiet if one.score is not None]
    assert all(later < earlier for earlier, later in pairwise(scores))
    assert found[-1].outcome.decision == "inconclusive"
    only = heard(Listener(Means(), 8000), level(5, 0.0))
    assert {one.score for one in only} == {None} and not any(one.outcome.answered for one in only)


def test_evidence_never_leaves_the_cap_of_the_calibration() -> None:
    found = heard(Listener(Means(), 8000), level(60, 50.0))
    assert max(one.score or 0.0 for one in found) == 5.0


def test_pieces_of_any_size_give_the_same() -> None:
    sound = np.random.default_rng(1).normal(0.2, 1.0, 44100 * 6).astype(np.float32)
    whole, pieces = (heard(Listener(Means(), 44100), sound, piece) for piece in (sound.size, 441))
    assert [one.end for one in whole] == [one.end for one in pieces]
    assert [one.window_score for one in whole] == pytest.approx([one.window_score for one in pieces], abs=1e-6)


def test_memory_does_not_grow_with_the_stream() -> None:
    def peak(seconds: int) -> int:
        listener, piece = Listener(Means(), 8000), level(0.5, 0.3)
        tracemalloc.start()
        for _ in range(2 * seconds):
            for one in listener.push(piece):
                assert math.isfinite(one.end)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    short, long = peak(20), peak(400)
    assert long < 1.2 * short + 20_000


@pytest.mark.parametrize(
    "settings",
    [
        {"rate": 10},
        {"rate": 10**6},
        {"hop": 0.0},
        {"hop": 5.0},
        {"window": 100.0},
        {"memory": 0.1},
        {"hop": math.nan},
    ],
)
def test_impossible_settings_are_sentences(settings: dict[str, float]) -> None:
    times = {name: value for name, value in settings.items() if name != "rate"}
    with pytest.raises(UsageError, match="must"):
        Listener(Means(), int(settings.get("rate", 8000)), **times)
