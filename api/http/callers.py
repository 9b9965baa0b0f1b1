"""Who calls, what they may do, and how often."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool

from ...core.errors import UsageError
from ..answers import LOCAL
from ..problems import ProblemError
from ..state.keys import SCOPES, ApiKeys

_LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
# A new first key closes an open server within this time.
_LOOK_AGAIN = 2.0


@dataclass(frozen=True)
class Caller:
    """owner: whose jobs and records they see; "" for nobody's. key: id of the API key, "" without one."""

    owner: str
    key: str
    scopes: frozenset[str]
    address: str

    @property
    def anonymous(self) -> bool:
        """Whether nobody knows who this is."""
        return not self.owner


class Door:
    """Tells callers apart. open_when_keyless: while no API key was ever made, everybody is the local user."""

    def __init__(self, keys: ApiKeys, open_when_keyless: bool, origins: tuple[str, ...]) -> None:
        self._keys, self._may_open, self._origins = keys, open_when_keyless, origins
        self._looked, self._open = -math.inf, False

    async def caller(self, request: Request) -> Caller:
        """The caller of a request. Raises ProblemError for a key that opens nothing."""
        address = request.client.host if request.client else ""
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if kind:
            key = await run_in_threadpool(self._keys.check, text.strip()) if kind.lower() == "bearer" else None
            if key is None:
                raise unauthorized("This API key is not valid.")
            return Caller(key.owner, key.id, key.scopes, address)
        if await self._is_open():
            self._refuse_other_sites(request)
            return Caller(LOCAL, "", frozenset(SCOPES), address)
        return Caller("", "", frozenset(), address)

    async def _is_open(self) -> bool:
        if self._may_open and time.monotonic() > self._looked + _LOOK_AGAIN:
            self._open = not await run_in_threadpool(self._keys.any)
            self._looked = time.monotonic()
        return self._may_open and self._open

    def _refuse_other_sites(self, request: Request) -> None:
        """A page of another site, open in the user's browser, must not use the server that is open to the user."""
        host = request.headers.get("host", "")
        if _name(f"//{host}") not in _LOCAL_NAMES:
            raise ProblemError("forbidden", "Without API keys this server answers only to the name localhost.")
        origin = request.headers.get("origin")
        if origin is not None and origin not in self._origins and urlsplit(origin).netloc != host:
            raise ProblemError("forbidden", "Without API keys this server answers no pages of other sites.")


class Limiter:
    """Counts requests. rate, anonymous_rate: as "600/minute", "" for none. storage: "memory://" or a Redis URL."""

    def __init__(self, rate: str, anonymous_rate: str, storage: str = "memory://") -> None:
        try:
            self._rate = parse(rate) if rate else None
            self._anonymous = parse(anonymous_rate) if anonymous_rate else None
        except ValueError as error:
            raise UsageError(f"A rate looks like 600/minute: {error}") from error
        self._in_memory = storage.startswith("memory")
        self._window = MovingWindowRateLimiter(storage_from_string(storage))

    async def count(self, caller: Caller) -> None:
        """Count a request. Raises ProblemError with Retry-After beyond the limit."""
        if caller.owner == LOCAL:
            return
        item, name = (self._anonymous, network(caller.address)) if caller.anonymous else (self._rate, caller.key)
        await self._hit(item, name)

    async def count_failure(self, address: str) -> None:
        """Count a wrong key, so that nobody tries many."""
        await self._hit(self._anonymous, network(address))

    async def _hit(self, item: RateLimitItem | None, name: str) -> None:
        if item is None:
            return
        allowed = self._try(item, name) if self._in_memory else await run_in_threadpool(self._try, item, name)
        if not allowed:
            reset = self._window.get_window_stats(item, name).reset_time
            wait = max(1, math.ceil(reset - time.time()))
            raise ProblemError("rate-limited", f"The limit is {item}.", {"Retry-After": str(wait)})

    def _try(self, item: RateLimitItem, name: str) -> bool:
        return self._window.hit(item, name)


def need(*scopes: str) -> Callable[[Request], Coroutine[Any, Any, Caller]]:
    """A dependency: the caller, who must have one of `scopes`; with "anyone" among them also an anonymous one."""

    async def dependency(request: Request) -> Caller:
        door, limiter = request.app.state.desk.door, request.app.state.desk.limiter
        try:
            caller: Caller = await door.caller(request)
        except ProblemError as error:
            if error.name == "unauthorized":
                await limiter.count_failure(request.client.host if request.client else "")
            raise
        request.state.key = caller.key
        await limiter.count(caller)
        if caller.anonymous and "anyone" not in scopes:
            raise unauthorized("Send an API key: Authorization: Bearer ew_...")
        if not caller.anonymous and not caller.scopes & set(scopes):
            raise ProblemError("forbidden", f"This needs a key with the scope {' or '.join(sorted(scopes))}.")
        return caller

    return dependency


def unauthorized(detail: str) -> ProblemError:
    """The problem of a missing or wrong key."""
    return ProblemError("unauthorized", detail, {"WWW-Authenticate": 'Bearer realm="earwitness"'})


def network(address: str) -> str:
    """What counts as one anonymous caller: an IPv4 address, or the /64 that one IPv6 customer owns."""
    try:
        found = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
