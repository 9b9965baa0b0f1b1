"""What is no work on recordings: public keys, health, metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ... import __version__
from ..answers import Health, Keys
from ..jobs.queue import SILENT
from ..problems import ProblemError
from ..schemas import line
from ..state import database
from .callers import Caller, need
from .openapi import documented

router = APIRouter(tags=["service"])
JSON = "application/json"


@router.get(
    "/v1/keys",
    operation_id="keys",
    summary="The public keys of receipts",
    response_model=Keys,
    responses=documented(403, 429, example="keys"),
    openapi_extra={"security": []},
)
async def keys(request: Request) -> Response:
    """A JSON Web Key Set."""
    return Response(line(Keys(keys=(request.app.state.desk.station.signer.public_key,))), media_type=JSON)


@router.get("/healthz", operation_id="health", response_model=Health, openapi_extra={"security": []})
async def health() -> Response:
    """Whether the process answers at all."""
    return Response(line(Health(version=__version__)), media_type=JSON)


@router.get(
    "/readyz",
    operation_id="ready",
    response_model=Health,
    responses=documented(503),
    openapi_extra={"security": []},
)
async def ready(request: Request) -> Response:
    """Whether requests can be answered now: children are forked, database and queue answer, no shutdown has begun."""
    desk = request.app.state.desk
    if not desk.ready:
        raise ProblemError("unavailable", "The server starts or stops.", {"Retry-After": "2"})
    try:
        await run_in_threadpool(desk.station.queue.pending)
    except SILENT as error:
        raise ProblemError("unavailable", "The queue does not answer.", {"Retry-After": "2"}) from error
    await run_in_threadpool(database.ping, desk.station.engine)
    return Response(line(Health(version=__version__)), media_type=JSON)


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Counters for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **documented(401, 403, 429, 503)},
)
async def metrics(request: Request, caller: Annotated[Caller, Depends(need("metrics"))]) -> Response:
    """In Prometheus' text format."""
    desk = request.app.state.desk
    counts = await run_in_threadpool(desk.station.jobs.counts)
    for state in ("queued", "running", "done", "failed"):
        desk.metrics.jobs.labels(state).set(counts.get(state, 0))
    return Response(desk.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
