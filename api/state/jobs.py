"""Jobs: the database is the only truth about them; a queue merely says that there is something to do.

A job goes queued -> running -> done | failed. A worker holds it by a lease that it renews; when the lease runs out
(the worker died), the job is queued again, at most `ATTEMPTS` times in all. Only the holder can end a job, so each
ends once.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from .tables import deliveries, jobs

State = Literal["queued", "running", "done", "failed"]
ATTEMPTS = 3
LEASE = 30.0


@dataclass(frozen=True)
class JobRow:
    """One job. task: JSON for the child process. context: JSON of what the answer needs (request id, sha256, key).

    file, audio: names below the spool. Times are seconds since 1970.
    """

    id: str
    owner: str
    kind: str
    state: State
    task: str
    context: str
    file: str
    created: float
    queued: float
    answer: str | None = None
    problem: str | None = None
    audio: str | None = None
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    holder: str | None = None
    lease: float | None = None
    webhook: str | None = None


class Jobs:
    """The jobs in a database. Methods are safe to call from several threads, processes and machines."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(self, job: JobRow) -> None:
        """Accept a job."""
        with self._engine.begin() as connection:
            connection.execute(sa.insert(jobs).values(dict(vars(job))))

    def get(self, job_id: str, owner: str) -> JobRow | None:
        """The job, if it is the owner's."""
        return self._one((jobs.c.id == job_id) & (jobs.c.owner == owner))

    def waiting(self) -> int:
        """How many are queued."""
        with self._engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.state == "queued")
            return int(connection.execute(query).scalar_one())

    def counts(self) -> dict[str, int]:
        """How many there are in each state."""
        with self._engine.connect() as connection:
            query = sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)
            return {state: int(count) for state, count in connection.execute(query)}

    def claim(self, job_id: str, lease: float = LEASE) -> JobRow | None:
        """Take a queued job, for `lease` seconds; None when it is gone or another worker's."""
        holder, now = secrets.token_hex(16), time.time()
        values = {"state": "running", "holder": holder, "lease": now + lease, "started": now}
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(jobs)
                .where((jobs.c.id == job_id) & (jobs.c.state == "queued"))
                .values(**values, attempts=jobs.c.attempts + 1)
            )
        return self._one((jobs.c.id == job_id) & (jobs.c.holder == holder))

    def renew(self, job: JobRow, lease: float = LEASE) -> bool:
        """Hold a job for longer; False when it is no longer this worker's."""
        return self._change(job, lease=time.time() + lease)

    def release(self, job: JobRow, *, tried: bool = False) -> bool:
        """Hand a job back unfinished; unless `tried`, as if nobody had begun it."""
        attempts = job.attempts if tried else job.attempts - 1
        return self._change(job, state="queued", holder=None, lease=None, queued=time.time(), attempts=attempts)

    def requeue(self, job: JobRow) -> bool:
        """Take a lost job from its worker; False when the worker is alive after all."""
        return self._change(
            job, jobs.c.lease < time.time(), state="queued", holder=None, lease=None, queued=time.time()
        )

    def finish(
        self,
        job: JobRow,
        *,
        answer: str | None = None,
        problem: str | None = None,
        audio: str | None = None,
        delivery: Mapping[str, Any] | None = None,
    ) -> bool:
        """End a job with an answer or a problem, and owe its webhook in the same step.

        False when the job is no longer this worker's. It may be called again when the database went away before it
        confirmed: whoever ended the job stays its holder, and nothing is changed a second time.
        """
        values: dict[str, Any] = {"state": "done" if problem is None else "failed", "finished": time.time()}
        values |= {"answer": answer, "problem": problem, "audio": audio, "lease": None}
        mine = (jobs.c.id == job.id) & (jobs.c.holder == job.holder)
        with self._engine.begin() as connection:
            if not connection.execute(sa.update(jobs).where(_held(job)).values(values)).rowcount:
                return connection.execute(sa.select(jobs.c.id).where(mine)).first() is not None
            if delivery is not None:
                connection.execute(sa.insert(deliveries).values(dict(delivery)))
        return True

    def _change(self, job: JobRow, *conditions: sa.ColumnElement[bool], **values: Any) -> bool:
        with self._engine.begin() as connection:
            done = connection.execute(sa.update(jobs).where(_held(job), *conditions).values(values))
        return bool(done.rowcount)

    def delete(self, job_id: str, owner: str) -> JobRow | None:
        """Forget a job, whatever its state; the row that was, or None when there is none of the owner's."""
        job = self.get(job_id, owner)
        if job is not None:
            with self._engine.begin() as connection:
                connection.execute(sa.delete(deliveries).where(deliveries.c.job == job_id))
                connection.execute(sa.delete(jobs).where(jobs.c.id == job_id))
        return job

    def lost(self) -> list[JobRow]:
        """Running jobs whose worker no longer renews its lease."""
        return self._all((jobs.c.state == "running") & (jobs.c.lease < time.time()))

    def forgotten(self, seconds: float, limit: int = 100) -> list[JobRow]:
        """Queued jobs that have waited for longer than `seconds`, oldest first."""
        return self._all((jobs.c.state == "queued") & (jobs.c.queued < time.time() - seconds), limit)

    def ended(self, seconds: float, limit: int = 100) -> list[JobRow]:
        """Jobs that ended longer than `seconds` ago."""
        return self._all(jobs.c.finished < time.time() - seconds, limit)

    def files(self) -> set[str]:
        """Names below the spool that jobs still need."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(jobs.c.file, jobs.c.audio, jobs.c.state)).all()
        needed = {row.file for row in rows if row.state in {"queued", "running"}}
        return needed | {row.audio for row in rows if row.audio}

    def _one(self, condition: sa.ColumnElement[bool]) -> JobRow | None:
        found = self._all(condition, 1)
        return found[0] if found else None

    def _all(self, condition: sa.ColumnElement[bool], limit: int = 100) -> list[JobRow]:
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(jobs).where(condition).order_by(jobs.c.queued).limit(limit))
            return [JobRow(**row._mapping) for row in rows]


def _held(job: JobRow) -> sa.ColumnElement[bool]:
    return (jobs.c.id == job.id) & (jobs.c.holder == job.holder) & (jobs.c.state == "running")


def new_id() -> str:
    """128 random bits: knowing an id of one's own tells nothing about those of others."""
    return secrets.token_hex(16)
