"""POST /v1/detections: is the voice in a recording a person's or a machine's?"""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from ...core import weights
from ..answers import Detection, Job
from ..choices import CodecIs
from ..problems import ProblemError
from .callers import Caller, need
from .fields import one_of
from .openapi import documented, upload_body

router = APIRouter(tags=["detections"])
FIELDS: dict[str, dict[str, Any]] = {
    "detector": {
        "type": "string",
        "description": "name of the detector; default: the server's",
        "example": "baseline",
    },
    "prior": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "description": "of synthetic"},
    "codec_is": {
        "type": "string",
        "enum": [word.value for word in CodecIs],
        "description": "what speech is that only went through a neural codec or vocoder; default: synthetic. With "
        "`genuine` a recording is called synthetic only where the speech itself sounds synthesised",
    },
    "thorough": {
        "type": "boolean",
        "description": "listen three times at shifted places, and ask a second expert, whose contradiction makes the "
        "answer inconclusive; four times slower. Default: false",
    },
}


@router.post(
    "/v1/detections",
    operation_id="detect",
    summary="Judge a recording",
    response_model=Detection,
    responses=documented(400, 401, 403, 408, 409, 413, 415, 422, 429, 503, 507, accepted=Job, example="detection"),
    openapi_extra=upload_body(FIELDS),
)
async def detect(request: Request, caller: Annotated[Caller, Depends(need("detect"))]) -> Response:
    """Up to a minute of sound is judged at once (200); longer recordings become a job (202, see `Location`), and so
    does everything with `Prefer: respond-async` or a `webhook`. A verdict is evidence, not proof."""
    response: Response = await request.app.state.desk.handle(request, caller, "scan", options, set(FIELDS))
    return response


def options(fields: dict[str, str]) -> dict[str, Any]:
    """The fields as a task takes them. Raises ProblemError."""
    chosen: dict[str, Any] = {}
    if "detector" in fields:
        chosen["detector"] = fields["detector"]
        if fields["detector"] not in weights.cards("detector"):
            raise ProblemError("invalid-request", "There is no detector of that name here.")
    if "prior" in fields:
        chosen["prior"] = _prior(fields["prior"])
    if "codec_is" in fields:
        chosen["codec_is"] = one_of("codec_is", fields["codec_is"], FIELDS["codec_is"]["enum"])
    if "thorough" in fields:
        chosen["thorough"] = one_of("thorough", fields["thorough"], ("true", "false")) == "true"
    return chosen


def _prior(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < 1.0:
        raise ProblemError("invalid-request", "The field 'prior' is a number between 0 and 1.")
    return value
