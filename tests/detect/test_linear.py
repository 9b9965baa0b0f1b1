"""The linear model: balance, left-out systems, choice of the penalty."""

from __future__ import annotations

import numpy as np
import pytest
from earwitness.core.errors import DataError
from earwitness.detect.linear import (
    CLAMP,
    Table,
    choose_penalty,
    fit_linear,
    out_of_fold,
    standardised,
    unseen_eer,
)


def table(seed: int = 0, speakers: int = 30, systems: tuple[str, ...] = ("a", "b", "c")) -> Table:
    """Statistic 0 tells synthetic, 1 tells the system only, 2 the speaker, the rest nothing."""
    rng = np.random.default_rng(seed)
    rows, system, cluster = [], [], []
    for speaker in range(speakers):
        voice = rng.normal()
        for name in ("", *systems):
            x = rng.normal(size=8)
            x[0] += 3.0 * bool(name)
            x[1] += {"a": 5.0, "b": -5.0}.get(name, 0.0)
            x[2] += 4.0 * voice
            rows.append(x)
            system.append(name)
            cluster.append(f"s{speaker}")
    return Table(np.stack(rows), np.array([bool(s) for s in system]), system, cluster, np.ones(len(rows)))


def test_balance_between_classes_and_systems() -> None:
    data = table()
    weight, system = data.balanced(), np.asarray(data.system)
    assert weight[data.synthetic].sum() == pytest.approx(weight[~data.synthetic].sum())
    assert weight.mean() == pytest.approx(1.0)
    few = data.rows((system != "a") | (np.arange(len(system)) < 20))
    weight, system = few.balanced(), np.asarray(few.system)
    share = weight[system == "a"].sum() / weight[system == "b"].sum()
    assert share == pytest.approx(np.sum(system == "a") / 30)


def test_the_model_finds_what_tells() -> None:
    model = fit_linear(table(), 1.0)
    assert int(np.argmax(np.abs(model.direction))) == 0 and model.direction[0] > 0
    fresh = table(seed=1)
    assert np.mean((model.score(fresh.x) > 0) == fresh.synthetic) > 0.85


def test_one_class_is_refused() -> None:
    data = table()
    with pytest.raises(DataError, match="genuine and synthetic"):
        fit_linear(data.rows(data.synthetic), 1.0)


def test_far_values_are_held_at_the_border() -> None:
    x = np.array([[1e9, -1e9, 0.0]])
    assert standardised(x, np.zeros(3), np.ones(3)).tolist() == [[CLAMP, -CLAMP, 0.0]]


def test_each_synthetic_clip_is_scored_once_and_each_genuine_once_for_each_system() -> None:
    data = table()
    scores = out_of_fold(data, 1.0, folds=3, seed=0)
    count = np.bincount(scores.row, minlength=len(data.synthetic))
    assert (count[data.synthetic] == 1).all() and (count[~data.synthetic] == 3).all()
    total = np.bincount(scores.row, weights=scores.weight)
    assert np.allclose(total, 1.0)
    held = np.asarray(scores.held)
    assert all(held[i] == data.system[r] for i, r in enumerate(scores.row) if data.synthetic[r])


def test_a_leak_of_system_or_speaker_would_show() -> None:
    # Nothing but a mark of the system tells: a model that saw it would be right, one that did not can not be.
    data = table()
    marks = np.random.default_rng(0).normal(size=(3, 8)) * 10
    x = np.random.default_rng(1).normal(size=data.x.shape)
    for index, name in enumerate(data.system):
        if name:
            x[index] += marks["abc".index(name)]
    hidden = Table(x, data.synthetic, data.system, data.cluster, data.weight)
    seen = fit_linear(hidden, 1.0).score(x)
    assert np.mean((seen > 0) == data.synthetic) > 0.9
    assert max(unseen_eer(hidden, out_of_fold(hidden, 1.0, 3, 0)).values()) > 0.2


def test_two_systems_are_needed() -> None:
    with pytest.raises(DataError, match="two systems"):
        out_of_fold(table(systems=("a",)), 1.0, 3, 0)


def test_the_penalty_with_the_least_error_is_taken() -> None:
    c, curve, scores = choose_penalty(table(), (1e-4, 0.1), 3, 0)
    assert set(curve) == {1e-4, 0.1} and curve[c] == min(curve.values())
    assert np.array_equal(scores.score, out_of_fold(table(), c, 3, 0).score)
