"""Segment F1 and range EER against cases that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from earwitness.core import metrics
from earwitness.core.errors import DataError


def test_overlap_cuts_the_last_segment_short() -> None:
    np.testing.assert_allclose(metrics.overlap([(0.5, 1.25)], 2.5, 1.0), [0.5, 0.25, 0.0])
    assert metrics.overlap([], 0.3, 0.1).shape == (3,)


def test_segment_scores_are_counted_over_all_recordings() -> None:
    found = [[(0.0, 1.0)], [(0.0, 0.5)]]
    true = [[(0.5, 1.5)], []]
    scores = metrics.segment_scores(found, true, [2.0, 1.0], 0.5)
    # Said: 2 + 1 segments, there: 2, hit: 1.
    assert scores.precision == pytest.approx(1 / 3) and scores.recall == 0.5
    assert scores.f1 == pytest.approx(0.4)


def test_segment_scores_without_anything_are_no_number() -> None:
    assert np.isnan(metrics.segment_scores([[]], [[]], [1.0], 0.1).f1)


def test_range_eer_of_whole_segments_is_the_eer() -> None:
    rng = np.random.default_rng(0)
    synthetic = rng.random(400) < 0.4
    scores = rng.normal(size=400) + synthetic
    got = metrics.range_eer(scores, synthetic * 0.02, ~synthetic * 0.02)
    assert got == pytest.approx(metrics.eer(scores, synthetic), abs=0.01)


def test_range_eer_weighs_by_time() -> None:
    # A long genuine segment scores high: nearly all genuine time is flagged before the synthetic one is.
    assert metrics.range_eer([2.0, 1.0, 0.0], [0, 1, 0], [9, 0, 1]) == pytest.approx(0.9)
    assert metrics.range_eer([1.0, 0.0], [1, 0], [0, 1]) == 0.0
    assert metrics.range_eer([0.0, 1.0], [1, 0], [0, 1]) == 1.0
    # Equal scores say nothing.
    assert metrics.range_eer([0.0, 0.0], [1, 0], [0, 3]) == pytest.approx(0.5)


@pytest.mark.parametrize("row", [([1.0], [1.0], [0.0]), ([np.nan], [1.0], [1.0]), ([1.0, 2.0], [1.0], [1.0])])
def test_range_eer_refuses_what_has_none(row: tuple[list[float], list[float], list[float]]) -> None:
    with pytest.raises(DataError):
        metrics.range_eer(*row)


def test_false_spans_touch_no_true_one() -> None:
    assert metrics.false_spans([[(0, 1), (2, 3)], [(0, 1)]], [[(0.5, 0.6)], []]) == 2
