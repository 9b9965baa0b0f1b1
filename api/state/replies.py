"""Idempotency-Key: the same request under the same key is answered once and then repeated word for word."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from .tables import replies

KEPT = 24 * 3600.0
# A request that holds its key for longer was lost with its server.
_LOST = 15 * 60.0


@dataclass(frozen=True)
class Reply:
    """A stored answer."""

    status: int
    body: str
    location: str | None


class Busy(Exception):
    """The first request with this key is still being worked on."""


class Mismatch(Exception):
    """The key was used for a different request."""


class Replies:
    """Answers by owner and Idempotency-Key."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def begin(self, owner: str, key: str, digest: str) -> Reply | None:
        """The stored answer, or None: then this request is the first and owes `finish` or `forget`.

        digest: of everything that makes the request what it is. Raises Busy and Mismatch.
        """
        now = time.time()
        mine = (replies.c.owner == owner) & (replies.c.key == key)
        with self._engine.begin() as connection:
            stale = (replies.c.created < now - KEPT) | (
                replies.c.status.is_(None) & (replies.c.created < now - _LOST)
            )
            connection.execute(sa.delete(replies).where(mine & stale))
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(replies).values(owner=owner, key=key, digest=digest, created=now))
            return None
        except IntegrityError:
            with self._engine.connect() as connection:
                row = connection.execute(sa.select(replies).where(mine)).first()
        if row is None:  # the first request failed and forgot it in between
            raise Busy
        if row.digest != digest:
            raise Mismatch
        if row.status is None:
            raise Busy
        return Reply(row.status, row.body, row.location)

    def finish(self, owner: str, key: str, reply: Reply) -> None:
        """Keep the answer for 24 hours."""
        mine = (replies.c.owner == owner) & (replies.c.key == key)
        values = {"status": reply.status, "body": reply.body, "location": reply.location}
        with self._engine.begin() as connection:
            connection.execute(sa.update(replies).where(mine).values(values))

    def forget(self, owner: str, key: str) -> None:
        """Free the key after a failure, so that the request can be tried again."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(replies).where((replies.c.owner == owner) & (replies.c.key == key)))

    def expire(self) -> None:
        """Drop what is older than 24 hours."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(replies).where(replies.c.created < time.time() - KEPT))
