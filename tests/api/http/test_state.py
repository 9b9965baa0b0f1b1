"""The database: migrations, and jobs that end once whatever happens to workers."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from earwitness.api.jobs.spool import Spool
from earwitness.api.state import database
from earwitness.api.state.database import open_database, sqlite_url
from earwitness.api.state.deliveries import Deliveries, owed
from earwitness.api.state.jobs import ATTEMPTS, JobRow, Jobs, new_id
from earwitness.api.state.replies import Busy, Mismatch, Replies, Reply
from earwitness.api.state.tables import metadata
from earwitness.core.errors import UsageError


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    one = open_database(sqlite_url(tmp_path / "new" / "x.sqlite"))
    yield one
    one.dispose()


def row(**more: object) -> JobRow:
    now = time.time()
    texts = {"task": "{}", "context": "{}", "file": "f"}
    return JobRow(id=new_id(), owner="me", kind="scan", state="queued", created=now, queued=now, **(texts | more))  # type: ignore[arg-type]


def test_the_migrations_make_what_the_tables_say(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": database.VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == database.HEAD
    folder = Path(database.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == database.HEAD


def test_many_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    url, failed = sqlite_url(tmp_path / "x.sqlite"), []

    def open_it() -> None:
        try:
            open_database(url).dispose()
        except UsageError as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@pytest.mark.parametrize("url", ["nonsense", "oracle://x", "sqlite:////proc/nowhere/x", "postgresql://127.0.0.1:1/x"])
def test_a_database_that_cannot_be_opened_is_a_sentence(url: str) -> None:
    with pytest.raises((UsageError, OSError)):
        open_database(url)


def test_one_worker_gets_a_job(engine: sa.Engine) -> None:
    jobs, job = Jobs(engine), row()
    jobs.add(job)
    won: list[JobRow | None] = []
    threads = [threading.Thread(target=lambda: won.append(jobs.claim(job.id))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (mine,) = [one for one in won if one is not None]
    assert mine.state == "running" and mine.attempts == 1


def test_a_job_ends_once(engine: sa.Engine) -> None:
    jobs, job = Jobs(engine), row()
    jobs.add(job)
    slow = jobs.claim(job.id, lease=-1)
    assert slow is not None and jobs.lost() == [slow]
    assert jobs.requeue(slow) and not jobs.requeue(slow)
    fast = jobs.claim(job.id)
    assert fast is not None and fast.attempts == 2
    assert not jobs.renew(slow) and not jobs.release(slow) and not jobs.finish(slow, answer="slow")
    assert jobs.finish(fast, answer="fast")
    # The database may go away before it confirms: saying it again is right, and changes nothing.
    assert jobs.finish(fast, answer="again") and not jobs.finish(slow, answer="slow")
    ended = jobs.get(job.id, "me")
    assert ended is not None and ended.answer == "fast" and ended.state == "done"
    assert jobs.get(job.id, "them") is None and jobs.delete(job.id, "them") is None


def test_a_webhook_is_owed_once_however_often_a_job_is_ended(engine: sa.Engine) -> None:
    jobs, job = Jobs(engine), row(webhook="https://hooks.example/")
    jobs.add(job)
    held = jobs.claim(job.id)
    assert held is not None
    for _ in range(2):
        assert jobs.finish(held, answer="x", delivery=owed(job.id, "https://hooks.example/", "key", "{}"))
    assert len(Deliveries(engine).due()) == 1


def test_folders_of_the_dead_are_buried_while_others_live(tmp_path: Path) -> None:
    living, dead = Spool(tmp_path), Spool(tmp_path)
    dead.new("upload.wav").write_bytes(b"x")
    living.bury()
    assert len(list(tmp_path.glob("server-*"))) == 2
    os.close(dead._lock)  # as the kernel does for a process that is killed
    living.bury()
    assert len(list(tmp_path.glob("server-*"))) == 1 and living.new().parent.exists()


def test_a_renewed_lease_is_not_lost(engine: sa.Engine) -> None:
    jobs, job = Jobs(engine), row()
    jobs.add(job)
    held = jobs.claim(job.id, lease=-1)
    assert held is not None and jobs.renew(held) and jobs.lost() == []
    assert not jobs.requeue(held)


def test_a_job_that_is_handed_back_was_not_tried(engine: sa.Engine) -> None:
    jobs, job = Jobs(engine), row()
    jobs.add(job)
    for _ in range(ATTEMPTS + 2):
        held = jobs.claim(job.id)
        assert held is not None and held.attempts == 1 and jobs.release(held)


def test_a_deleted_job_takes_its_worker_nowhere(engine: sa.Engine) -> None:
    jobs, job = Jobs(engine), row()
    jobs.add(job)
    held = jobs.claim(job.id)
    assert held is not None and jobs.delete(job.id, "me") is not None
    assert not jobs.finish(held, answer="x") and jobs.get(job.id, "me") is None


def test_replies_by_idempotency_key(engine: sa.Engine) -> None:
    replies, reply = Replies(engine), Reply(200, "body", None)
    assert replies.begin("me", "k", "d") is None
    with pytest.raises(Busy):
        replies.begin("me", "k", "d")
    with pytest.raises(Mismatch):
        replies.begin("me", "k", "other")
    assert replies.begin("them", "k", "other") is None
    replies.finish("me", "k", reply)
    assert replies.begin("me", "k", "d") == reply
    replies.forget("them", "k")
    assert replies.begin("them", "k", "d") is None
    replies.expire()
    assert replies.begin("me", "k", "d") == reply


def test_persistence_waits_for_a_database_that_comes_back() -> None:
    failures = [sa.exc.OperationalError("", {}, Exception())]

    def call() -> str:
        if failures:
            raise failures.pop()
        return "answer"

    assert database.persistently(call) == "answer"
    failures = [sa.exc.OperationalError("", {}, Exception())] * 9
    with pytest.raises(sa.exc.OperationalError):
        database.persistently(call, seconds=0.0)
