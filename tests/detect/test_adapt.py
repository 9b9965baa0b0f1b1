"""Adapting a calibration: order statistics against tables, coverage, and what may never become more eager."""

from __future__ import annotations

import numpy as np
import pytest
from earwitness.core.errors import DataError, UsageError
from earwitness.detect.adapt import LEAST, adapt, lowest_rank, needed, upper_bound
from earwitness.detect.calibrate import Calibration

SHIPPED = Calibration(scale=0.5, offset=0.25, cap=4.0, low=-1.0, high=1.0)


def test_sample_sizes_are_those_of_wilks() -> None:
    # 95 % confidence that 99 % lie below: the highest of 299, or the second highest of 473.
    assert needed(0.01, 0.95) == 299
    assert [lowest_rank(n, 0.01, 0.95) for n in (298, 299, 472, 473)] == [298, 299, 472, 472]
    assert upper_bound(0, 299, 0.95) <= 0.01 < upper_bound(0, 298, 0.95)
    assert upper_bound(0, 20, 0.95) == pytest.approx(1 - 0.05 ** (1 / 20))
    assert upper_bound(5, 5, 0.95) == 1.0
    # 95 %/95 %, the values that tables give: 59 for the highest, 93 for the second.
    assert (needed(0.05, 0.95), lowest_rank(93, 0.05, 0.95), lowest_rank(92, 0.05, 0.95)) == (59, 92, 92)


def test_the_wanted_share_holds_with_the_stated_confidence_on_new_recordings() -> None:
    generator = np.random.default_rng(1)
    kept = 0
    for _ in range(400):
        found = adapt(SHIPPED, generator.normal(3.0, 2.0, size=320), false_alarm=0.02)
        assert found.held and found.shift < 0
        # The true share of new recordings above the threshold, in raw scores.
        level = (found.calibration.high - found.calibration.offset) / found.calibration.scale
        kept += int(np.mean(generator.normal(3.0, 2.0, size=4000) >= level) <= 0.02)
    assert kept >= 0.95 * 400 - 9  # two standard deviations of luck


def test_recordings_that_cause_false_alarms_move_all_scores_down() -> None:
    scores = np.linspace(-4.0, 6.0, 40)  # llr -1.75 to 3.25: 18 are at or above 1
    found = adapt(SHIPPED, scores)
    assert (found.before, found.after, found.clips) == (18, 0, 40)
    assert found.calibration.llr(scores.max()) == pytest.approx(1.0, abs=1e-3)
    assert found.calibration.high == SHIPPED.high and found.calibration.cap == SHIPPED.cap
    assert found.bound == pytest.approx(1 - 0.05 ** (1 / 40)) and not found.held
    # Fewer false alarms are no reason to call more recordings genuine: that raw threshold stays.
    raw_low = (found.calibration.low - found.calibration.offset) / found.calibration.scale
    assert raw_low == pytest.approx((SHIPPED.low - SHIPPED.offset) / SHIPPED.scale)


def test_quiet_recordings_change_nothing_unless_asked() -> None:
    scores = np.linspace(-8.0, -1.0, 300)
    same = adapt(SHIPPED, scores)
    assert (same.calibration, same.shift, same.after, same.held) == (SHIPPED, 0.0, 0, True)
    eager = adapt(SHIPPED, scores, eager=True)
    assert eager.shift > 0 and eager.after == 0 and eager.held
    assert eager.calibration.low == SHIPPED.low  # and nothing is called genuine that was not
    assert eager.calibration.llr(0.0) > SHIPPED.llr(0.0)


def test_clips_beyond_the_cap_are_still_told_apart() -> None:
    scores = np.concatenate([np.zeros(30), [100.0]])
    found = adapt(SHIPPED, scores)
    assert found.after == 0 and found.calibration.llr(100.0) < SHIPPED.high


def test_equal_scores_at_the_threshold_are_all_below_it() -> None:
    found = adapt(SHIPPED, np.full(500, 1.5))  # llr 1.0: flagged, as the threshold itself is
    assert (found.before, found.after) == (500, 0)


def test_too_few_clips_and_impossible_shares_are_sentences() -> None:
    with pytest.raises(DataError, match=f"at least {LEAST}"):
        adapt(SHIPPED, np.zeros(LEAST - 1))
    for share, confidence in [(0.0, 0.95), (1.0, 0.95), (0.01, 1.0)]:
        with pytest.raises(UsageError):
            adapt(SHIPPED, np.zeros(30), false_alarm=share, confidence=confidence)
