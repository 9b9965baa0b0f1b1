"""Reliability: bins, weights and error against hand-computed values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from earwitness.core import metrics
from earwitness.core.errors import DataError


def test_two_bins_by_hand() -> None:
    # LLR -ln 3 and ln 3 are probabilities 1/4 and 3/4 at a prior of one half. Three genuine and one fake in the lower
    # bin, one fake in the upper: genuine weigh 1/6 each, fakes 1/4 each.
    low, high = -math.log(3), math.log(3)
    found = metrics.reliability([low, low, low, low, high], [False, False, False, True, True], bins=2)
    assert found.predicted.tolist() == pytest.approx([0.25, 0.75])
    assert found.observed.tolist() == pytest.approx([0.25 / 0.75, 1.0])
    assert found.counts.tolist() == [4, 1]
    assert found.error == pytest.approx(0.75 * (1 / 3 - 0.25) + 0.25 * 0.25)


def test_calibrated_scores_lie_on_the_diagonal_whatever_the_share_of_fakes() -> None:
    generator = np.random.default_rng(3)
    labels = np.arange(40000) % 5 == 0
    llr = generator.normal(np.where(labels, 1.0, -1.0), math.sqrt(2.0))  # its own LLR: 2 m s / v = s
    assert metrics.reliability(llr, labels).error < 0.01
    assert metrics.reliability(llr, labels, prior=0.1).error < 0.01
    assert metrics.reliability(3 * llr, labels).error > 0.05


def test_extreme_scores_are_in_the_outer_bins_and_nonsense_is_refused() -> None:
    found = metrics.reliability([-1e6, 1e6], [False, True])
    assert found.counts.tolist() == [1, 1] and found.error < 1e-300
    with pytest.raises(DataError):
        metrics.reliability([0.0, 1.0], [False, True], prior=1.0)
