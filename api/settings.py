"""What an operator can set for the service, with the values that one machine starts with."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import UsageError
from ..core.home import home
from .jobs.pool import PoolSettings
from .jobs.tasks import Bounds
from .state.database import normal, sqlite_url
from .state.jobs import LEASE


@dataclass(frozen=True)
class Settings:
    """Settings of a server or worker. Empty database, queue and spool: files below EARWITNESS_HOME/service.

    sync_seconds: recordings up to this length are answered at once. bounds: of any recording. max_waiting: requests
    and jobs that may wait before new ones are turned away. rate, anonymous_rate: as "600/minute", of one key, and of
    one address without a key; empty: no limit. kept_seconds: how long results of jobs are kept. keep_uploads: do not
    delete uploads after answering. webhook_hosts: where webhooks may go. origins: pages of other sites that may call.
    job_workers: threads that work on jobs in this process. upload_idle, upload_rate: an upload that pauses for longer
    (s) or is slower (bytes/s, after the first 10 s) is cut. header_seconds: for the headers of a first
    request. reserve: bytes of the disk that uploads must leave free. drain: seconds that running work may take at
    shutdown. lease: seconds until the job of a worker that died is given to another one. mark_keys: key files; the
    first one marks, all verify. mark_passphrase: file that opens them. records: file or URL of the store of marks;
    default: the database if one is named, else that of the command line.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    database: str = ""
    queue: str = ""
    spool: Path | None = None
    sync_seconds: float = 60.0
    bounds: Bounds = field(default_factory=lambda: Bounds(max_seconds=4 * 3600.0, max_bytes=1 << 30, max_channels=16))
    pool: PoolSettings = field(default_factory=PoolSettings)
    job_pool: PoolSettings = field(default_factory=lambda: PoolSettings(children=1, seconds=3600.0, recycle_after=50))
    job_workers: int = 1
    max_waiting: int = 256
    rate: str = "600/minute"
    anonymous_rate: str = "60/minute"
    kept_seconds: float = 24 * 3600.0
    keep_uploads: bool = False
    webhook_hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    upload_idle: float = 15.0
    upload_rate: float = 8000.0
    header_seconds: float = 15.0
    reserve: int = 64 << 20
    drain: float = 20.0
    lease: float = LEASE
    mark_keys: tuple[Path, ...] = ()
    mark_passphrase: Path | None = None
    records: str = ""

    @property
    def folder(self) -> Path:
        """Where the server's own state lies."""
        return home() / "service"

    @property
    def database_url(self) -> str:
        """The database, the default one filled in."""
        return self.database or sqlite_url(self.folder / "service.sqlite")

    @property
    def queue_url(self) -> str:
        """The queue, the default one filled in."""
        return self.queue or str(self.folder / "queue.sqlite")

    @property
    def spool_folder(self) -> Path:
        """The spool, the default one filled in."""
        return self.spool or self.folder / "spool"

    @property
    def marks(self) -> dict[str, Any]:
        """The options of tasks about marks that do not come from the caller."""
        return {
            "keys": [str(file) for file in self.mark_keys],
            "passphrase": None if self.mark_passphrase is None else str(self.mark_passphrase),
            "records": self.records or (normal(self.database) if self.database else None),
        }

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError as error:
            raise UsageError(f"--host takes an IP address or localhost, not {self.host!r}.") from error
