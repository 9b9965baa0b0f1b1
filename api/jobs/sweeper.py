"""Puts right what crashes left behind: jobs of dead workers, lost messages, due webhooks, old results and files."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import structlog

from ..state.database import UNAVAILABLE
from ..state.jobs import ATTEMPTS, Jobs
from ..state.replies import Replies
from .queue import SILENT, Queue
from .runner import Runner
from .spool import Spool

log = structlog.get_logger()
# A job that is queued for longer while the queue is empty has lost its message.
_FORGOTTEN = 5.0
# Old results and files are looked for this often.
_CLEANING = 60.0


@dataclass
class Sweeper:
    """Looks every `pause` seconds, in a thread of its own; any number of them may run beside each other."""

    jobs: Jobs
    replies: Replies
    spool: Spool
    queue: Queue
    runner: Runner
    kept_seconds: float
    keep_uploads: bool = False
    pause: float = 2.0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _cleaned: float = 0.0

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._loop, name="sweeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, after what is under way."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(10.0)

    def sweep(self) -> None:
        """Look once. Raises what the database and the queue raise when they do not answer."""
        for job in self.jobs.lost():
            if self.jobs.requeue(job):
                log.warning("job lost its worker", job=job.id, attempts=job.attempts)
                if job.attempts >= ATTEMPTS:
                    self.runner.give_up(job)
                else:
                    self.queue.put_job(job.id)
        forgotten = self.jobs.forgotten(_FORGOTTEN)
        if forgotten and self.queue.pending() == 0:
            for job in forgotten:
                self.queue.put_job(job.id)
        for delivery in self.runner.deliveries.due():
            self.queue.put_delivery(delivery)
        if time.monotonic() > self._cleaned + _CLEANING:
            self.clean()
            self._cleaned = time.monotonic()

    def clean(self) -> None:
        """Drop what has been kept for long enough."""
        for job in self.jobs.ended(self.kept_seconds):
            self.jobs.delete(job.id, job.owner)
            self.spool.remove(job.audio)
        self.replies.expire()
        self.spool.bury()
        if not self.keep_uploads:
            self.spool.sweep(self.jobs.files())

    def _loop(self) -> None:
        while not self._over.wait(self.pause):
            try:
                self.sweep()
            except (*UNAVAILABLE, *SILENT) as error:
                log.warning("sweep failed", reason=type(error).__name__)
