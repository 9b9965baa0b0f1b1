"""Every error as an RFC 9457 problem."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ..problems import ProblemError
from ..schemas import line
from ..state.database import UNAVAILABLE
from .uploads import linger

log = structlog.get_logger()
_NAMES = {400: "bad-request", 404: "not-found", 405: "method-not-allowed"}
MEDIA = "application/problem+json"


def install(app: FastAPI) -> None:
    """Let `app` answer errors as problems."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        if error.headers.get("Connection") == "close":
            await linger(request)
        return respond(request, error)

    async def by_status(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        name = _NAMES.get(error.status_code, "bad-request")
        sentence = f"{request.method} {request.url.path}: {error.detail}."
        return respond(request, ProblemError(name, sentence, error.headers))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(map(str, first.get("loc", ())))
        return respond(request, ProblemError("invalid-request", f"{place}: {first.get('msg', '')}."))

    async def unavailable(request: Request, error: Exception) -> Response:
        log.warning("backend does not answer", reason=type(error).__name__)
        sentence = "The database or the queue does not answer; try again."
        return respond(request, ProblemError("unavailable", sentence, {"Retry-After": "2"}))

    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected error", request_id=request.state.request_id, exc_info=error)
        return respond(request, ProblemError("internal", "The error was logged under this request id."))

    app.add_exception_handler(ProblemError, known)
    app.add_exception_handler(HTTPException, by_status)
    app.add_exception_handler(RequestValidationError, invalid)
    for kind in (*UNAVAILABLE, RedisError):
        app.add_exception_handler(kind, unavailable)
    app.add_exception_handler(Exception, unexpected)


def respond(request: Request, error: ProblemError) -> Response:
    """The response for a problem."""
    body = line(error.problem(request.state.request_id))
    headers: Mapping[str, str] = error.headers
    return Response(body, error.status, headers, media_type=MEDIA)
