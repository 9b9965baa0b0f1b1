"""The service's database: SQLite by default, PostgreSQL by URL, brought to the newest form when it is opened."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import (
    ArgumentError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ...core.errors import UsageError
from .tables import metadata

Answer = TypeVar("Answer")
# What a database raises that is down, restarting, locked or full.
UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeout)

VERSION_TABLE = "service_version"
HEAD = "0001"
# Any number that nobody else locks in the same PostgreSQL database.
_MIGRATION_LOCK = 0x6561727769746E
_LOCK_SECONDS = 15.0


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path}"


def normal(url: str) -> str:
    """A URL as SQLAlchemy takes it: PostgreSQL through psycopg, also where the URL is written as others write it."""
    kind, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if kind in {"postgres", "postgresql"} else url


def open_database(url: str) -> sa.Engine:
    """An engine for `url` whose tables are those of this version; several processes may open it at once.

    Raises UsageError when the URL cannot be used or the database does not answer.
    """
    try:
        engine = _engine(url)
        migrate(engine)
    except (ArgumentError, NoSuchModuleError, SQLAlchemyError, ImportError) as error:
        raise UsageError(f"The database cannot be opened: {_first_line(error)}") from error
    return engine


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(normal(url))
    if parsed.get_backend_name() != "sqlite":
        # A connection that died with a restart of the database is replaced before it is used.
        return sa.create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=20, pool_timeout=5)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": _LOCK_SECONDS})
    sa.event.listen(engine, "connect", _settle_sqlite)
    return engine


def _settle_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    # SQLite does not wait for a lock on the way into WAL (its busy handler is not asked there), so the wait is ours.
    _until_unlocked(lambda: connection.execute("PRAGMA journal_mode=WAL").close())
    for setting in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _until_unlocked(call: Callable[[], None]) -> None:
    end = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return call()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)


def migrate(engine: sa.Engine) -> None:
    """Bring the tables to the form of this version, one process at a time."""
    if _version(engine) == HEAD:
        return
    from alembic import command  # 10 MB that a server does not need again after its first start
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes.update(connection=connection, metadata=metadata, version_table=VERSION_TABLE)
        command.upgrade(config, "head")


def _version(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return None
        return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def ping(engine: sa.Engine) -> None:
    """Raises one of UNAVAILABLE when the database does not answer."""
    with engine.connect() as connection:
        connection.execute(sa.select(1))


def persistently(call: Callable[[], Answer], seconds: float = 60.0) -> Answer:
    """The answer of `call`, tried again each second while the database does not answer, for `seconds` at most."""
    end = time.monotonic() + seconds
    while True:
        try:
            return call()
        except UNAVAILABLE:
            if time.monotonic() > end:
                raise
            time.sleep(1.0)


def _first_line(error: BaseException) -> str:
    # Later lines of SQLAlchemy's text may quote the statement and its parameters.
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
