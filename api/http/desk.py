"""What all routes share, and the way of a request from its upload to its answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ..answers import Context, answer
from ..jobs.accept import accept, keep_marked
from ..jobs.pool import ChildDied, Draining, Pool, TookTooLong
from ..jobs.station import Station
from ..jobs.tasks import Outcome, Task
from ..jobs.webhooks import WebhookError, check_url
from ..problems import ProblemError
from ..schemas import line
from ..settings import Settings
from ..state.jobs import new_id
from ..state.replies import Busy, Mismatch, Reply
from .callers import Caller, Door, Limiter
from .metrics import Metrics
from .shape import job_body
from .uploads import Caps, Upload, receive

Options = Callable[[dict[str, str]], dict[str, Any]]
_BUSY = {"Retry-After": "1"}
_STARTED = {"Retry-After": "2"}


@dataclass
class Desk:
    """One server's parts. Opened and closed by the application's lifespan."""

    settings: Settings
    station: Station
    pool: Pool
    door: Door
    limiter: Limiter
    metrics: Metrics
    ready: bool = False
    waiting: int = 0
    slots: anyio.CapacityLimiter = field(init=False)

    def __post_init__(self) -> None:
        self.slots = anyio.CapacityLimiter(self.settings.pool.children)

    @property
    def caps(self) -> Caps:
        """What an upload may be: the file, and 1 MiB for the rest of the form."""
        s = self.settings
        return Caps(s.bounds.max_bytes + (1 << 20), s.upload_idle, s.upload_rate, s.reserve)

    async def handle(
        self, request: Request, caller: Caller, kind: str, options: Options, fields: set[str]
    ) -> Response:
        """Take the upload of a request and answer it, now or by a job. options: checks and turns the form's fields.

        Raises ProblemError.
        """
        if self.waiting >= self.settings.max_waiting:
            raise ProblemError(
                "unavailable", "Too many requests are waiting; try again.", {**_BUSY, "Connection": "close"}
            )
        self.waiting += 1
        upload: Upload | None = None
        try:
            upload = await receive(request, self.station.spool, self.caps, fields | {"webhook"})
            self.metrics.upload_bytes.inc(upload.size)
            return await self._once(request, caller, kind, upload, options)
        finally:
            self.waiting -= 1
            if upload is not None:
                self._put_away(upload.path)

    def _put_away(self, path: Path) -> None:
        if self.settings.keep_uploads and path.exists():
            self.station.spool.keep(path)
        path.unlink(missing_ok=True)

    async def _once(self, request: Request, caller: Caller, kind: str, upload: Upload, options: Options) -> Response:
        """Answer, or repeat the answer that the same Idempotency-Key got before."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return _response(await self._answer(request, caller, kind, upload, options))
        if caller.anonymous:
            raise ProblemError("unauthorized", "An Idempotency-Key needs an API key.")
        if not 1 <= len(key) <= 255 or not key.isprintable():
            raise ProblemError("bad-request", "An Idempotency-Key has 1 to 255 printable characters.")
        replies = self.station.replies
        same = json.dumps([request.url.path, upload.sha256, sorted(upload.fields.items())])
        digest = hashlib.sha256(same.encode()).hexdigest()
        try:
            stored = await run_in_threadpool(replies.begin, caller.owner, key, digest)
        except Busy as error:
            raise ProblemError("in-progress", "Ask again a little later.", _STARTED) from error
        except Mismatch as error:
            raise ProblemError("idempotency-mismatch", "Use a new key for a new request.") from error
        if stored is not None:
            return _response(stored, {"Idempotency-Replayed": "true"})
        done = False
        try:
            reply = await self._answer(request, caller, kind, upload, options)
            await run_in_threadpool(replies.finish, caller.owner, key, reply)
            done = True
        finally:
            if not done:
                with anyio.CancelScope(shield=True):
                    await run_in_threadpool(replies.forget, caller.owner, key)
        return _response(reply)

    async def _answer(self, request: Request, caller: Caller, kind: str, upload: Upload, options: Options) -> Reply:
        webhook = upload.fields.pop("webhook", None)
        if webhook is not None:
            _check_webhook(webhook, self.settings.webhook_hosts, caller)
        task = Task.model_validate(
            {
                "kind": kind,
                "path": str(upload.path),
                "bounds": self.settings.bounds,
                "options": options(upload.fields),
                "sync_seconds": self.settings.sync_seconds,
            }
        )
        context = Context(
            request_id=request.state.request_id,
            sha256=upload.sha256,
            key=caller.key,
            owner=caller.owner,
            full="verify" in caller.scopes,
            job=new_id(),
        )
        if webhook is None and not _prefers_async(request):
            reply = await self._at_once(task, context)
            if reply is not None:
                return reply
        if caller.anonymous:
            raise ProblemError("unauthorized", "Recordings as long as this one need an API key.")
        task = task.model_copy(update={"sync_seconds": None})
        row = await run_in_threadpool(accept, self.station, task, context, webhook, self.settings.max_waiting)
        return Reply(202, line(job_body(row)), f"/v1/jobs/{row.id}")

    async def _at_once(self, task: Task, context: Context) -> Reply | None:
        """A direct answer, or None when the recording is too long for one."""
        target = None
        if task.kind == "mark":
            target = self.station.spool.new(f".{task.options['format']}")
            task.options["target"] = str(target)
        try:
            outcome = await self.work(task)
            if outcome.long:
                return None
            body = line(answer(task.kind, outcome, context, self.station.signer))
            if target is not None:
                await run_in_threadpool(keep_marked, self.station, task, context, target, body)
            return Reply(200, body, None)
        finally:
            if target is not None:
                target.unlink(missing_ok=True)

    async def work(self, task: Task) -> Outcome:
        """The outcome of a task in a child. Raises ProblemError when the child does not survive it."""
        try:
            return await anyio.to_thread.run_sync(self.pool.run, task, limiter=self.slots)
        except ChildDied as error:
            raise ProblemError("decoder-failed", str(error)) from error
        except TookTooLong as error:
            raise ProblemError("time-limit", str(error)) from error
        except Draining as error:
            raise ProblemError("unavailable", str(error), _STARTED) from error


def _check_webhook(url: str, hosts: tuple[str, ...], caller: Caller) -> None:
    if not caller.key:
        raise ProblemError("forbidden", "A webhook needs an API key, whose secret signs it.")
    try:
        check_url(url, hosts)
    except WebhookError as error:
        raise ProblemError("invalid-request", str(error)) from error


def _prefers_async(request: Request) -> bool:
    wishes = ",".join(request.headers.getlist("prefer")).split(",")
    return any(wish.partition(";")[0].strip().lower() == "respond-async" for wish in wishes)


def _response(reply: Reply, headers: dict[str, str] | None = None) -> Response:
    more = dict(headers or {})
    if reply.location:
        more |= {"Location": reply.location, "Retry-After": "1"}
    return Response(reply.body, reply.status, more, media_type="application/json")
