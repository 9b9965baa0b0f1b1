"""Works on jobs and deliveries: claims one, does it in a child process, ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog

from ..answers import Context, answer
from ..problems import ProblemError
from ..receipts import Signer
from ..schemas import line
from ..state.database import UNAVAILABLE, persistently
from ..state.deliveries import Deliveries, owed
from ..state.jobs import ATTEMPTS, LEASE, JobRow, Jobs
from .pool import ChildDied, Draining, Pool, TookTooLong
from .secrets import webhook_secret
from .spool import Spool
from .tasks import Task
from .webhooks import Courier, WebhookError

log = structlog.get_logger()


@dataclass
class Runner:
    """What a worker's thread does with an id that the queue hands it.

    lease: seconds until a job of a dead worker is given to another one.
    """

    jobs: Jobs
    deliveries: Deliveries
    spool: Spool
    pool: Pool
    signer: Signer
    courier: Courier
    keep_uploads: bool = False
    lease: float = LEASE
    on_end: Callable[[str], None] = lambda state: None
    draining: threading.Event = field(default_factory=threading.Event)

    def run(self, job_id: str) -> None:
        """Work on a queued job until it has ended; nothing when it is gone or another worker's."""
        job = self.jobs.claim(job_id, self.lease)
        if job is None:
            return
        with self._holding(job) as lost:
            task = Task.model_validate_json(job.task)
            # A marked copy lies with this worker's own files until the job has ended.
            target = self.spool.new(f".{task.options['format']}") if task.kind == "mark" else None
            try:
                body = self._body(job, task, target, lambda: lost.is_set() or self.draining.is_set())
            except Draining:
                self.jobs.release(job)
            except ProblemError as error:
                # Not the file's fault: the sweeper hands it out again in some seconds.
                if error.name == "unavailable" and job.attempts < ATTEMPTS:
                    self.jobs.release(job, tried=True)
                else:
                    self._end(job, problem=error)
            else:
                self._end(job, body=body, audio=None if target is None else self.spool.keep(target))
            finally:
                if target is not None:
                    target.unlink(missing_ok=True)

    def deliver(self, delivery_id: str) -> None:
        """Try to deliver a webhook that is due."""
        delivery = self.deliveries.claim(delivery_id)
        if delivery is None:
            return
        try:
            self.courier.deliver(delivery, webhook_secret(self.signer, delivery.key))
        except WebhookError as error:
            log.warning("webhook failed", job=delivery.job, attempt=delivery.attempts + 1, reason=str(error))
            self.deliveries.settle(delivery, delivered=False)
        else:
            self.deliveries.settle(delivery, delivered=True)

    def give_up(self, job: JobRow) -> None:
        """End a job whose workers died too often."""
        held = self.jobs.claim(job.id, self.lease)
        if held is not None:
            sentence = f"The work was interrupted {job.attempts} times; send the file again."
            self._end(held, problem=ProblemError("interrupted", sentence))

    def _body(self, job: JobRow, task: Task, target: Path | None, stop: Callable[[], bool]) -> str:
        path = self.spool.path(job.file)
        if not path.exists():
            raise ProblemError("internal", "The upload of this job is gone; send the file again.")
        options = task.options if target is None else {**task.options, "target": str(target)}
        try:
            outcome = self.pool.run(task.model_copy(update={"path": str(path), "options": options}), stop)
        except ChildDied as error:
            raise ProblemError("decoder-failed", str(error)) from error
        except TookTooLong as error:
            raise ProblemError("time-limit", str(error)) from error
        return line(answer(job.kind, outcome, Context.model_validate_json(job.context), self.signer))

    def _end(
        self, job: JobRow, body: str | None = None, problem: ProblemError | None = None, audio: str | None = None
    ) -> None:
        context = Context.model_validate_json(job.context)
        state = "done" if problem is None else "failed"
        trouble = None if problem is None else line(problem.problem(context.request_id))
        news = f'{{"job": "{job.id}", "state": "{state}"}}'
        delivery = owed(job.id, job.webhook, context.key, news) if job.webhook else None
        end = partial(self.jobs.finish, job, answer=body, problem=trouble, audio=audio, delivery=delivery)
        if not persistently(end):
            self.spool.remove(audio)
            return  # deleted by its owner, or another worker's by now
        log.info("job ended", job=job.id, kind=job.kind, state=state, request_id=context.request_id)
        self.on_end(state)
        if not self.keep_uploads:
            self.spool.remove(job.file)

    @contextmanager
    def _holding(self, job: JobRow) -> Iterator[threading.Event]:
        """Renew the lease while the block runs; the event is set when the job was lost to somebody else."""
        over, lost = threading.Event(), threading.Event()

        def renew() -> None:
            while not over.wait(self.lease / 4):
                try:
                    held = self.jobs.renew(job, self.lease)
                except UNAVAILABLE:
                    continue  # the lease may run out; then another worker does the job, and this one cannot end it
                if not held:
                    lost.set()
                    return

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            over.set()
            thread.join()
