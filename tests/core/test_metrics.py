"""Metrics against hand-computed values and the properties that they must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from earwitness.core import metrics
from earwitness.core.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

# Genuine 0 1 2 3, synthetic 1.5 2.5 4 5: ROC and AUC are easily counted by hand.
SCORES = np.array([0.0, 1.0, 2.0, 3.0, 1.5, 2.5, 4.0, 5.0])
LABELS = np.array([False] * 4 + [True] * 4)


@st.composite
def clips(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Whole-number scores (so that ties happen) of both classes, at least two distinct values."""
    real = draw(st.lists(st.integers(-6, 5), min_size=1, max_size=12))
    fake = draw(st.lists(st.integers(-4, 7), min_size=1, max_size=12))
    scores = np.array([*real, *fake], dtype=np.float64)
    if np.unique(scores).size == 1:
        scores[0] -= 1.0
    return scores, np.array([False] * len(real) + [True] * len(fake))


def test_det_points_by_hand() -> None:
    det = metrics.det_points([0.0, 2.0, 1.0, 2.0], [False, False, True, True])
    assert det.thresholds.tolist() == [-math.inf, 0.0, 1.0, 2.0]
    assert det.fpr.tolist() == [1.0, 0.5, 0.5, 0.0]
    assert det.fnr.tolist() == [0.0, 0.0, 0.5, 1.0]


def test_eer_by_hand() -> None:
    # Above 2.0: genuine 3 of 4 not flagged -> fpr 1/4; synthetic 1.5 missed -> fnr 1/4.
    assert metrics.eer(SCORES, LABELS) == pytest.approx(0.25)
    assert metrics.eer([0, 1, 2, 3], [False, False, True, True]) == 0.0
    assert metrics.eer([0, 1, 2, 3], [True, True, False, False]) == 1.0


def test_eer_between_points_is_on_the_straight_roc() -> None:
    # Points (fpr, fnr): (1, 0), (1/2, 0), (1/2, 1/3), (0, 1/3) ...: the vertical piece fpr 1/2 -> 0 meets fnr 1/3.
    assert metrics.eer([0.0, 2.0, 1.0, 3.0, 4.0], [False, False, True, True, True]) == pytest.approx(1 / 3)
    # One tie of everything but the ends: a diagonal piece through (1/2, 1/2).
    assert metrics.eer([0.0, 1.0, 1.0, 1.0], [False, False, True, True]) == pytest.approx(1 / 3)


@settings(max_examples=60, deadline=None)
@given(clips())
def test_eer_and_auc_survive_monotone_maps_order_and_sign(data: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = data
    value, area = metrics.eer(scores, labels), metrics.auc(scores, labels)
    assert metrics.eer(np.exp(scores / 3) - 7, labels) == pytest.approx(value)
    assert metrics.auc(np.arctan(scores), labels) == pytest.approx(area)
    assert metrics.eer(-scores, labels) == pytest.approx(1 - value)
    assert metrics.auc(-scores, labels) == pytest.approx(1 - area)
    mixed = np.random.default_rng(1).permutation(scores.size)
    assert metrics.eer(scores[mixed], labels[mixed]) == pytest.approx(value)


@settings(max_examples=60, deadline=None)
@given(clips())
def test_auc_is_the_area_under_the_points_and_the_share_of_pairs(data: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = data
    real, fake = scores[~labels], scores[labels]
    wins = (fake[:, None] > real).mean() + 0.5 * (fake[:, None] == real).mean()
    det = metrics.det_points(scores, labels)
    assert metrics.auc(scores, labels) == pytest.approx(wins)
    assert np.trapezoid(1 - det.fnr[::-1], det.fpr[::-1]) == pytest.approx(wins)


def test_auc_with_ties_by_hand() -> None:
    assert metrics.auc(SCORES, LABELS) == pytest.approx(13 / 16)
    assert metrics.auc([1.0, 1.0], [False, True]) == 0.5


def test_constant_scores_have_no_eer_and_ties_are_counted() -> None:
    with pytest.raises(DataError, match="equal"):
        metrics.eer([2.0, 2.0, 2.0], [False, True, True])
    assert metrics.tie_share([1, 2, 2, 3], [False, False, True, True]) == 0.5
    assert metrics.tie_share(SCORES, LABELS) == 0.0


def test_ties_broken_for_and_against_by_hand() -> None:
    # Genuine 0 1, synthetic 1 2: the two at 1 in favour are right, against they change places.
    assert metrics.eer_by_ties([0, 1, 1, 2], [False, False, True, True]) == pytest.approx((0.0, 0.5))
    assert metrics.eer_by_ties([2, 2], [False, True]) == (0.0, 1.0)
    least, most = metrics.eer_by_ties(SCORES, LABELS)
    assert least == most == metrics.eer(SCORES, LABELS)


@pytest.mark.parametrize(
    ("scores", "labels"),
    [([0.0, math.nan], [0, 1]), ([0.0, math.inf], [0, 1]), ([0.0, 1.0], [1, 1]), ([0.0, 1.0], [0]), ([], [])],
)
def test_what_cannot_be_measured_is_refused(scores: list[float], labels: list[int]) -> None:
    with pytest.raises(DataError):
        metrics.auc(scores, labels)


def test_rates_flag_only_above_the_threshold() -> None:
    assert metrics.rates(SCORES, LABELS, 2.0) == metrics.Rates(fpr=0.25, fnr=0.25)
    assert metrics.rates(SCORES, LABELS, 1.5) == metrics.Rates(fpr=0.5, fnr=0.25)


def test_detection_at_few_false_alarms_by_hand() -> None:
    # Genuine 0 1 2 3, synthetic 1.5 2.5 3 4: none flagged leaves 4 alone, one of four also 2.5 and 3.
    scores, labels = [0, 1, 2, 3, 1.5, 2.5, 3, 4], [False] * 4 + [True] * 4
    found = [metrics.detection_at(scores, labels, fpr) for fpr in (0.0, 0.2, 0.25, 0.5, 0.99)]
    assert found == [0.25, 0.25, 0.75, 1.0, 1.0]
    with pytest.raises(DataError, match="rate"):
        metrics.detection_at(scores, labels, 1.0)


def test_dcf_weighs_a_rejected_genuine_clip_nine_tenths_more() -> None:
    assert pytest.approx(0.641854, abs=1e-6) == metrics.ASVSPOOF5_THRESHOLD
    # Above 2.5: fpr 1/4, fnr 1/2. Above 3: fpr 0, fnr 1/2, the least: 1.9 * 0 + 0.5.
    assert metrics.min_dcf(SCORES, LABELS) == pytest.approx(0.5)
    # At 0.642 genuine 1, 2, 3 are flagged and nothing is missed: 1.9 * 3/4.
    assert metrics.act_dcf(SCORES, LABELS) == pytest.approx(1.9 * 0.75)
    # Useless scores cost what "never flag" costs: 1, as rejecting every genuine clip costs 1.9.
    assert metrics.min_dcf([1.0, 1.0], [False, True]) == 1.0
    # One genuine clip just above the threshold, one synthetic just below it.
    assert metrics.act_dcf([0.65, -5, 0.64, 5], [False, False, True, True]) == pytest.approx(1.9 / 2 + 1 / 2)


def test_cllr_by_hand() -> None:
    assert metrics.cllr([0.0, 0.0, 0.0], [False, True, True]) == pytest.approx(1.0)
    # log2(1 + 1/3) for both when the LLR is ln 3 the right way, log2(1 + 3) the wrong way.
    assert metrics.cllr([-math.log(3), math.log(3)], [False, True]) == pytest.approx(math.log2(4 / 3))
    assert metrics.cllr([math.log(3), -math.log(3)], [False, True]) == pytest.approx(2.0)
    assert metrics.cllr([-800.0, 800.0], [False, True]) == pytest.approx(0.0, abs=1e-12)


def test_pav_by_hand() -> None:
    # By score: real, fake, real, fake -> pooled posteriors 0, 1/2, 1/2, 1; equal priors, so LLR -inf 0 0 inf.
    llr = metrics.pav_llr([0.0, 1.0, 2.0, 3.0], [False, True, False, True])
    assert llr.tolist() == [-math.inf, 0.0, 0.0, math.inf]
    assert metrics.cllr_min([0.0, 1.0, 2.0, 3.0], [False, True, False, True]) == pytest.approx(0.5)


@settings(max_examples=60, deadline=None)
@given(clips())
def test_cllr_min_is_between_zero_and_cllr_and_ignores_scale(data: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = data
    least = metrics.cllr_min(scores, labels)
    assert -1e-12 <= least <= min(1.0, metrics.cllr(scores, labels)) + 1e-12
    assert metrics.cllr_min(3 * scores + 5, labels) == pytest.approx(least)


def test_calibrated_gaussian_scores_lose_almost_nothing() -> None:
    # Equal-variance Gaussians at -m and m with variance v have LLR 2 m s / v; here that is s itself.
    generator = np.random.default_rng(7)
    labels = np.arange(40000) % 2 == 1
    llr = generator.normal(np.where(labels, 1.5, -1.5), math.sqrt(3.0))
    assert metrics.cllr(llr, labels) - metrics.cllr_min(llr, labels) < 0.01
    assert metrics.act_dcf(llr, labels) - metrics.min_dcf(llr, labels) < 0.02
    assert metrics.eer(llr, labels) == pytest.approx(0.5 * math.erfc(1.5 / math.sqrt(6.0)), abs=0.01)


def test_pairs_are_within_one_name() -> None:
    labels = [False, True, True, False, True, False]
    real, fake = metrics.pair_rows(labels, ["a", "a", "a", "b", "", "a"])
    assert sorted(zip(real.tolist(), fake.tolist(), strict=True)) == [(0, 1), (0, 2), (5, 1), (5, 2)]
    scores = np.array([0.0, 1.0, -1.0, 9.0, 9.0, 1.0])
    assert metrics.pair_order(scores[real], scores[fake]) == pytest.approx((1 + 0 + 0.5 + 0) / 4)
    with pytest.raises(DataError):
        metrics.pair_order([], [])


def test_groups_with_one_class_are_left_out() -> None:
    groups = ["a", "a", "b", "c", "c"]
    found = metrics.by_group(metrics.auc, groups, [0.0, 1.0, 5.0, 1.0, 0.0], [False, True, True, False, True])
    assert found == {"a": 1.0, "c": 0.0}


def test_summary_agrees_with_its_parts() -> None:
    row = metrics.summarise(SCORES, LABELS, threshold=2.0)
    assert (row.genuine, row.synthetic, row.eer, row.fpr, row.fnr) == (4, 4, 0.25, 0.25, 0.25)
    assert row.cllr == metrics.cllr(SCORES, LABELS)
    assert row.cllr_min == metrics.cllr_min(SCORES, LABELS)
