"""Bootstrap over clusters and intervals of proportions."""

from __future__ import annotations

import numpy as np
import pytest
from earwitness.core import metrics
from earwitness.core.errors import DataError


def test_clusters_come_whole() -> None:
    clusters = np.repeat(["a", "b", "c", "d"], [1, 2, 3, 4])
    weight = 1.0 / np.repeat([1, 2, 3, 4], [1, 2, 3, 4])
    # Each cluster's weights sum to 1, so every resample of four whole clusters sums to 4.
    interval = metrics.bootstrap(lambda w: float(w.sum()), clusters, weight, n=200)
    assert (interval.value, interval.low, interval.high) == pytest.approx((4.0, 4.0, 4.0))


def test_rows_stay_together_across_columns() -> None:
    rows = np.arange(30)
    interval = metrics.bootstrap(lambda a, b: float(np.abs(a - b).max()), rows % 7, rows, rows, n=50)
    assert interval == metrics.Interval(0.0, 0.0, 0.0)


def test_interval_of_a_mean_has_the_width_that_theory_gives() -> None:
    values = np.random.default_rng(3).normal(5.0, 2.0, 400)
    interval = metrics.bootstrap(lambda x: float(x.mean()), np.arange(400), values, n=2000, seed=1)
    half = 1.96 * values.std() / 20
    assert interval.value - interval.low == pytest.approx(half, rel=0.1)
    assert interval.high - interval.value == pytest.approx(half, rel=0.1)


def test_copies_of_a_clip_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(4).normal(size=40)
    once = metrics.bootstrap(lambda x: float(x.mean()), np.arange(40), values, seed=2)
    many = metrics.bootstrap(lambda x: float(x.mean()), np.repeat(np.arange(40), 25), np.repeat(values, 25), seed=2)
    assert (many.low, many.high) == pytest.approx((once.low, once.high))


def test_seed_decides() -> None:
    values = np.random.default_rng(5).normal(size=30)
    first, again, other = (
        metrics.bootstrap(lambda x: float(x.mean()), np.arange(30), values, n=99, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.low != other.low


def test_eer_of_pages() -> None:
    generator = np.random.default_rng(6)
    labels = np.arange(300) % 2 == 1
    scores = generator.normal(np.where(labels, 1.0, -1.0))
    interval = metrics.bootstrap(metrics.eer, np.arange(300) // 10, scores, labels, n=200)
    assert interval.low < 0.159 < interval.high
    assert interval.low < interval.value < interval.high


def test_draws_without_both_classes_are_left_out_or_refused() -> None:
    labels = np.array([False, True, False, True])
    with pytest.raises(DataError, match="clusters"):
        metrics.bootstrap(metrics.auc, ["a", "a", "a", "a"], [0, 1, 2, 3], labels)
    # Two clusters of one class each: half of the draws miss a class; with nothing but luck both are in the rest.
    interval = metrics.bootstrap(metrics.auc, ["a", "b", "a", "b", "c"], [0, 1, 0, 1, 1], [0, 1, 0, 1, 1], n=400)
    assert interval.value == interval.low == 1.0
    with pytest.raises(DataError, match="row"):
        metrics.bootstrap(metrics.auc, ["a", "b"], [1.0], [True])


def test_clopper_pearson_by_the_rule_of_three_and_a_table() -> None:
    none = metrics.clopper_pearson(0, 100)
    assert none.low == 0.0
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 100))
    # 5 of 20, a value that tables give: 8.66 % to 49.10 %.
    some = metrics.clopper_pearson(5, 20)
    assert (some.value, some.low, some.high) == pytest.approx((0.25, 0.08657, 0.49104), abs=1e-5)
    assert metrics.clopper_pearson(20, 20).high == 1.0


def test_wilson_by_a_table() -> None:
    some = metrics.wilson(5, 20)
    assert (some.low, some.high) == pytest.approx((0.11186, 0.46870), abs=1e-4)
    assert metrics.wilson(0, 10).low == 0.0
    with pytest.raises(DataError):
        metrics.wilson(1, 0)


def test_clusters_of_one_row_give_the_exact_interval_and_copies_do_not_narrow_it() -> None:
    rows = [True] * 5 + [False] * 15
    alone = metrics.clustered_proportion(rows, list(range(20)))
    exact = metrics.clopper_pearson(5, 20)
    # The design effect is estimated with k - 1 in place of k, which costs one row of 20.
    assert (alone.value, alone.low, alone.high) == pytest.approx((exact.value, exact.low, exact.high), abs=0.01)
    thrice = metrics.clustered_proportion(np.repeat(rows, 3), np.repeat(np.arange(20), 3).tolist())
    assert (thrice.value, thrice.low, thrice.high) == pytest.approx((alone.value, alone.low, alone.high), abs=0.02)


def test_agreeing_rows_count_once_for_each_cluster() -> None:
    none = metrics.clustered_proportion([False] * 40, ["a", "b", "c", "d"] * 10)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(metrics.clopper_pearson(0, 4).high)
    assert metrics.clustered_proportion([True] * 9, ["a", "b", "c"] * 3).high == 1.0
    for rows, clusters in (([], []), ([True], ["a", "b"])):
        with pytest.raises(DataError):
            metrics.clustered_proportion(rows, clusters)
