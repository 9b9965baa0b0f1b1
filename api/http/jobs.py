"""Jobs: GET and DELETE /v1/jobs/{id}."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ..answers import Job
from ..problems import ProblemError
from ..schemas import line
from ..state.jobs import JobRow
from .callers import Caller, need
from .openapi import documented
from .shape import job_body

router = APIRouter(tags=["jobs"])
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="from the answer 202", examples=["0" * 32])]
Owner = Annotated[Caller, Depends(need("detect", "watermark", "verify"))]


@router.get(
    "/v1/jobs/{job_id}",
    operation_id="job",
    summary="How far a job is, and its answer",
    response_model=Job,
    responses=documented(401, 403, 404, 422, 429, 503, example="job"),
)
async def get(request: Request, job_id: Id, caller: Owner) -> Response:
    """`answer` is what a direct request would have been answered. Results are kept for a day."""
    row: JobRow | None = await run_in_threadpool(request.app.state.desk.station.jobs.get, job_id, caller.owner)
    if row is None:
        raise _unknown()
    headers = {"Retry-After": "1"} if row.state in {"queued", "running"} else {}
    return Response(line(job_body(row)), headers=headers, media_type="application/json")


@router.delete(
    "/v1/jobs/{job_id}",
    operation_id="forget_job",
    summary="Cancel a job, or forget its result",
    status_code=204,
    response_class=Response,
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def delete(request: Request, job_id: Id, caller: Owner) -> Response:
    """The upload and the result are deleted at once."""
    station = request.app.state.desk.station
    row: JobRow | None = await run_in_threadpool(station.jobs.delete, job_id, caller.owner)
    if row is None:
        raise _unknown()
    station.spool.remove(row.file)
    station.spool.remove(row.audio)
    return Response(status_code=204)


def _unknown() -> ProblemError:
    return ProblemError("not-found", "There is no such job, or it is not yours, or it has been forgotten.")
