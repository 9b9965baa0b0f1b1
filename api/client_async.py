"""The same client for asyncio."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

import httpx

from . import client_wire as wire
from .answers import Detection, Job, Keys, Marking, Verification
from .client_wire import Call, Source
from .receipts import check
from .schemas import MarkRecord


class AsyncClient:
    """As `Client`, with coroutines: `await AsyncClient("http://localhost:8000").scan("clip.mp3")`."""

    def __init__(
        self, url: str, key: str = "", *, seconds: float = 120.0, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.url, self._key = wire.base(url), key
        self._http = httpx.AsyncClient(base_url=self.url, transport=transport, **wire.options(key, seconds))

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def scan(
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
        found: Detection = await self._work("scan", source, **fields)
        return found

    async def verify(self, source: Source) -> Verification:
        """What marks a file carries."""
        found: Verification = await self._work("verify", source)
        return found

    async def watermark(
        self,
        source: Source,
        *,
        claims: dict[str, Any] | None = None,
        strength: float | None = None,
        format: str | None = None,
    ) -> tuple[Marking, bytes]:
        """Mark a file; the answer, and the bytes of the marked file ("wav" or "flac")."""
        made: Marking = await self._work("mark", source, claims=claims, strength=strength, format=format)
        return made, (await self._request("GET", made.audio)).content

    async def start(self, kind: str, source: Source, *, webhook: str | None = None, **fields: Any) -> Job:
        """Begin work ("scan", "verify" or "mark") without waiting for it."""
        response = await self._post(wire.call(kind, self._key, True, {**fields, "webhook": webhook}), source)
        job: Job = wire.read(Job, response.content)
        return job

    async def job(self, job_id: str) -> Job:
        """How far a job is."""
        job: Job = wire.read(Job, (await self._request("GET", f"/v1/jobs/{job_id}")).content)
        return job

    async def forget(self, job_id: str) -> None:
        """Cancel a job, or delete its result."""
        await self._request("DELETE", f"/v1/jobs/{job_id}")

    async def record(self, record_id: str) -> MarkRecord:
        """The record of a mark."""
        record: MarkRecord = wire.read(MarkRecord, (await self._request("GET", f"/v1/records/{record_id}")).content)
        return record

    async def keys(self) -> Keys:
        """The public keys of receipts."""
        keys: Keys = wire.read(Keys, (await self._request("GET", "/v1/keys")).content)
        return keys

    async def check(self, answer: wire.Answer, keys: Keys | None = None) -> None:
        """Raises InputError unless the receipt of an answer is this server's and about its result."""
        known = keys or await self.keys()
        check(answer.receipt, answer.result.model_dump(mode="json"), list(known.keys))

    async def _work(self, kind: str, source: Source, **fields: Any) -> Any:
        response = await self._post(wire.call(kind, self._key, False, fields), source)
        if response.status_code != 202:
            return wire.answer(kind, response.content)
        job: Job = wire.read(Job, response.content)
        pause = wire.FIRST_LOOK
        while (found := wire.ended(kind, job)) is None:
            await asyncio.sleep(pause)
            pause = min(wire.LAST_LOOK, pause * 1.5)
            job = await self.job(job.id)
        return found

    async def _post(self, call: Call, source: Source) -> httpx.Response:
        for attempt in range(wire.ATTEMPTS):
            with wire.opened(source) as content:
                response = await self._send("POST", wire.ROUTES[call.kind], **wire.form(call, content, source))
            if response.status_code not in wire.RETRIED or attempt == wire.ATTEMPTS - 1:
                break
            await asyncio.sleep(wire.pause(response, attempt))
        return wire.checked(response)

    async def _request(self, method: str, path: str) -> httpx.Response:
        for attempt in range(wire.ATTEMPTS):
            response = await self._send(method, path)
            if response.status_code not in wire.RETRIED or attempt == wire.ATTEMPTS - 1:
                break
            await asyncio.sleep(wire.pause(response, attempt))
        return wire.checked(response)

    async def _send(self, method: str, path: str, **body: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **body)
        except httpx.HTTPError as error:
            raise wire.unreachable(error, self.url) from error
