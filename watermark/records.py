"""What is known of each mark: a row and the fingerprint of its content, in SQLite or behind an SQLAlchemy URL."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .fingerprint import Match

Words = NDArray[np.uint32]


@dataclass(frozen=True)
class Record:
    """One marked sound.

    id: 32 hex digits. handle: the 32-bit number that the mark carries, unique for its key in a store. key_id: see
    Key.id. created: UTC, ISO 8601, whole seconds. claims: JSON of the user. seconds, rate (Hz), channels: of the
    sound. strength, version: of the mark's scheme. fingerprint_sha256: see `words_sha256`. source_sha256,
    marked_sha256: of the files before and after, when there were any. owner: the tenant.
    """

    id: str
    handle: int
    key_id: str
    created: str
    claims: dict[str, Any]
    seconds: float
    rate: int
    channels: int
    strength: float
    version: str
    fingerprint_sha256: str
    source_sha256: str = ""
    marked_sha256: str = ""
    owner: str = field(default="")


class Records(Protocol):
    """A store of records and fingerprints. All methods may be called from several threads and processes."""

    def add(self, record: Record, fingerprint: Words) -> None:
        """Keep a record, wholly or not at all.

        Raises DataError when its id, or its handle under its key, is taken, or the fingerprint is not the one
        whose digest the record states.
        """
        ...

    def remove(self, id: str) -> None:
        """Forget a record and its fingerprint; nothing happens when there is none."""
        ...

    def get(self, id: str) -> Record | None:
        """The record with this id."""
        ...

    def newest(self, limit: int = 100) -> list[Record]:
        """The records that came last, the newest first, at most `limit`."""
        ...

    def by_handle(self, key_id: str, handle: int) -> Record | None:
        """The record whose mark carries `handle` under this key."""
        ...

    def handles(self, key_id: str) -> Words:
        """All handles in use under this key, (n,), in the order in which they came."""
        ...

    def new_handle(self, key_id: str) -> int:
        """A random 32-bit handle that is free under this key."""
        ...

    def fingerprint(self, id: str) -> Words:
        """The fingerprint of a record, (n,). Raises DataError when there is no such record."""
        ...

    def lookup(self, fingerprint: Words, limit: int = 5) -> list[Match]:
        """Records with the content of `fingerprint`, the best first, at most `limit`."""
        ...


def new_id() -> str:
    """128 random bits as 32 hex digits."""
    return secrets.token_hex(16)


def now() -> str:
    """The time in UTC, ISO 8601, whole seconds, such as 2026-11-25T04:00:00Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def words_sha256(fingerprint: Words) -> str:
    """Hex SHA-256 of the words as little-endian bytes."""
    return hashlib.sha256(words_bytes(fingerprint)).hexdigest()


def words_bytes(fingerprint: Words) -> bytes:
    """Words as little-endian bytes, 4 each."""
    return np.ascontiguousarray(fingerprint, dtype="<u4").tobytes()


def open_records(path: Path | str) -> Records:
    """The store in an SQLite file, or at an SQLAlchemy URL (anything with ://); created when it is absent.

    Raises DataError when it cannot be opened, MissingPart when the driver of the URL is not installed.
    """
    from .records_sql import SqlRecords

    return SqlRecords(str(path) if "://" in str(path) else f"sqlite:///{Path(path)}")
