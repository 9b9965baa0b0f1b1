"""Processes killed, backends taken away, disks filled: every accepted job ends once, with its result or a reason."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import httpx
import pytest
from earwitness.api.jobs.pool import PoolSettings
from earwitness.api.state.database import open_database, sqlite_url
from earwitness.api.state.jobs import ATTEMPTS, JobRow, Jobs, new_id
from earwitness.core.audio import Audio, save
from earwitness.watermark.key import generate
from earwitness.watermark.key_file import write_key

from .conftest import Process, Running, hiss, left, serving

Boot = Callable[..., Process]
# A job of a dead worker goes to the next one after so many seconds.
LEASE = 1.5
LATER = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of sound, which take a second or more to scan."""
    return hiss(tmp_path_factory.mktemp("slow") / "slow.wav", 10)


@pytest.fixture
def mark_key(tmp_path: Path) -> Path:
    write_key(tmp_path / "mark.key", generate())
    return tmp_path / "mark.key"


@pytest.fixture
def voice(tmp_path: Path, speech: Callable[..., Any]) -> Path:
    """Four seconds that can be marked."""
    save(tmp_path / "voice.wav", Audio(speech(4.0, 3)[None], 16000))
    return tmp_path / "voice.wav"


@pytest.fixture(autouse=True)
def _parts(require: Callable[[str], None]) -> None:
    require("psutil")


def post(url: str, path: Path, headers: dict[str, str] | None = None, route: str = "detections") -> httpx.Response:
    with open(path, "rb") as file:
        return httpx.post(f"{url}/v1/{route}", files={"file": (path.name, file)}, headers=headers, timeout=60)


def decoders(server: Process) -> list[Any]:
    """The processes that the server's fork server has forked."""
    import psutil

    found = []
    for one in psutil.Process(server.process.pid).children(recursive=True):
        # One that has gone since it was listed is no decoder any more.
        with contextlib.suppress(psutil.NoSuchProcess):
            if one.ppid() != server.process.pid:
                found.append(one)
    return found


def busy(server: Process, spool: Path) -> Any:
    """A decoder that reads a file of the spool."""
    import psutil

    end = time.monotonic() + 20
    while time.monotonic() < end:
        for one in decoders(server):
            try:
                if any(file.path.startswith(str(spool)) for file in one.open_files()):
                    return one
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.01)
    raise AssertionError("no decoder works on a file")


def gone(process: Any, seconds: float = 5.0) -> bool:
    """Whether a process has ended, or does within some seconds; whoever has to reap it may not have done so."""
    import psutil

    end = time.monotonic() + seconds
    while True:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.05)


def ended(url: str, job: str, seconds: float = 30.0) -> dict[str, Any]:
    """The body of a job that has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = httpx.get(f"{url}/v1/jobs/{job}", timeout=30)
        if answer.status_code == 200 and answer.json()["state"] in {"done", "failed"}:
            body: dict[str, Any] = answer.json()
            return body
        time.sleep(0.1)
    raise AssertionError(f"the job did not end: {answer.text}")


def endings(job: str, *processes: Process) -> int:
    """How often it was logged that a job ended."""
    return sum(f'"job": "{job}"' in line for one in processes for line in one.lines().splitlines() if "ended" in line)


@dataclass
class Load:
    """Clients that send jobs one after the other, and note what was accepted and what was answered otherwise."""

    url: str
    clip: Path
    voice: Path
    accepted: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(3))

    def __enter__(self) -> Load:
        for number in range(3):
            self.pool.submit(self._run, number)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.pool.shutdown()

    def reach(self, more: int) -> None:
        """Wait until so many more jobs have been accepted."""
        goal, end = len(self.accepted) + more, time.monotonic() + 60
        while len(self.accepted) < goal:
            assert time.monotonic() < end, f"accepted {len(self.accepted)}, answered {self.statuses}"
            time.sleep(0.05)

    def _run(self, number: int) -> None:
        while not self.over.is_set():
            marking = number == 0
            try:
                answer = (
                    post(self.url, self.voice, LATER, "watermarks") if marking else post(self.url, self.clip, LATER)
                )
            except httpx.HTTPError:
                self.statuses.add(0)
            else:
                self.statuses.add(answer.status_code)
                if answer.status_code == 202:
                    self.accepted.append(answer.json()["id"])
            time.sleep(0.5 if marking else 0.1)


def all_end_once(url: str, load: Load, *processes: Process, exactly: bool) -> None:
    """Every accepted job is done; a marked file is whole. exactly: no process was killed before it could log."""
    assert len(set(load.accepted)) == len(load.accepted) >= 8
    for job in load.accepted:
        body = ended(url, job, 40.0)
        assert body["state"] == "done", body
        if body["kind"] == "mark":
            content = httpx.get(f"{url}{body['audio']}", timeout=30).content
            assert hashlib.sha256(content).hexdigest() == body["answer"]["result"]["marked_sha256"]
        times = endings(job, *processes)
        assert times == 1 if exactly else times <= 1


def test_a_decoder_that_is_killed_costs_one_request_at_most(
    boot: Boot, slow: Path, clip: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    pool = PoolSettings(children=1, seconds=60.0)
    server = boot("serve", home=home, pool=pool, sync_seconds=7200.0, job_workers=0)
    with ThreadPoolExecutor() as threads:
        for kills, status in ((1, 200), (2, 422)):
            answer = threads.submit(post, server.url, slow)
            killed: set[int] = set()
            while len(killed) < kills:
                one = busy(server, home)
                if one.pid not in killed:
                    one.kill()
                    killed.add(one.pid)
            assert answer.result().status_code == status, answer.result().text
    assert answer.result().json()["type"].endswith("decoder-failed")
    assert post(server.url, clip).status_code == 200
    metrics = httpx.get(f"{server.url}/metrics").text
    assert 'earwitness_children_lost_total{why="killed"} 3.0' in metrics
    assert left(home / "service" / "spool") == []


def test_a_child_that_cannot_be_forked_takes_no_place_in_the_pool(clip: Path, tmp_path: Path) -> None:
    """Each child is killed before it can say that it is ready, and at last the process that forks them as well."""
    from earwitness.api.jobs import pool as pools
    from earwitness.api.jobs.tasks import Bounds, Task

    bounds = Bounds(max_seconds=60, max_bytes=1 << 20, max_channels=1)
    task = Task(kind="scan", path=str(clip), bounds=bounds)
    pool = pools.Pool(PoolSettings(children=1))
    pool.start()
    fork = pool._fork

    def stillborn() -> pools._Child:
        child = fork()
        os.kill(child.process.pid or 0, signal.SIGKILL)
        return child

    pool._fork = stillborn  # type: ignore[method-assign]
    os.kill(pool.pids[0], signal.SIGKILL)
    time.sleep(0.1)
    for _ in range(2):
        with pytest.raises(pools.Draining, match="No decoder can be started"):
            pool.run(task)
    pool._fork = fork  # type: ignore[method-assign]
    assert pool.run(task).result is not None
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)  # type: ignore[attr-defined]
    os.kill(pool.pids[0], signal.SIGKILL)
    time.sleep(0.1)
    assert pool.run(task).result is not None
    pool.close()


def test_a_worker_killed_at_work_is_replaced_by_the_next(
    boot: Boot, slow: Path, mark_key: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor() as threads:
        both = (
            threads.submit(boot, "serve", home=home, job_workers=0),
            threads.submit(boot, "worker", home=home, lease=LEASE),
        )
    server, first = (one.result() for one in both)
    job = post(server.url, slow, LATER).json()["id"]
    orphan = busy(first, home)
    first.kill()
    second = boot("worker", home=home, lease=LEASE)
    assert gone(orphan), "a decoder outlived its server"
    body = ended(server.url, job)
    assert body["state"] == "done" and body["answer"]["result"]["seconds"] == 600.0
    assert endings(job, server, first, second) == 1
    assert left(home / "service" / "spool") == []


def test_a_job_whose_workers_always_die_is_given_up_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    jobs, now = Jobs(open_database(sqlite_url(tmp_path / "service" / "service.sqlite"))), time.time()
    context = '{"request_id": "r", "sha256": "s"}'
    row = JobRow(new_id(), "local", "scan", "running", "{}", context, "f", now, now, attempts=ATTEMPTS, holder="dead")
    jobs.add(JobRow(**{**vars(row), "lease": now - 1}))
    with serving(tmp_path) as server:
        body = Running.wait(server, row.id)
    assert body["state"] == "failed" and body["problem"]["type"].endswith("interrupted")
    assert "send the file again" in body["problem"]["detail"]


def test_a_server_killed_under_load_owes_nothing_after_its_restart(
    boot: Boot, clip: Path, voice: Path, mark_key: Path, tmp_path: Path
) -> None:
    home, options = tmp_path / "home", {"lease": LEASE, "mark_keys": (mark_key,)}
    first = boot("serve", home=home, **options)
    with Load(first.url, clip, voice) as load:
        load.reach(8)
        first.kill()
    second = boot("serve", home=home, **options)
    all_end_once(second.url, load, first, second, exactly=False)
    assert load.statuses <= {0, 202}
    assert post(second.url, clip).status_code == 200
    marked = {ended(second.url, job)["audio"] for job in load.accepted} - {None}
    # An upload that was not yet a job's when the server died is swept an hour later; each client had one at most.
    assert len(marked) <= len(left(home / "service" / "spool")) <= len(marked) + 3
    assert len(list((home / "service" / "spool").glob("server-*"))) == 1


def test_postgresql_and_redis_restarted_under_load_lose_no_job(
    boot: Boot, clip: Path, voice: Path, mark_key: Path, tmp_path: Path, require: Callable[[str], None]
) -> None:
    for program in ("initdb", "postgres", "redis-server"):
        require(program)
    from . import backends

    with backends.postgres() as (database, url), backends.redis_server() as (queue, queue_url):
        options = {"database": url, "queue": queue_url, "lease": 5.0, "mark_keys": (mark_key,)}
        home = tmp_path / "home"
        with ThreadPoolExecutor() as threads:
            both = (
                threads.submit(boot, "serve", home=home, job_workers=0, **options),
                threads.submit(boot, "worker", home=home, **options),
            )
        server, worker = (one.result() for one in both)
        with Load(server.url, clip, voice) as load:
            load.reach(4)
            database.restart(signal.SIGQUIT)  # as a crash: nobody is waited for
            load.reach(3)
            queue.restart(signal.SIGKILL)  # with all that was in it
            load.reach(3)
            database.restart(signal.SIGINT)
            load.reach(3)
        assert load.statuses <= {202, 503}, load.statuses
        all_end_once(server.url, load, server, worker, exactly=True)
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        for one in (server, worker):
            assert one.stop() == 0, one.lines()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Any]:
    from . import backends

    disk = backends.SmallDisk(tmp_path / "disk", 8 << 20)
    yield disk
    disk.close()


def test_a_full_disk_refuses_and_recovers(
    boot: Boot, small_disk: Any, clip: Path, voice: Path, mark_key: Path
) -> None:
    home = small_disk.folder / "home"
    server = boot("serve", home=home, reserve=0, mark_keys=(mark_key,))
    pid, seen, accepted = server.process.pid, set(), []
    for left_over in (0, 20_000, 90_000, 140_000, 200_000, 300_000):
        small_disk.fill(left_over, pid)
        for path, headers, route in (
            (clip, {}, "detections"),
            (clip, LATER, "detections"),
            (voice, {}, "watermarks"),
            (voice, LATER, "watermarks"),
            (voice, {}, "verify"),
        ):
            answer = post(server.url, path, headers, route)
            seen.add(answer.status_code)
            assert answer.status_code in {200, 202, 503, 507}, (left_over, route, answer.text)
            if answer.status_code == 202:
                accepted.append(answer.json()["id"])
    small_disk.free(pid)
    assert 507 in seen
    for job in accepted:
        body = ended(server.url, job)
        assert body["state"] == "done" or body["problem"]["type"].rpartition(":")[2] in {
            "storage-full",
            "unavailable",
        }
    for path, headers, route in ((clip, {}, "detections"), (voice, {}, "watermarks")):
        assert post(server.url, path, headers, route).status_code == 200
    assert ended(server.url, post(server.url, voice, LATER, "watermarks").json()["id"])["state"] == "done"
    kept = [path for path in (home / "service" / "spool").rglob("*") if path.is_file() and path.name != "lock"]
    assert all(path.parent.name == "jobs" and path.stat().st_size > 100_000 for path in kept)
    assert server.stop() == 0
