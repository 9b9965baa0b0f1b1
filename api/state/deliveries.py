"""Webhooks that are owed: kept until the receiver took them or the attempts are spent."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from .jobs import new_id
from .tables import deliveries

# Seconds until the next attempt after each failure; then it is given up.
PAUSES = (5.0, 30.0, 120.0, 600.0, 3600.0)
# While one worker delivers, no other may.
_HELD = 60.0


@dataclass(frozen=True)
class Delivery:
    """One webhook: its body is sent as it stands. key: id of the API key whose secret signs it."""

    id: str
    job: str
    url: str
    key: str
    body: str
    attempts: int


def owed(job: str, url: str, key: str, body: str) -> dict[str, object]:
    """The row of a new delivery, due at once."""
    row = {"id": new_id(), "job": job, "url": url, "key": key, "body": body}
    return {**row, "attempts": 0, "state": "owed", "due": time.time()}


class Deliveries:
    """The deliveries in a database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def due(self, limit: int = 100) -> list[str]:
        """Ids of what should be delivered now."""
        ready = (deliveries.c.state == "owed") & (deliveries.c.due <= time.time())
        with self._engine.connect() as connection:
            query = sa.select(deliveries.c.id).where(ready).order_by(deliveries.c.due).limit(limit)
            return list(connection.execute(query).scalars())

    def claim(self, delivery_id: str) -> Delivery | None:
        """Take a due delivery for a minute; None when it is gone, not due, or another worker's."""
        now = time.time()
        mine = (deliveries.c.id == delivery_id) & (deliveries.c.state == "owed") & (deliveries.c.due <= now)
        with self._engine.begin() as connection:
            if not connection.execute(sa.update(deliveries).where(mine).values(due=now + _HELD)).rowcount:
                return None
            row = connection.execute(sa.select(deliveries).where(deliveries.c.id == delivery_id)).one()
        return Delivery(row.id, row.job, row.url, row.key, row.body, row.attempts)

    def settle(self, delivery: Delivery, delivered: bool) -> None:
        """Note the outcome of an attempt."""
        attempts = delivery.attempts + 1
        values: dict[str, object] = {"attempts": attempts, "state": "delivered"}
        if not delivered and attempts <= len(PAUSES):
            values |= {"state": "owed", "due": time.time() + PAUSES[attempts - 1]}
        elif not delivered:
            values["state"] = "given up"
        with self._engine.begin() as connection:
            connection.execute(sa.update(deliveries).where(deliveries.c.id == delivery.id).values(values))
