"""Calibration: the map recovers likelihood ratios that are known, and its bounds hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from earwitness.core.errors import DataError
from earwitness.detect.calibrate import LEAST_BAND, Calibration, fit, fit_affine, out_of_fold, weighted_quantile


def gaussians(n: int, gap: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two unit Gaussians `gap` apart; the true llr of x is gap * (x - gap / 2)."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=n), rng.normal(gap, 1, size=n)]), np.arange(2 * n) >= n


@pytest.mark.parametrize("gap", [1.0, 2.0])
@pytest.mark.parametrize("prior", [0.5, 0.1])
def test_the_map_recovers_the_true_ratio(gap: float, prior: float) -> None:
    scores, synthetic = gaussians(20000, gap)
    scale, offset = fit_affine(scores, synthetic, prior=prior)
    assert scale == pytest.approx(gap, rel=0.06)
    assert offset == pytest.approx(-(gap**2) / 2, rel=0.1)


def test_class_sizes_do_not_move_the_map() -> None:
    scores, synthetic = gaussians(5000, 2.0)
    few = np.concatenate([np.arange(5000), np.arange(5000, 5500)])
    whole, part = fit_affine(scores, synthetic), fit_affine(scores[few], synthetic[few])
    assert part == pytest.approx(whole, rel=0.1)


def test_weights_count_as_copies() -> None:
    scores, synthetic = gaussians(200, 1.5)
    twice = np.concatenate([scores, scores[:50]]), np.concatenate([synthetic, synthetic[:50]])
    weights = np.where(np.arange(400) < 50, 2.0, 1.0)
    assert fit_affine(scores, synthetic, weights) == pytest.approx(fit_affine(*twice), rel=1e-2)


def test_separated_classes_and_huge_scores_stay_finite() -> None:
    scores = np.array([-1e6, -2e6, 1e6, 2e6])
    scale, offset = fit_affine(scores, scores > 0)
    assert np.isfinite([scale, offset]).all() and scale > 0


def test_one_class_is_refused() -> None:
    with pytest.raises(DataError, match="genuine and synthetic"):
        fit_affine(np.arange(3.0), np.ones(3, bool))


def test_the_cap_is_the_log_of_the_clusters() -> None:
    scores, synthetic = gaussians(500, 3.0)
    calibration = fit(scores, synthetic, [f"s{i % 40}" for i in range(1000)])
    assert calibration.cap == pytest.approx(math.log(40))
    assert np.abs(calibration.llr([-1e9, 1e9])).tolist() == [calibration.cap] * 2
    assert np.isnan(calibration.llr(np.nan))


def test_the_band_keeps_the_promised_error_shares() -> None:
    scores, synthetic = gaussians(4000, 2.0)
    calibration = fit(scores, synthetic, [str(i) for i in range(8000)], false_alarm=0.05, miss=0.03)
    llr = calibration.llr(scores)
    assert np.mean(llr[~synthetic] > calibration.high) == pytest.approx(0.05, abs=0.005)
    assert np.mean(llr[synthetic] < calibration.low) == pytest.approx(0.03, abs=0.005)


def test_the_band_is_never_narrower_than_a_ratio_of_two() -> None:
    scores, synthetic = gaussians(500, 12.0)
    calibration = fit(scores, synthetic, [str(i) for i in range(1000)])
    assert calibration.low <= -LEAST_BAND and calibration.high >= LEAST_BAND


def test_a_useless_score_gives_ratios_near_one() -> None:
    rng = np.random.default_rng(1)
    scores, synthetic = rng.normal(size=4000), np.arange(4000) % 2 == 0
    calibration = fit(scores, synthetic, [str(i) for i in range(4000)])
    assert np.abs(calibration.llr(scores)).max() < 0.3


def test_a_card_table_comes_back() -> None:
    one = Calibration(1.5, -0.2, 5.0, -1.0, 2.0)
    assert Calibration.of(one.table()) == one
    with pytest.raises(DataError, match="slope"):
        Calibration.of({"slope": 1.0})


def test_weighted_quantiles() -> None:
    values = np.array([3.0, 1.0, 2.0])
    assert weighted_quantile(values, np.array([1.0, 1.0, 8.0]), 0.5) == 2.0
    assert weighted_quantile(values, np.ones(3), 1.0) == 3.0
    assert weighted_quantile(values, np.ones(3), 0.0) == 1.0


def test_out_of_fold_never_shows_a_group_to_its_own_model() -> None:
    groups = ["a", "b", "a", "c", "b"]

    def fit_and_score(train: np.ndarray, held: np.ndarray) -> np.ndarray:
        assert not {groups[i] for i in np.flatnonzero(train)} & {groups[i] for i in np.flatnonzero(held)}
        assert (train ^ held).all()
        return np.flatnonzero(held).astype(float)

    assert out_of_fold(groups, fit_and_score).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
