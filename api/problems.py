"""What can go wrong with a request, as RFC 9457 problems. Types are stable: clients may branch on them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from .schemas import Schema

PREFIX = "urn:earwitness:problem:"
# type: (status, title)
CATALOGUE = {
    "bad-request": (400, "The request cannot be understood"),
    "unauthorized": (401, "A valid API key is needed"),
    "forbidden": (403, "This is not allowed"),
    "not-found": (404, "There is no such thing here"),
    "method-not-allowed": (405, "This method is not offered here"),
    "upload-too-slow": (408, "The upload was too slow"),
    "in-progress": (409, "The first request with this Idempotency-Key is still being answered"),
    "not-ready": (409, "The job has not ended with a file"),
    "payload-too-large": (413, "The upload is too large"),
    "unsupported-media-type": (415, "The body must be multipart/form-data"),
    "invalid-request": (422, "A field of the request is missing or impossible"),
    "unreadable-audio": (422, "The file cannot be read as sound"),
    "audio-limit": (422, "The recording is beyond a limit"),
    "decoder-failed": (422, "The decoder did not survive the file"),
    "time-limit": (422, "The file was not done in time"),
    "idempotency-mismatch": (422, "The Idempotency-Key belongs to a different request"),
    "rate-limited": (429, "Too many requests"),
    "headers-too-large": (431, "The headers are too large"),
    "interrupted": (500, "The work was interrupted too often"),
    "internal": (500, "The server made a mistake"),
    "unavailable": (503, "The service cannot do this at the moment"),
    "storage-full": (507, "The server has no room for this"),
}


class Problem(Schema):
    """An error as RFC 9457 describes it (application/problem+json)."""

    type: str = Field(description="stable name of the kind of problem")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="what happened, in a sentence")
    request_id: str | None = None


class ProblemError(Exception):
    """Raised where a request cannot be answered; becomes the problem of that name."""

    def __init__(self, name: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.name, self.detail, self.headers = name, detail, dict(headers or {})

    @property
    def status(self) -> int:
        """HTTP status."""
        return CATALOGUE[self.name][0]

    def problem(self, request_id: str | None = None) -> Problem:
        """The body."""
        status, title = CATALOGUE[self.name]
        return Problem(type=PREFIX + self.name, title=title, status=status, detail=self.detail, request_id=request_id)
