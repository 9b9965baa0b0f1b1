"""Marks: POST /v1/watermarks, POST /v1/verify, GET /v1/records/{id}, GET /v1/jobs/{id}/audio."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from ..answers import Job, Marking, Verification, refusal, sees
from ..jobs.tasks import Task
from ..problems import ProblemError
from ..schemas import MarkRecord, line
from ..state.jobs import JobRow
from .callers import Caller, need
from .fields import one_of
from .openapi import documented, upload_body

router = APIRouter(tags=["marks"])
FORMATS = {"wav": "audio/wav", "flac": "audio/flac"}
FIELDS = {
    "claims": {
        "type": "string",
        "contentMediaType": "application/json",
        "description": "a JSON object that the record keeps",
        "example": '{"title": "Interview"}',
    },
    "strength": {"type": "number", "minimum": 0.5, "maximum": 6, "description": "dB; default: inaudible in speech"},
    "format": {"type": "string", "enum": list(FORMATS), "description": "of the marked file; default: wav"},
}
_ERRORS = (400, 401, 403, 408, 409, 413, 415, 422, 429, 503, 507)


@router.post(
    "/v1/watermarks",
    operation_id="mark",
    summary="Put a mark on a recording",
    response_model=Marking,
    responses=documented(*_ERRORS, accepted=Job, example="marking"),
    openapi_extra=upload_body(FIELDS),
)
async def mark(request: Request, caller: Annotated[Caller, Depends(need("watermark"))]) -> Response:
    """The marked file is fetched from `audio`. Its record, with the claims, belongs to the owner of the API key."""
    desk = request.app.state.desk
    response: Response = await desk.handle(
        request, caller, "mark", partial(_embedding, caller.owner, desk.settings.marks), set(FIELDS)
    )
    return response


@router.post(
    "/v1/verify",
    operation_id="verify",
    summary="Look for marks in a recording",
    response_model=Verification,
    responses=documented(*_ERRORS, accepted=Job, example="verification"),
    openapi_extra={**upload_body({}), "security": [{}, {"key": []}]},
)
async def verify(request: Request, caller: Annotated[Caller, Depends(need("verify", "anyone"))]) -> Response:
    """Anyone may ask, and gets the verdict and a band of the p-value; the evidence goes to those whose mark it is.
    "no_evidence" says nothing about where a recording comes from."""
    desk = request.app.state.desk
    response: Response = await desk.handle(request, caller, "verify", lambda fields: dict(desk.settings.marks), set())
    return response


@router.get(
    "/v1/records/{record}",
    operation_id="record",
    summary="What is known of a mark",
    response_model=MarkRecord,
    responses=documented(401, 403, 404, 422, 429, 503, example="record"),
)
async def record(
    request: Request,
    record: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="from a result", examples=["0" * 32])],
    caller: Annotated[Caller, Depends(need("records"))],
) -> Response:
    """Records are their owner's only."""
    desk = request.app.state.desk
    options = {"records": desk.settings.marks["records"], "id": record}
    outcome = await desk.work(Task(kind="record", path="", bounds=desk.settings.bounds, options=options))
    if outcome.result is None and outcome.refused != "absent":
        raise refusal(outcome)
    if outcome.result is None or not sees(caller.owner, outcome.owner or ""):
        raise ProblemError("not-found", "There is no such record, or it is not yours.")
    return Response(line(MarkRecord.model_validate(outcome.result)), media_type="application/json")


@router.get(
    "/v1/jobs/{job_id}/audio",
    operation_id="marked_audio",
    summary="The marked file",
    response_class=Response,
    responses={
        200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FORMATS.values()}},
        **documented(401, 403, 404, 409, 422, 429, 503),
    },
    tags=["jobs"],
)
async def audio(
    request: Request,
    job_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0" * 32])],
    caller: Annotated[Caller, Depends(need("watermark"))],
) -> Response:
    """Kept for a day, or until DELETE /v1/jobs/{id}."""
    station = request.app.state.desk.station
    row: JobRow | None = await run_in_threadpool(station.jobs.get, job_id, caller.owner)
    if row is None:
        raise ProblemError("not-found", "There is no such job, or it is not yours, or it has been forgotten.")
    if row.audio is None:
        raise ProblemError("not-ready", f"The job is {row.state}, and has no marked file.")
    path = station.spool.path(row.audio)
    if not path.is_file():
        raise ProblemError("not-found", "The marked file is no longer kept.")
    return FileResponse(path, media_type=FORMATS[path.suffix.removeprefix(".")], filename=f"marked{path.suffix}")


def _embedding(owner: str, marks: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
    """The fields as a task takes them. Raises ProblemError."""
    form = one_of("format", fields.get("format", "wav"), FORMATS)
    strength = None if "strength" not in fields else _strength(fields["strength"])
    return {
        **marks,
        "format": form,
        "strength": strength,
        "claims": _claims(fields.get("claims", "{}")),
        "owner": owner,
    }


def _strength(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 6.0:
        raise ProblemError("invalid-request", "The field 'strength' is a number of dB between 0.5 and 6.")
    return value


def _claims(text: str) -> dict[str, Any]:
    try:
        claims = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ProblemError("invalid-request", "The field 'claims' is no JSON object.") from error
    if not isinstance(claims, dict):
        raise ProblemError("invalid-request", "The field 'claims' is no JSON object.")
    return claims


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
