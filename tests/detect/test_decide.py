"""Three outcomes, each with its reason."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from earwitness.core.errors import DataError
from earwitness.detect.calibrate import Calibration
from earwitness.detect.decide import Rules, decide, probability
from earwitness.detect.verdict import Score

BAND = Calibration(cap=5.0, low=-1.0, high=2.0)
NO_FRAMES = np.zeros((0, 3))


def score(llr: float, **measured: float) -> Score:
    values: dict[str, Any] = {"seconds": 10.0, "speech": 8.0, "level": -20.0, "bandwidth": 7500.0, **measured}
    return Score(llr, NO_FRAMES, **values)


@pytest.mark.parametrize(
    ("llr", "decision"),
    [(3.0, "synthetic"), (2.0, "synthetic"), (1.9, "inconclusive"), (-0.9, "inconclusive"), (-1.0, "genuine")],
)
def test_the_band_decides(llr: float, decision: str) -> None:
    outcome = decide(score(llr), BAND, Rules())
    assert outcome.decision == decision and outcome.answered and len(outcome.reasons) == 1
    assert f"{llr:+.2f}" in outcome.reasons[0]


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ({"seconds": 0.0}, "no sound"),
        ({"level": -90.0}, "silent"),
        ({"level": -math.inf, "speech": 0.0}, "silent"),
        ({"speech": 0.4}, r"too little speech \(0.4 s, 1.0 s are needed\)"),
        ({"bandwidth": 2500.0}, r"too narrow .*2500 Hz"),
    ],
)
def test_what_is_not_answered_says_why(measured: dict[str, float], words: str) -> None:
    outcome = decide(score(9.0, **measured), BAND, Rules())
    assert outcome.decision == "inconclusive" and not outcome.answered
    assert re.search(words, outcome.reasons[0])


@pytest.mark.parametrize(
    ("measured", "words"),
    [({"novelty": 2.5}, r"unlike anything .*2\.50, up to 2\.00"), ({"gap": -1.6}, "experts .* disagree")],
)
def test_doubt_decides_nothing_but_shows_the_score(measured: dict[str, float], words: str) -> None:
    outcome = decide(score(4.0, **measured), BAND, Rules(most_novelty=2.0, most_gap=1.5))
    assert outcome.decision == "inconclusive" and outcome.answered
    assert re.search(words, outcome.reasons[0])
    within = decide(score(4.0, novelty=1.9, gap=-1.4), BAND, Rules(most_novelty=2.0, most_gap=1.5))
    assert within.decision == "synthetic"
    assert decide(score(4.0, novelty=99.0, gap=5.0), BAND, Rules()).decision == "synthetic"


def test_a_detector_that_measures_nothing_is_still_answered() -> None:
    outcome = decide(score(3.0, speech=math.nan, bandwidth=math.nan), BAND, Rules())
    assert outcome.decision == "synthetic" and outcome.warnings == ()


def test_nothing_to_score_is_inconclusive() -> None:
    outcome = decide(score(math.nan), BAND, Rules())
    assert outcome.decision == "inconclusive" and not outcome.answered


def test_little_speech_and_the_cap_are_warned_of() -> None:
    outcome = decide(score(5.0, speech=1.5), BAND, Rules())
    assert outcome.decision == "synthetic"
    assert "only 1.5 s of speech" in outcome.warnings[0] and "cut at 5.0 nats" in outcome.warnings[1]


def test_probability_is_bayes_rule() -> None:
    assert probability(0.0, 0.5) == 0.5
    assert probability(math.log(9), 0.5) == pytest.approx(0.9)
    assert probability(0.0, 0.2) == pytest.approx(0.2)
    assert probability(math.log(9), 0.1) == pytest.approx(0.5)
    assert probability(-800.0, 0.5) == pytest.approx(0.0) and probability(800.0, 0.5) == 1.0


def test_rules_come_back_from_a_card() -> None:
    rules = Rules(prior=0.2, least_bandwidth=5000.0)
    assert Rules.of(rules.table()) == rules
    with pytest.raises(DataError):
        Rules.of({"priors": 0.5})
    with pytest.raises(DataError, match="between 0 and 1"):
        Rules(prior=0.0)
