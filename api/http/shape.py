"""From rows to bodies."""

from __future__ import annotations

import json

from ..answers import Job
from ..problems import Problem
from ..state.jobs import JobRow
from ..times import iso


def job_body(row: JobRow) -> Job:
    """A job as its owner sees it."""
    return Job.model_validate(
        {
            "id": row.id,
            "kind": row.kind,
            "state": row.state,
            "created": iso(row.created),
            "finished": None if row.finished is None else iso(row.finished),
            "answer": None if row.answer is None else json.loads(row.answer),
            "problem": None if row.problem is None else Problem.model_validate_json(row.problem),
            "audio": None if row.audio is None else f"/v1/jobs/{row.id}/audio",
        }
    )
