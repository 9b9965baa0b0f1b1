"""Mapping: both engines give the same results, errors and order. The pool demands importable functions."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from earwitness.core import run
from earwitness.core.errors import EarwitnessError, UsageError
from earwitness.core.home import set_home

ENGINES: list[run.Engine] = ["local", "pool"]


def test_pool_and_local_give_the_same_in_order() -> None:
    keys = [f"clip-{number}" for number in range(30)]
    local = list(run.map(partial(run.seed_for, 3), keys))
    assert local == [run.seed_for(3, key) for key in keys]
    assert list(run.map(partial(run.seed_for, 3), keys, engine="pool", workers=2)) == local


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_in_nothing_out(engine: run.Engine) -> None:
    assert list(run.map(math.sqrt, [], engine=engine)) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_exceptions_surface_at_their_turn(engine: run.Engine) -> None:
    results = run.map(math.sqrt, [4.0, 9.0, -1.0, 16.0], engine=engine)
    assert [next(results), next(results)] == [2.0, 3.0]
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


@pytest.mark.parametrize(("engine", "most"), [("local", 1), ("pool", 10)])
def test_items_are_taken_only_a_little_ahead(engine: run.Engine, most: int) -> None:
    taken = 0

    def endless() -> Iterator[float]:
        nonlocal taken
        while True:
            taken += 1
            yield float(taken)

    results = run.map(math.sqrt, endless(), engine=engine, workers=2)
    assert next(results) == 1.0
    assert 1 <= taken <= most
    results.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []


def test_workers_are_single_threaded_and_share_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    set_home(tmp_path)
    names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "EARWITNESS_HOME"]
    assert list(run.map(os.getenv, names, engine="pool")) == ["1", "1", str(tmp_path)]
    assert list(run.map(os.getenv, names)) == ["7", None, str(tmp_path)]


def test_a_worker_that_dies_is_told() -> None:
    with pytest.raises(EarwitnessError, match="worker process died"):
        list(run.map(os._exit, [3], engine="pool"))


def test_impossible_arguments_are_refused_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="worker"):
        run.map(math.sqrt, [1.0], workers=0)
    with pytest.raises(UsageError, match="engine 'cloud'"):
        run.map(math.sqrt, [1.0], engine="cloud")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="importable"):
        run.map(lambda item: item, [1.0], engine="pool")


def test_seeds_depend_on_base_and_key_only() -> None:
    assert run.seed_for(0, "a") == run.seed_for(0, "a") == 3426483283761622585
    seeds = {run.seed_for(base, key) for base in range(20) for key in ("", "a", "b", "1", "\udcff", "한")}
    assert len(seeds) == 120
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert run.seed_for(1, "2") != run.seed_for(12, "")
