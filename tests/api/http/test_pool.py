"""Children: killed, out of time, out of memory, worn out, drained. The parent goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from earwitness.api.jobs.child import perform
from earwitness.api.jobs.pool import ChildDied, Draining, Pool, PoolSettings, TookTooLong
from earwitness.api.jobs.tasks import Bounds, Outcome, Task

from .conftest import hiss

BOUNDS = Bounds(max_seconds=36000, max_bytes=1 << 30, max_channels=8)


def scan(path: Path, **more: object) -> Task:
    return Task.model_validate({"kind": "scan", "path": str(path), "bounds": BOUNDS, **more})


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half an hour of sound, which takes seconds to scan."""
    return hiss(tmp_path_factory.mktemp("slow") / "slow.wav", 30)


@pytest.fixture
def pool() -> Iterator[Pool]:
    lost: list[str] = []
    one = Pool(PoolSettings(children=1, seconds=60), on_death=lost.append)
    one.start()
    yield one
    one.close()


def test_idle_children_that_were_killed_are_replaced(pool: Pool, clip: Path) -> None:
    for _ in range(3):
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
        assert pool.run(scan(clip)).result is not None
        assert pool.pids != (pid,)


def later(seconds: float, pool: Pool) -> threading.Thread:
    def kill() -> None:
        time.sleep(seconds)
        os.kill(pool.pids[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def test_a_child_killed_at_work_is_tried_once_more(pool: Pool, slow: Path) -> None:
    killer = later(0.5, pool)
    outcome = pool.run(scan(slow))
    killer.join()
    assert outcome.result is not None and outcome.result["seconds"] == 1800.0


def test_a_file_that_kills_its_child_twice_is_given_up(slow: Path, clip: Path) -> None:
    lost: list[str] = []
    pool = Pool(PoolSettings(children=1, seconds=60), on_death=lost.append)
    pool.start()
    first, second = later(0.4, pool), later(1.2, pool)
    with pytest.raises(ChildDied, match="broken"):
        pool.run(scan(slow))
    first.join()
    second.join()
    assert lost == ["killed", "killed"]
    assert pool.run(scan(clip)).result is not None
    pool.close()


def test_work_beyond_its_time_is_ended(slow: Path, clip: Path) -> None:
    pool = Pool(PoolSettings(children=1, seconds=2.0))
    pool.start()
    started = time.monotonic()
    with pytest.raises(TookTooLong):
        pool.run(scan(slow))
    assert time.monotonic() - started < 6
    assert pool.run(scan(clip)).result is not None
    pool.close()


def test_memory_and_time_are_limited_by_the_kernel(clip: Path) -> None:
    pool = Pool(PoolSettings(children=1, memory=1 << 30))
    pool.start()
    assert pool.run(scan(clip)).result is not None
    limits = Path(f"/proc/{pool.pids[0]}/limits").read_text().splitlines()
    held = {line[:26].strip(): line[26:].split()[0] for line in limits}
    assert held["Max address space"] == str(1 << 30)
    assert held["Max core file size"] == "0" and held["Max cpu time"] != "unlimited"
    pool.close()


def test_accelerators_may_reserve_addresses(clip: Path) -> None:
    pool = Pool(PoolSettings(children=1, memory=1 << 30, provider="cuda"))
    pool.start()
    assert pool.run(scan(clip)).result is not None
    limits = Path(f"/proc/{pool.pids[0]}/limits").read_text()
    held = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()}
    assert held["Max data size"] == str(1 << 30) and held["Max address space"] == "unlimited"
    pool.close()


def test_work_that_runs_out_of_memory_is_a_refusal(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    from earwitness.api.jobs import work

    def greedy(_: Task) -> Outcome:
        raise MemoryError

    monkeypatch.setitem(work.BY_KIND, "scan", greedy)
    assert perform(scan(clip)).refused == "limit"


def test_children_are_recycled(clip: Path) -> None:
    pool = Pool(PoolSettings(children=1, recycle_after=2))
    pool.start()
    seen = []
    for _ in range(4):
        seen.append(pool.pids)
        pool.run(scan(clip))
    assert seen[0] == seen[1] != seen[2] == seen[3]
    pool.close()


def test_closing_ends_work_and_children(slow: Path) -> None:
    pool = Pool(PoolSettings(children=1))
    pool.start()
    (pid,) = pool.pids
    threading.Timer(0.3, pool.close).start()
    with pytest.raises(Draining):
        pool.run(scan(slow))
    with pytest.raises(Draining):
        pool.run(scan(slow))
    time.sleep(0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_refusals_do_not_tell_where_the_file_lies(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("no sound")
    for path in (tmp_path / "x.wav", tmp_path / "absent.wav", tmp_path):
        outcome = perform(scan(path))
        assert outcome.refused == "audio" and str(tmp_path) not in outcome.detail


def test_long_recordings_are_left_to_jobs(clip: Path) -> None:
    assert perform(scan(clip, sync_seconds=1.5)).long
    assert perform(scan(clip, sync_seconds=2.0)).result is not None
    short = BOUNDS.model_copy(update={"max_seconds": 1.0})
    assert perform(scan(clip, sync_seconds=0.5, bounds=short)).refused == "limit"
