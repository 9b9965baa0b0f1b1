"""API keys: `ew_ID_SECRET`, shown once when made; the database holds only a digest."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ...core.errors import UsageError
from .tables import api_keys

SCOPES = ("detect", "watermark", "verify", "records", "metrics")
_FORM = re.compile(r"ew_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key; never its secret. Times are seconds since 1970, None for never."""

    id: str
    owner: str
    scopes: frozenset[str]
    created: float
    expires: float | None
    revoked: float | None

    def valid(self, now: float) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class ApiKeys:
    """The keys in a database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(self, owner: str, scopes: Iterable[str], days: float | None = None) -> tuple[ApiKey, str]:
        """A new key and its text, which nobody can read again. Raises UsageError for impossible arguments."""
        chosen = frozenset(scopes)
        if not chosen or chosen - set(SCOPES):
            raise UsageError(f"A key needs scopes out of {', '.join(SCOPES)}.")
        if not _OWNER.fullmatch(owner):
            raise UsageError("An owner is 1 to 64 letters, digits, dots, hyphens, underscores or @.")
        if owner == "local":
            raise UsageError("The owner 'local' is the user of this machine; choose another name.")
        if days is not None and days <= 0:
            raise UsageError("A key must be valid for more than 0 days.")
        now, secret = time.time(), secrets.token_urlsafe(32)
        expires = None if days is None else now + days * 86400
        key = ApiKey(secrets.token_hex(8), owner, chosen, now, expires, None)
        row = {**vars(key), "scopes": " ".join(sorted(chosen)), "digest": _digest(secret)}
        with self._engine.begin() as connection:
            connection.execute(sa.insert(api_keys).values(row))
        return key, f"ew_{key.id}_{secret}"

    def check(self, text: str) -> ApiKey | None:
        """The valid key that `text` is, else None; the time taken says nothing about the stored digest."""
        form = _FORM.fullmatch(text)
        if form is None:
            return None
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(api_keys).where(api_keys.c.id == form[1])).first()
        # An unknown id is compared as well, so that ids cannot be found by the clock.
        same = hmac.compare_digest(_digest(form[2]), row.digest if row else "0" * 64)
        if row is None or not same:
            return None
        key = _key(row)
        return key if key.valid(time.time()) else None

    def any(self) -> bool:
        """Whether any key was ever made: from then on nobody comes in without one."""
        with self._engine.connect() as connection:
            return connection.execute(sa.select(api_keys.c.id).limit(1)).first() is not None

    def all(self) -> list[ApiKey]:
        """All keys, oldest first."""
        with self._engine.connect() as connection:
            return [_key(row) for row in connection.execute(sa.select(api_keys).order_by(api_keys.c.created))]

    def revoke(self, key_id: str) -> None:
        """End a key now. Raises UsageError when there is none of that id."""
        self._change(key_id, revoked=time.time())

    def rotate(self, key_id: str, grace_hours: float = 24.0) -> tuple[ApiKey, str]:
        """A new key with the owner, scopes and lifetime of an old one, which ends after the grace."""
        old = next((key for key in self.all() if key.id == key_id), None)
        now = time.time()
        if old is None or not old.valid(now):
            raise UsageError(f"There is no valid key with the id {key_id!r}.")
        days = None if old.expires is None else (old.expires - old.created) / 86400
        made = self.add(old.owner, old.scopes, days)
        end = now + grace_hours * 3600
        self._change(key_id, expires=end if old.expires is None else min(end, old.expires))
        return made

    def _change(self, key_id: str, **values: float) -> None:
        with self._engine.begin() as connection:
            done = connection.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(values))
        if not done.rowcount:
            raise UsageError(f"There is no key with the id {key_id!r}.")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(row.id, row.owner, frozenset(row.scopes.split()), row.created, row.expires, row.revoked)
