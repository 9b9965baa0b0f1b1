"""The bodies that the service answers with: a result as the command line writes it, and around it what was asked."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .jobs.tasks import Outcome
from .problems import Problem, ProblemError
from .receipts import PublicKey, Receipt, Signer
from .schemas import MarkBand, Marked, MarkResult, Result, Schema

# Owner of what is asked for on the machine itself, while there are no API keys.
LOCAL = "local"


class Detection(Schema):
    """The verdict on an uploaded recording. `result` is what `earwitness scan --json` writes for the same file."""

    request_id: str
    sha256: str = Field(description="of the file as it was sent")
    model: dict[str, str] = Field(description="name, version and sha256 of what listened")
    result: Result
    receipt: Receipt


class Marking(Schema):
    """A mark that was put on an uploaded recording. `result` is what `earwitness watermark embed --json` writes."""

    request_id: str
    sha256: str = Field(description="of the file as it was sent")
    model: dict[str, str] = Field(description="name, version and sha256 of what marks")
    result: Marked
    audio: str = Field(description="path from which the marked file can be fetched, while it is kept")
    receipt: Receipt


class Verification(Schema):
    """What marks an uploaded recording carries. `result` is what `earwitness watermark verify --json` writes beside
    `path`; callers without a key, and those whose mark it is not, get only the verdict and a band."""

    request_id: str
    sha256: str = Field(description="of the file as it was sent")
    model: dict[str, str] = Field(description="name, version and sha256 of what listens for marks")
    result: MarkResult | MarkBand
    receipt: Receipt


class Job(Schema):
    """Work that goes on after the request. Times are UTC, ISO 8601."""

    id: str
    kind: Literal["scan", "mark", "verify"]
    state: Literal["queued", "running", "done", "failed"]
    created: str
    finished: str | None = None
    answer: dict[str, Any] | None = Field(default=None, description="when done: the body of a direct answer")
    problem: Problem | None = Field(default=None, description="when failed: why")
    audio: str | None = Field(default=None, description="path of the marked file, while it is kept")


class Keys(Schema):
    """Public keys that receipts are signed with, as a JSON Web Key Set."""

    keys: tuple[PublicKey, ...]


class Health(Schema):
    """Whether the service lives or is ready."""

    status: Literal["ok"] = "ok"
    version: str


class Context(Schema):
    """What an answer needs besides its result; kept with a job until the answer is made."""

    request_id: str
    sha256: str
    key: str = Field(default="", description="id of the API key that signs webhooks")
    owner: str = Field(default="", description="who asked; empty for anyone")
    full: bool = Field(default=True, description="whether all of the evidence for a mark may be told")
    job: str = Field(default="", description="id of the job that keeps the marked file")


def answer(kind: str, outcome: Outcome, context: Context, signer: Signer) -> Schema:
    """The body for a result. Raises ProblemError for a refusal."""
    if outcome.result is None:
        raise refusal(outcome)
    result = outcome.result
    # Evidence of somebody else's mark would tell their claims, and how far an attack on it has come.
    mine = outcome.owner is None or sees(context.owner, outcome.owner)
    if kind == "verify" and not (context.full and mine):
        result = band(MarkResult.model_validate(result)).model_dump(mode="json")
    receipt = signer.receipt(request_id=context.request_id, sha256=context.sha256, result=result, model=outcome.model)
    members: dict[str, Any] = {"request_id": context.request_id, "sha256": context.sha256, "model": outcome.model}
    members |= {"result": result, "receipt": receipt}
    if kind == "mark":
        return Marking.model_validate({**members, "audio": f"/v1/jobs/{context.job}/audio"})
    return (Detection if kind == "scan" else Verification).model_validate(members)


def sees(viewer: str, owner: str) -> bool:
    """Whether what belongs to `owner` is the viewer's; what the command line made is the local user's."""
    return viewer == owner or (viewer == LOCAL and owner == "")


def band(result: MarkResult) -> MarkBand:
    """The verdict on marks without the evidence."""
    p = result.p_value
    name = "<= 1e-12" if p <= 1e-12 else "<= 1e-6" if p <= 1e-6 else "> 1e-6"
    return MarkBand.model_validate({"verdict": result.verdict, "p_value_band": name, "seconds": result.seconds})


def refusal(outcome: Outcome) -> ProblemError:
    """The problem that a refusal is."""
    names = {"audio": "unreadable-audio", "limit": "audio-limit", "usage": "invalid-request", "setup": "unavailable"}
    names |= {"storage": "storage-full", "absent": "not-found"}
    return ProblemError(names[outcome.refused], outcome.detail)
