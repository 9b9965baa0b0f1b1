"""The queue: huey on SQLite, or on Redis by URL. It carries ids only; the database says what they mean.

Messages are JSON instead of huey's pickles, so that whoever can write to the queue cannot run code in a worker.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from ...core.errors import UsageError


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """Let a package appear as not installed to what is imported in the block."""
    loaded = sys.modules.pop(name, None)
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
        if loaded is not None:
            sys.modules[name] = loaded


# huey would load PostgreSQL's driver for a storage that is not used here: 10 MB, and a tenth of the time to start.
with _hidden("psycopg"):
    from huey import Huey, RedisHuey, SqliteHuey
    from huey.consumer import Consumer
    from huey.exceptions import ConfigurationError
    from huey.registry import Message
    from huey.serializer import Serializer

# What the queue raises that is down, restarting, locked or full.
SILENT = (RedisError, sqlite3.Error, OSError)
_NAME = "earwitness"


class _Json(Serializer):  # type: ignore[misc]
    """huey's message, a flat tuple of plain values, as JSON."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Any:
        return Message(*json.loads(data))


class _Consumer(Consumer):  # type: ignore[misc]
    """A consumer inside another program, whose signals are not its business."""

    def _set_signal_handlers(self) -> None:
        pass


class Queue:
    """Hands ids of jobs and deliveries to whichever worker is free.

    url: "redis://..." or a path of a SQLite file. on_job, on_delivery: called in a worker's thread with the id.
    Raises UsageError for a URL that cannot be used.
    """

    def __init__(self, url: str, on_job: Callable[[str], None], on_delivery: Callable[[str], None]) -> None:
        self._huey = _huey(url)
        self._job = self._huey.task(name="job")(on_job)
        self._delivery = self._huey.task(name="delivery")(on_delivery)
        self._consumer: _Consumer | None = None

    def put_job(self, job_id: str) -> None:
        """Tell a worker about a job. Raises one of SILENT."""
        self._job(job_id)

    def put_delivery(self, delivery_id: str) -> None:
        """Tell a worker about a delivery. Raises one of SILENT."""
        self._delivery(delivery_id)

    def pending(self) -> int:
        """Messages that nobody has taken yet. Raises one of SILENT when the queue does not answer."""
        return int(self._huey.pending_count())

    def consume(self, workers: int) -> None:
        """Work on messages in `workers` threads of this process."""
        self._consumer = _Consumer(
            self._huey, workers=workers, periodic=False, initial_delay=0.05, max_delay=0.5, check_worker_health=False
        )
        self._consumer.start()

    def stop(self, seconds: float) -> None:
        """Take no more messages, and wait until what is under way has ended."""
        if self._consumer is None:
            return
        self._consumer.stop_flag.set()
        for _, thread in self._consumer.worker_threads:
            if thread is not threading.current_thread():
                thread.join(seconds)


def _huey(url: str) -> Huey:
    try:
        if url.startswith(("redis://", "rediss://", "unix://")):
            return RedisHuey(_NAME, url=url, results=False, serializer=_Json(), read_timeout=1)
    except (ConfigurationError, ValueError) as error:
        raise UsageError(f"The queue cannot be used: {error}") from error
    if "://" in url:
        raise UsageError("The queue is a redis:// URL or the path of a SQLite file.")
    Path(url).parent.mkdir(parents=True, exist_ok=True)
    return SqliteHuey(_NAME, filename=url, results=False, serializer=_Json(), fsync=False, timeout=15)
