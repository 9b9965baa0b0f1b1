"""A client of the service for programs that may wait."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import httpx

from . import client_wire as wire
from .answers import Detection, Job, Keys, Marking, Verification
from .client_wire import Call, Source
from .receipts import check
from .schemas import MarkRecord


class Client:
    """Talks to a server: `Client("http://localhost:8000").scan("clip.mp3").result.decision`.

    key: API key, where the server wants one. seconds: how long to wait for one answer of the server. transport: of
    httpx, for tests and special networks. Requests that the server turns away as too many are repeated after the time
    it names. Methods raise Refused with the server's problem, and ServerError when it cannot be reached.
    """

    def __init__(
        self, url: str, key: str = "", *, seconds: float = 120.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url, self._key = wire.base(url), key
        self._http = httpx.Client(base_url=self.url, transport=transport, **wire.options(key, seconds))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def scan(
        self,
        source: Source,
        *,
        detector: str | None = None,
        prior: float | None = None,
        codec_is: str | None = None,
        thorough: bool = False,
    ) -> Detection:
        """The verdict on a file (a path) or on the bytes of one; a long one is waited for.

        codec_is: "genuine" where a neural codec alone does not make speech synthetic. thorough: several hearings.
        """
        fields = {"detector": detector, "prior": prior, "codec_is": codec_is, "thorough": thorough or None}
        found: Detection = self._work("scan", source, **fields)
        return found

    def verify(self, source: Source) -> Verification:
        """What marks a file carries."""
        found: Verification = self._work("verify", source)
        return found

    def watermark(
        self,
        source: Source,
        *,
        claims: dict[str, Any] | None = None,
        strength: float | None = None,
        format: str | None = None,
    ) -> tuple[Marking, bytes]:
        """Mark a file; the answer, and the bytes of the marked file ("wav" or "flac")."""
        made: Marking = self._work("mark", source, claims=claims, strength=strength, format=format)
        return made, self._request("GET", made.audio).content

    def start(self, kind: str, source: Source, *, webhook: str | None = None, **fields: Any) -> Job:
        """Begin work ("scan", "verify" or "mark") without waiting for it."""
        response = self._post(wire.call(kind, self._key, True, {**fields, "webhook": webhook}), source)
        job: Job = wire.read(Job, response.content)
        return job

    def job(self, job_id: str) -> Job:
        """How far a job is."""
        job: Job = wire.read(Job, self._request("GET", f"/v1/jobs/{job_id}").content)
        return job

    def forget(self, job_id: str) -> None:
        """Cancel a job, or delete its result."""
        self._request("DELETE", f"/v1/jobs/{job_id}")

    def record(self, record_id: str) -> MarkRecord:
        """The record of a mark."""
        record: MarkRecord = wire.read(MarkRecord, self._request("GET", f"/v1/records/{record_id}").content)
        return record

    def keys(self) -> Keys:
        """The public keys of receipts."""
        keys: Keys = wire.read(Keys, self._request("GET", "/v1/keys").content)
        return keys

    def check(self, answer: wire.Answer, keys: Keys | None = None) -> None:
        """Raises InputError unless the receipt of an answer is this server's and about its result."""
        known = keys or self.keys()
        check(answer.receipt, answer.result.model_dump(mode="json"), list(known.keys))

    def _work(self, kind: str, source: Source, **fields: Any) -> Any:
        response = self._post(wire.call(kind, self._key, False, fields), source)
        if response.status_code != 202:
            return wire.answer(kind, response.content)
        job: Job = wire.read(Job, response.content)
        pause = wire.FIRST_LOOK
        while (found := wire.ended(kind, job)) is None:
            time.sleep(pause)
            pause = min(wire.LAST_LOOK, pause * 1.5)
            job = self.job(job.id)
        return found

    def _post(self, call: Call, source: Source) -> httpx.Response:
        for attempt in range(wire.ATTEMPTS):
            with wire.opened(source) as content:
                response = self._send("POST", wire.ROUTES[call.kind], **wire.form(call, content, source))
            if response.status_code not in wire.RETRIED or attempt == wire.ATTEMPTS - 1:
                break
            time.sleep(wire.pause(response, attempt))
        return wire.checked(response)

    def _request(self, method: str, path: str) -> httpx.Response:
        for attempt in range(wire.ATTEMPTS):
            response = self._send(method, path)
            if response.status_code not in wire.RETRIED or attempt == wire.ATTEMPTS - 1:
                break
            time.sleep(wire.pause(response, attempt))
        return wire.checked(response)

    def _send(self, method: str, path: str, **body: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **body)
        except httpx.HTTPError as error:
            raise wire.unreachable(error, self.url) from error
