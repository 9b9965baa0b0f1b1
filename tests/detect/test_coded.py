"""Speech coders of calls: which chains count, what is told of them, and the border that they raise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from earwitness.detect.calibrate import Calibration
from earwitness.detect.coded import ENOUGH, border, fit_coded, is_coded
from earwitness.detect.decide import Rules, decide
from earwitness.detect.sorting import Sorted
from earwitness.detect.verdict import Score

CODERS = {"opus-voip": (12.0, 32.0), "opus": (12.0, 16.0)}


@pytest.mark.parametrize(
    ("chain", "coded"),
    [
        ("", False),
        ("traditional", False),
        ("codec(name=opus,kbps=12.0)", True),
        ("codec(name=opus,kbps=24.0)", False),
        ("codec(name=opus,kbps=8.0)", False),
        ("codec(name=opus-voip,kbps=24.0) > gain(db=-3.0)", True),
        ("codec(name=opus,kbps=12.0) > codec(name=mp3,kbps=64.0)", False),
        ("codec(name=mp3,kbps=64.0) > codec(name=opus-voip,kbps=32.0)", True),
        ("rate(hz=24000)", False),
    ],
)
def test_the_last_codec_of_a_chain_counts(chain: str, coded: bool) -> None:
    assert is_coded(chain, CODERS) is coded


def test_what_a_coder_leaves_is_found() -> None:
    draw = np.random.default_rng(0)
    positive = np.arange(240) % 4 == 0
    x = draw.standard_normal((240, 6))
    x[:, 3] += 4.0 * positive
    clips = Sorted(x, positive, [f"{i % 24}" for i in range(240)], np.ones(240))
    sorter, numbers = fit_coded(clips, np.arange(240) % 24 % 5, np.zeros(6), np.ones(6), 1.0)
    nats = x @ sorter.direction + sorter.offset
    assert np.mean(nats[positive] > 0) > 0.9 and np.mean(nats[~positive] > 0) < 0.1
    assert numbers["coded_eer"] < 0.1 and numbers["coded_found"] > 0.8 and numbers["coded_others"] < 0.2


def test_the_border_is_what_few_genuine_clips_reach_and_none_without_enough_of_them() -> None:
    llr = np.concatenate([np.linspace(0.0, 3.0, 100), np.full(300, 9.0)])
    coded = np.arange(400) < 100
    names = [f"{i}" for i in range(400)]
    high = border(llr, coded, names, 0.02)
    assert np.mean(llr[coded] >= high) <= 0.02 and high == pytest.approx(2.94, abs=0.05)
    # One speaker of high scores counts once, however many clips there are of him.
    assert border(llr, coded, ["one" if i >= 50 else name for i, name in enumerate(names)], 0.05) < 1.6
    assert border(llr, np.arange(400) < ENOUGH - 1, names, 0.02) == -math.inf


@pytest.mark.parametrize(
    ("coded", "llr", "decision"),
    [
        (1.0, 1.5, "inconclusive"),
        (1.0, 2.5, "synthetic"),
        (-1.0, 1.5, "synthetic"),
        (math.nan, 1.5, "synthetic"),
        (1.0, 0.2, "inconclusive"),
        (1.0, -3.0, "genuine"),
    ],
)
def test_behind_a_speech_coder_synthesis_takes_more(coded: float, llr: float, decision: str) -> None:
    score = Score(llr, np.zeros((1, 3)), 5.0, 4.0, -20.0, 8000.0, coded=coded)
    outcome = decide(score, Calibration(cap=5.0, low=-1.0, high=1.0), Rules(coded_high=2.0))
    assert outcome.decision == decision and outcome.answered
    assert ("speech coder" in outcome.reasons[0]) == (coded == 1.0 and llr == 1.5)
    assert decide(score, Calibration(cap=5.0, low=-1.0, high=1.0), Rules()).decision != "inconclusive" or llr == 0.2
