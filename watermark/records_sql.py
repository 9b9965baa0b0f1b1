"""The store of records by SQLAlchemy Core: two plain tables."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sql
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from ..core.errors import DataError, MissingPart
from ..core.text import printable
from .fingerprint import Match
from .fingerprint_index import FingerprintIndex
from .fingerprint_marks import Landmarks, landmarks
from .records import Record, Words, words_bytes, words_sha256

_SECONDS_TO_WAIT = 30.0  # for another writer
_BATCH = 10_000

_tables = sql.MetaData()
# SQLite counts by itself only in a column of type INTEGER.
_Number = sql.BigInteger().with_variant(sql.Integer, "sqlite")
_records = sql.Table(
    "watermark_records",
    _tables,
    sql.Column("number", _Number, primary_key=True, autoincrement=True),
    sql.Column("id", sql.String(32), nullable=False, unique=True),
    sql.Column("handle", sql.BigInteger, nullable=False),
    sql.Column("key_id", sql.String(16), nullable=False),
    sql.Column("created", sql.String(20), nullable=False),
    sql.Column("claims", sql.Text, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
    sql.Column("rate", sql.Integer, nullable=False),
    sql.Column("channels", sql.Integer, nullable=False),
    sql.Column("strength", sql.Float, nullable=False),
    sql.Column("version", sql.String(64), nullable=False),
    sql.Column("fingerprint_sha256", sql.String(64), nullable=False),
    sql.Column("source_sha256", sql.String(64), nullable=False),
    sql.Column("marked_sha256", sql.String(64), nullable=False),
    sql.Column("owner", sql.String(255), nullable=False),
    sql.UniqueConstraint("key_id", "handle"),
    # Holds all that `handles` asks for, so that a million handles are read without their rows.
    sql.Index("watermark_records_handles", "key_id", "number", "handle"),
)
# Apart from the rows, so that a walk over either does not read the other.
_fingerprints = sql.Table(
    "watermark_fingerprints",
    _tables,
    sql.Column("number", _Number, sql.ForeignKey(_records.c.number), primary_key=True, autoincrement=False),
    sql.Column("words", sql.LargeBinary, nullable=False),
    # Kept, because making them anew for a million records takes a quarter of an hour.
    sql.Column("landmarks", sql.LargeBinary, nullable=False),
)
_COLUMNS = [column for column in _records.columns if column.name != "number"]


class SqlRecords:
    """Records at an SQLAlchemy URL; see `Records`. Can be pickled: a copy opens the same store again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._handles: dict[str, tuple[int, Words]] = {}
        self._index: FingerprintIndex | None = None
        try:
            parsed = sql.make_url(url)
            self._name = printable(parsed.render_as_string(hide_password=True))
            if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            # Without parameters in the messages: they would quote claims.
            self._engine = sql.create_engine(parsed, hide_parameters=True, connect_args=_arguments(parsed))
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise MissingPart(f"The records' database needs a driver that is not installed: {error}.") from error
        except ArgumentError:
            raise DataError("The address of the records is no SQLAlchemy URL.") from None
        except OSError as error:
            raise DataError(f"The folder of the records cannot be made: {error.strerror}.") from error
        if parsed.get_backend_name() == "sqlite":
            sql.event.listen(self._engine, "connect", _settle_sqlite)
        with self._asking() as connection:
            if not sql.inspect(connection).has_table(_fingerprints.name):
                _create(self._engine)

    def __reduce__(self) -> tuple[type[SqlRecords], tuple[str]]:
        return SqlRecords, (self._url,)

    def add(self, record: Record, fingerprint: Words) -> None:
        if words_sha256(fingerprint) != record.fingerprint_sha256:
            raise DataError("The fingerprint is not the one whose digest the record states.")
        try:
            row = asdict(record) | {"claims": json.dumps(record.claims, allow_nan=False, sort_keys=True)}
        except (TypeError, ValueError) as error:
            raise DataError(f"The claims cannot be written as JSON: {error}.") from error
        marks = landmarks(fingerprint).to_bytes()
        try:
            with self._asking() as connection:
                number = connection.execute(_records.insert().values(**row)).inserted_primary_key
                connection.execute(
                    _fingerprints.insert().values(
                        number=number[0] if number else None, words=words_bytes(fingerprint), landmarks=marks
                    )
                )
        except IntegrityError:
            raise DataError(
                f"Record {printable(record.id)} or handle {record.handle} of key {printable(record.key_id)} "
                "is in the store already."
            ) from None

    def remove(self, id: str) -> None:
        gone = sql.select(_records.c.number).where(_records.c.id == id).scalar_subquery()
        with self._asking() as connection:
            connection.execute(_fingerprints.delete().where(_fingerprints.c.number == gone))
            connection.execute(_records.delete().where(_records.c.id == id))
        with self._lock:  # they may hold it
            self._handles.clear()
            self._index = None

    def newest(self, limit: int = 100) -> list[Record]:
        query = sql.select(*_COLUMNS).order_by(_records.c.number.desc()).limit(limit)
        with self._asking() as connection:
            return [_record(row) for row in connection.execute(query)]

    def get(self, id: str) -> Record | None:
        return self._one(_records.c.id == id)

    def by_handle(self, key_id: str, handle: int) -> Record | None:
        return self._one((_records.c.key_id == key_id) & (_records.c.handle == int(handle)))

    def handles(self, key_id: str) -> Words:
        with self._lock:
            last, known = self._handles.get(key_id, (0, np.zeros(0, np.uint32)))
            table = _records.c
            newer = (table.key_id == key_id) & (table.number > last)
            query = sql.select(table.number, table.handle).where(newer).order_by(table.number)
            with self._asking() as connection:
                rows = connection.execute(query).all()
            if rows:
                fresh = np.fromiter((row[1] for row in rows), np.uint32, len(rows))
                last, known = rows[-1][0], np.concatenate([known, fresh])
                known.flags.writeable = False
                self._handles[key_id] = last, known
            return known

    def new_handle(self, key_id: str) -> int:
        while True:
            handle = secrets.randbits(32)
            if self.by_handle(key_id, handle) is None:
                return handle

    def fingerprint(self, id: str) -> Words:
        query = sql.select(_fingerprints.c.words).join(_records).where(_records.c.id == id)
        with self._asking() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise DataError(f"There is no record {printable(id)} in the store.")
        return _words(row[0])

    def lookup(self, fingerprint: Words, limit: int = 5) -> list[Match]:
        with self._lock:
            index = self._index = self._index or FingerprintIndex()
            index.extend(self._since(index.last))
            return index.lookup(fingerprint, self._fetch, limit)

    def _since(self, number: int) -> Iterator[tuple[int, Landmarks]]:
        """Numbers and landmarks of the records that came after `number`, in order."""
        table = _fingerprints.c
        while True:
            query = sql.select(table.number, table.landmarks).where(table.number > number)
            with self._asking() as connection:
                rows = connection.execute(query.order_by(table.number).limit(_BATCH)).all()
            if not rows:
                return
            yield from ((row[0], Landmarks.from_bytes(row[1])) for row in rows)
            number = rows[-1][0]

    def _fetch(self, numbers: list[int]) -> dict[int, tuple[str, Words]]:
        query = sql.select(_records.c.number, _records.c.id, _fingerprints.c.words).join(_fingerprints)
        with self._asking() as connection:
            rows = connection.execute(query.where(_records.c.number.in_(numbers))).all()
        return {row[0]: (row[1], _words(row[2])) for row in rows}

    def _one(self, condition: sql.ColumnElement[bool]) -> Record | None:
        with self._asking() as connection:
            row = connection.execute(sql.select(*_COLUMNS).where(condition)).first()
        return None if row is None else _record(row)

    @contextmanager
    def _asking(self) -> Iterator[sql.Connection]:
        """A transaction; what the database complains about becomes a sentence."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or type(error).__name__)
            raise DataError(f"The records at {self._name!r} cannot be used: {printable(reason)}.") from None


def _record(row: sql.Row[Any]) -> Record:
    values: dict[str, Any] = dict(row._mapping)
    return Record(**values | {"claims": json.loads(values["claims"])})


def _words(data: bytes) -> Words:
    return np.frombuffer(data, "<u4").astype(np.uint32)


def _arguments(url: sql.URL) -> dict[str, Any]:
    return {"timeout": _SECONDS_TO_WAIT} if url.get_backend_name() == "sqlite" else {}


def _settle_sqlite(connection: Any, _record: Any) -> None:
    # Readers and the writer do not wait for each other; a power cut can lose the last commits, never break the file.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _create(engine: sql.Engine) -> None:
    """Make the tables, whatever part of them another process has made meanwhile."""
    with engine.begin() as connection:
        for table in _tables.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))
