"""How a job comes to be. From the moment it is in the database it will end, whatever happens to any process."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from ..answers import Context
from ..problems import ProblemError
from ..state.database import UNAVAILABLE
from ..state.jobs import JobRow
from .queue import SILENT
from .station import Station
from .tasks import Task


def accept(station: Station, task: Task, context: Context, webhook: str | None, max_waiting: int) -> JobRow:
    """A queued job for a task whose file lies in the spool. Raises ProblemError when too many wait already."""
    if station.jobs.waiting() >= max_waiting:
        raise ProblemError("unavailable", "Too many jobs are waiting; try again later.", {"Retry-After": "30"})
    row = _row(task, context, "queued", file=station.spool.keep(Path(task.path)), webhook=webhook)
    try:
        station.jobs.add(row)
    except UNAVAILABLE:
        station.spool.remove(row.file)
        raise
    # The sweeper finds the job when the queue answers again.
    with suppress(*SILENT):
        station.queue.put_job(row.id)
    return row


def keep_marked(station: Station, task: Task, context: Context, file: Path, body: str) -> None:
    """A job that is done already, whose marked file can be fetched."""
    audio, now = station.spool.keep(file), time.time()
    try:
        station.jobs.add(_row(task, context, "done", audio=audio, answer=body, finished=now))
    except UNAVAILABLE:
        station.spool.remove(audio)
        raise


def _row(task: Task, context: Context, state: str, **more: object) -> JobRow:
    now = time.time()
    members = {"id": context.job, "owner": context.owner, "kind": task.kind, "state": state, "file": "", **more}
    texts = {"task": task.model_dump_json(), "context": context.model_dump_json()}
    return JobRow(**members, **texts, created=now, queued=now)  # type: ignore[arg-type]
