"""A real PostgreSQL, a real Redis, and a real disk that gets full, for tests that take them away."""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redis


@contextlib.contextmanager
def public_folder() -> Iterator[Path]:
    """A folder that other users may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@dataclass
class Backend:
    """A program that runs in a folder and can be taken away and brought back."""

    words: list[str]
    answers: Callable[[], Any]
    silent: type[Exception]
    owner: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, and wait until it answers."""
        self.process = subprocess.Popen(
            self.words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.owner
        )
        end = time.monotonic() + 20
        while True:
            try:
                self.answers()
                return
            except self.silent:
                assert self.process.poll() is None and time.monotonic() < end, f"{self.words[0]} does not start"
                time.sleep(0.05)

    def end(self, how: signal.Signals) -> None:
        """End it by a signal."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(20)

    def restart(self, how: signal.Signals, away: float = 0.5) -> None:
        """End it, leave it away for some seconds, and bring it back."""
        self.end(how)
        time.sleep(away)
        self.start()


@contextlib.contextmanager
def postgres() -> Iterator[tuple[Backend, str]]:
    """A new PostgreSQL on a socket in a folder of its own, and its URL. It refuses to run as root."""
    owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        owner = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    with public_folder() as folder:
        if owner:
            os.chown(folder, owner["user"], owner["group"])
        data = folder / "data"
        make = ["initdb", "--pgdata", str(data), "--username", "earwitness", "--auth", "trust", "--no-sync"]
        make += ["--locale", "C", "--encoding", "UTF8"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=folder, **owner)
        url = f"postgresql://earwitness@/postgres?host={folder}"
        words = ["postgres", "-D", str(data), "-k", str(folder), "-c", "listen_addresses="]

        def ask() -> None:
            psycopg.connect(url, connect_timeout=5).close()

        backend = Backend(words, ask, psycopg.OperationalError, {**owner, "cwd": folder})
        backend.start()
        try:
            yield backend, url
        finally:
            backend.end(signal.SIGQUIT)


@contextlib.contextmanager
def redis_server() -> Iterator[tuple[Backend, str]]:
    """A new Redis that keeps nothing on disk, and its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with public_folder() as folder:
        url = f"redis://127.0.0.1:{port}/0"
        words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        backend = Backend(words, redis.Redis.from_url(url).ping, redis.exceptions.RedisError)
        backend.start()
        try:
            yield backend, url
        finally:
            backend.end(signal.SIGKILL)


class SmallDisk:
    """A folder whose disk can be filled and freed.

    With the right to mount, a file system of its own (ENOSPC); else a limit on the size of the files that a server
    and its decoders may write (EFBIG), set from outside.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.mounted = folder, False
        folder.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if os.geteuid() == 0 and shutil.which("mount"):
            self.mounted = subprocess.run(["mount", *options], stderr=subprocess.DEVNULL).returncode == 0

    def fill(self, left: int, server: int) -> None:
        """Leave `left` bytes for the server with that process id."""
        if not self.mounted:
            self._limit(server, left)
            return
        filler = self.folder / "filler"
        filler.unlink(missing_ok=True)
        state = os.statvfs(self.folder)
        filler.write_bytes(bytes(max(0, state.f_bavail * state.f_frsize - left)))

    def free(self, server: int) -> None:
        """Give all of the space back."""
        if not self.mounted:
            self._limit(server, resource.RLIM_INFINITY)
        (self.folder / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        """Take the file system away, and what was written on it."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def _limit(self, server: int, size: int) -> None:
        root = psutil.Process(server)
        for process in (root, *root.children(recursive=True)):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
