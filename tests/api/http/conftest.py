"""A real server on a free port, in a thread of the test's process or in a process of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import structlog
from earwitness.api.http.server import build
from earwitness.api.settings import Settings
from earwitness.api.state.database import open_database
from earwitness.api.state.keys import ApiKeys
from earwitness.core.audio import Audio, save
from earwitness.core.home import set_home

COMMAND = (sys.executable, "-c", "from earwitness.api.cli import main; main()")


def left(spool: Path, seconds: float = 3.0) -> list[str]:
    """Files of the spool, after a moment in which they may go."""
    end = time.monotonic() + seconds
    while True:
        found = sorted(path.name for path in spool.rglob("*") if path.is_file() and path.name != "lock")
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.02)


def hiss(path: Path, minutes: int) -> Path:
    """Noise that takes a second or so to scan for each ten minutes."""
    noise = np.random.default_rng(0).standard_normal((1, 16000 * 60)).astype(np.float32)
    save(path, Audio(np.tile(0.05 * noise, minutes), 16000))
    return path


def babble(seconds: float, rate: int = 16000, seed: int = 0) -> Audio:
    """Noise with the rhythm and spectrum of speech."""
    rng = np.random.default_rng(seed)
    time_axis = np.arange(round(seconds * rate)) / rate
    rhythm = np.maximum(0, np.sin(2 * np.pi * 3 * time_axis + rng.uniform(0, 6))) ** 2
    noise = np.convolve(rng.standard_normal(len(time_axis)), np.exp(-np.arange(40) / 8), mode="same")
    return Audio((0.05 * rhythm * noise).astype(np.float32)[None], rate)


@pytest.fixture(autouse=True)
def _no_log() -> None:
    """Servers in this process do not write between what a test reads from standard output."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(open(os.devnull, "w")))  # noqa: SIM115


@dataclass
class Running:
    """A server that runs in a thread of this process."""

    settings: Settings
    home: Path
    url: str
    server: Any
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=60.0)

    @property
    def keys(self) -> ApiKeys:
        return ApiKeys(open_database(f"sqlite:///{self.home / 'service' / 'service.sqlite'}"))

    def key(self, owner: str, *scopes: str) -> dict[str, str]:
        """A new key as a header."""
        return {"Authorization": f"Bearer {self.keys.add(owner, scopes)[1]}"}

    def detect(self, path: Path, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """POST /v1/detections."""
        return self.post("/v1/detections", path, headers, **fields)

    def post(self, route: str, path: Path, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """POST a file to a route."""
        with open(path, "rb") as file:
            return self.http.post(route, files={"file": (path.name, file)}, data=fields, headers=headers)

    def wait(self, job: str, headers: dict[str, str] | None = None, seconds: float = 30.0) -> dict[str, Any]:
        """The body of a job that has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            body: dict[str, Any] = self.http.get(f"/v1/jobs/{job}", headers=headers).json()
            if body["state"] in {"done", "failed"}:
                return body
            time.sleep(0.05)
        raise AssertionError(f"job {job} did not end: {body}")

    def leftovers(self) -> list[str]:
        """Files of uploads that still lie on the disk after two seconds."""
        return left(self.home / "service" / "spool", 2.0)


@contextlib.contextmanager
def serving(home: Path, courier: Any = None, **options: Any) -> Iterator[Running]:
    """A server with its state under `home`; options are those of Settings."""
    before = os.environ.get("EARWITNESS_HOME")
    set_home(home)
    settings = Settings(port=0, drain=3.0, **options)
    server = build(settings, courier)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 60
    while not server.started and thread.is_alive() and time.monotonic() < end:
        time.sleep(0.01)
    assert server.started, "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    if before is not None:
        os.environ["EARWITNESS_HOME"] = before
    running = Running(settings, home, f"http://127.0.0.1:{port}", server)
    try:
        yield running
    finally:
        running.http.close()
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the server did not stop"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server without API keys that answers up to 3 s of sound at once."""
    with serving(tmp_path_factory.mktemp("local"), sync_seconds=3.0) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with API keys: the first one belongs to "first"."""
    home = tmp_path_factory.mktemp("guarded")
    (home / "service").mkdir()
    ApiKeys(open_database(f"sqlite:///{home / 'service' / 'service.sqlite'}")).add("first", ["metrics"])
    with serving(home, sync_seconds=3.0) as running:
        yield running


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    save(path, babble(2.0))
    return path


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of sound, too long for a direct answer of `local` and `guarded`."""
    path = tmp_path_factory.mktemp("clip") / "long.flac"
    save(path, babble(6.0))
    return path


@dataclass
class Process:
    """A server or worker in a process of its own."""

    process: subprocess.Popen[str]
    log: Path
    url: str = ""

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait(20)

    def stop(self, seconds: float = 30.0) -> int:
        """End it in order; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def lines(self) -> str:
        """What it logged."""
        return self.log.read_text()


def begin(command: str, words: list[str], log: Path, **options: Any) -> Process:
    """Start a server ("serve") or worker ("worker") and wait until it is ready."""
    with open(log, "w") as file:
        one = Process(subprocess.Popen(words, stderr=file, stdout=file, text=True, **options), log)
    end = time.monotonic() + 60
    while '"event": "ready"' not in one.lines() or (command == "serve" and "running on" not in one.lines()):
        if one.process.poll() is not None or time.monotonic() > end:
            one.kill()
            raise AssertionError(one.lines())
        time.sleep(0.02)
    if command == "serve":
        one.url = one.lines().split("running on ")[1].split()[0]
    return one


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start `earwitness serve` or `worker` and wait until it is ready; whatever is left is killed after the test."""
    started: list[Process] = []

    def start(command: str, *arguments: str, home: Path, **options: Any) -> Process:
        words = [*COMMAND, command, "--home", str(home), *arguments]
        if command == "serve":
            words += ["--port", "0"]
        started.append(begin(command, words, tmp_path / f"{command}-{len(started)}.log", **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.kill()


# Dataclasses write themselves as Python, so settings that no option of the command line sets travel as their text.
_BOOT = """
from pathlib import PosixPath
from earwitness.api.http.server import run as serve
from earwitness.api.jobs.pool import PoolSettings
from earwitness.api.jobs.tasks import Bounds
from earwitness.api.jobs.worker import run as worker
from earwitness.api.settings import Settings
{command}({settings!r})
"""


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """As `launch`, with any of Settings: boot("serve", home=..., lease=1.5). May be called from several threads."""
    started: list[Process] = []
    numbers = itertools.count()

    def start(command: str, *, home: Path, **settings: Any) -> Process:
        code = _BOOT.format(command=command, settings=Settings(port=0, **settings))
        log = tmp_path / f"boot-{command}-{next(numbers)}.log"
        env = {**os.environ, "EARWITNESS_HOME": str(home)}
        one = begin(command, [sys.executable, "-c", code], log, env=env)
        started.append(one)
        return one

    yield start
    for one in started:
        if one.process.poll() is None:
            one.kill()
