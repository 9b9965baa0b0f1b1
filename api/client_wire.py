"""What both clients have in common: how requests are written and answers are read. Nothing here waits."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from ..core.errors import EarwitnessError, InputError, UsageError
from .answers import Detection, Job, Marking, Verification
from .problems import PREFIX, Problem

RETRIED = {429, 503}
ATTEMPTS = 5
# Seconds between two looks at a job, at first and at most.
FIRST_LOOK, LAST_LOOK = 0.2, 5.0
BODIES = {"scan": Detection, "verify": Verification, "mark": Marking}
ROUTES = {"scan": "/v1/detections", "verify": "/v1/verify", "mark": "/v1/watermarks"}
Answer = Detection | Verification | Marking
Source = Path | str | bytes


class ServerError(EarwitnessError):
    """The server did not answer, or not as it should."""


class Refused(InputError):
    """The server refused a request. `problem` says why, `name` is its stable kind, such as "unreadable-audio"."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.name = problem.type.removeprefix(PREFIX)


@dataclass(frozen=True)
class Call:
    """One POST: a route, the form's other fields, and headers that make it safe to repeat."""

    kind: str
    fields: dict[str, str]
    headers: dict[str, str]


def call(kind: str, key: str, respond_async: bool, fields: Mapping[str, Any]) -> Call:
    """The call for a kind of work. Fields that are None are left out; objects are written as JSON."""
    headers = {"Idempotency-Key": secrets.token_hex(16)} if key else {}
    if respond_async:
        headers["Prefer"] = "respond-async"
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in fields.items()
        if value is not None
    }
    return Call(kind, texts, headers)


def base(url: str) -> str:
    """The server's URL without a slash at its end. Raises UsageError when it is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"A server is an http or https URL, not {url!r}.")
    return url.rstrip("/")


def options(key: str, seconds: float) -> dict[str, Any]:
    """Options of httpx clients: no redirects, because a key must not follow one."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return {"headers": headers, "timeout": httpx.Timeout(seconds, connect=10.0), "follow_redirects": False}


@contextmanager
def opened(source: Source) -> Iterator[IO[bytes] | bytes]:
    """What is sent: bytes as they are, a path as an open file. Raises InputError when it cannot be read."""
    if isinstance(source, bytes):
        yield source
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(source, "rb"))
        except OSError as error:
            raise InputError(f"{str(source)!r} cannot be read: {error.strerror}.") from error
        yield file


def form(call: Call, content: IO[bytes] | bytes, source: Source) -> dict[str, Any]:
    """The body of a call, as httpx takes it. Of the file's name only the last part is sent."""
    name = "upload" if isinstance(source, bytes) else Path(source).name.encode("utf-8", "replace").decode()
    return {"files": {"file": (name, content)}, "data": call.fields, "headers": call.headers}


def pause(response: httpx.Response, attempt: int) -> float:
    """Seconds to wait before a refused or failed request is sent again."""
    stated = response.headers.get("retry-after", "")
    return min(60.0, float(stated)) if stated.isdigit() else min(8.0, 0.5 * 2.0**attempt)


def checked(response: httpx.Response) -> httpx.Response:
    """The response. Raises Refused for a problem, ServerError for anything else that is no success."""
    if response.is_success:
        return response
    try:
        raise Refused(Problem.model_validate_json(response.content))
    except ValidationError as error:
        raise ServerError(f"The server answered {response.status_code} without saying why.") from error


def answer(kind: str, content: bytes) -> Answer:
    """The answer of a kind of work. Raises ServerError when it is of no known form."""
    found: Answer = read(BODIES[kind], content)
    return found


def read(shape: Any, content: bytes) -> Any:
    """A body as its schema. Raises ServerError when it does not fit, for instance from another version."""
    try:
        return shape.model_validate_json(content)
    except ValidationError as error:
        raise ServerError("The server's answer has an unknown form; is it of another version?") from error


def ended(kind: str, job: Job) -> Answer | None:
    """The answer of a job, None while it goes on. Raises Refused when it failed."""
    if job.problem is not None:
        raise Refused(job.problem)
    return None if job.answer is None else answer(kind, json.dumps(job.answer).encode())


def unreachable(error: httpx.HTTPError, url: str) -> ServerError:
    """The sentence for a connection that failed."""
    return ServerError(f"The server at {url} cannot be reached: {error or type(error).__name__}.")
