"""earwitness serve, earwitness worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Debug, Home, Provider

if TYPE_CHECKING:
    from ..settings import Settings

Database = Annotated[
    str, typer.Option(envvar="EARWITNESS_DATABASE", help="postgresql:// URL (default: SQLite below --home).")
]
Queue = Annotated[str, typer.Option(envvar="EARWITNESS_QUEUE", help="redis:// URL (default: SQLite below --home).")]
Spool = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for uploads, shared by servers and workers.")]
MaxSeconds = Annotated[float, typer.Option(help="Refuse longer recordings.")]
MaxBytes = Annotated[int, typer.Option(help="Refuse larger uploads.")]
MaxChannels = Annotated[int, typer.Option(help="Refuse recordings with more channels.")]
Memory = Annotated[int, typer.Option(metavar="MIB", min=512, help="Address space of a decoding process.")]
JobSeconds = Annotated[float, typer.Option(help="Time limit of a job.")]
Keep = Annotated[bool, typer.Option("--keep-uploads", help="Do not delete uploads after answering.")]
KeepResults = Annotated[float, typer.Option(metavar="HOURS", help="Keep the results of jobs for this long.")]
WebhookHost = Annotated[list[str] | None, typer.Option(help="Allow webhooks to this host; may be repeated.")]
MarkKey = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="Key file of marks; the first marks, all verify.")
]
MarkPassphrase = Annotated[
    Path | None, typer.Option(metavar="FILE", help="File whose first line opens encrypted key files.")
]
RecordsUrl = Annotated[str, typer.Option("--records", help="Store of marks (default: --database, or below --home).")]
Drain = Annotated[float, typer.Option(metavar="SECONDS", help="At shutdown, let running work go on for this long.")]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]


def serve(
    host: Annotated[
        str, typer.Option(help="Address; other than this machine's own only with API keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    database: Database = "",
    queue: Queue = "",
    spool: Spool = None,
    children: Annotated[int, typer.Option(min=1, help="Decoding processes for requests.")] = 2,
    workers: Annotated[int, typer.Option(min=0, help="Jobs at once in this process; 0: leave them to workers.")] = 1,
    sync_seconds: Annotated[float, typer.Option(help="Answer recordings up to this length at once.")] = 60.0,
    request_seconds: Annotated[float, typer.Option(help="Time limit of a request's work.")] = 30.0,
    job_seconds: JobSeconds = 3600.0,
    memory: Memory = 2048,
    provider: Provider = "cpu",
    max_seconds: MaxSeconds = 14400.0,
    max_bytes: MaxBytes = 1 << 30,
    max_channels: MaxChannels = 16,
    max_waiting: Annotated[int, typer.Option(help="Requests, and jobs, that may wait.")] = 256,
    rate: Annotated[str, typer.Option(help="Limit for one API key, as 600/minute; '' for none.")] = "600/minute",
    anonymous_rate: Annotated[str, typer.Option(help="Limit for one address without a key.")] = "60/minute",
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="Site whose pages may call; may be repeated.")
    ] = None,
    webhook_host: WebhookHost = None,
    keep_uploads: Keep = False,
    keep_results: KeepResults = 24.0,
    mark_key: MarkKey = None,
    mark_passphrase: MarkPassphrase = None,
    records: RecordsUrl = "",
    drain: Drain = 20.0,
    log_level: LogLevel = "info",
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Serve HTTP: verdicts and marks under /v1, a page at /, OpenAPI at /openapi.json.

    Without API keys it listens on this machine only. Alone it does everything; with --database and --queue several
    servers and workers share the work (and --spool, and the file HOME/service/secret). Stop it with SIGTERM.
    """
    needs_serve()
    from ..jobs.pool import PoolSettings, prepare

    prepare()  # decoders and models load while this process loads the rest
    from ..http.server import run

    settings = _settings(
        host=host,
        port=port,
        database=database,
        queue=queue,
        spool=spool,
        sync_seconds=sync_seconds,
        bounds=_bounds(max_seconds, max_bytes, max_channels),
        pool=PoolSettings(children, request_seconds, memory << 20, provider=provider),
        job_pool=PoolSettings(max(1, workers), job_seconds, memory << 20, recycle_after=50, provider=provider),
        job_workers=workers,
        max_waiting=max_waiting,
        rate=rate,
        anonymous_rate=anonymous_rate,
        origins=tuple(allow_origin or ()),
        webhook_hosts=tuple(name.lower() for name in webhook_host or ()),
        keep_uploads=keep_uploads,
        kept_seconds=keep_results * 3600.0,
        mark_keys=tuple(file.absolute() for file in mark_key or ()),
        mark_passphrase=mark_passphrase,
        records=records,
        drain=drain,
    )
    run(settings, log_level)


def worker(
    database: Database = "",
    queue: Queue = "",
    spool: Spool = None,
    workers: Annotated[int, typer.Option(min=1, help="Jobs at once.")] = 1,
    job_seconds: JobSeconds = 3600.0,
    memory: Memory = 2048,
    provider: Provider = "cpu",
    max_seconds: MaxSeconds = 14400.0,
    max_bytes: MaxBytes = 1 << 30,
    max_channels: MaxChannels = 16,
    webhook_host: WebhookHost = None,
    keep_uploads: Keep = False,
    keep_results: KeepResults = 24.0,
    mark_key: MarkKey = None,
    mark_passphrase: MarkPassphrase = None,
    records: RecordsUrl = "",
    drain: Drain = 20.0,
    log_level: LogLevel = "info",
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Work on the jobs that servers accept, beside them or on another machine. Stop it with SIGTERM."""
    needs_serve()
    from ..jobs.pool import PoolSettings
    from ..jobs.worker import run

    settings = _settings(
        database=database,
        queue=queue,
        spool=spool,
        bounds=_bounds(max_seconds, max_bytes, max_channels),
        job_pool=PoolSettings(workers, job_seconds, memory << 20, recycle_after=50, provider=provider),
        job_workers=workers,
        webhook_hosts=tuple(name.lower() for name in webhook_host or ()),
        keep_uploads=keep_uploads,
        kept_seconds=keep_results * 3600.0,
        mark_keys=tuple(file.absolute() for file in mark_key or ()),
        mark_passphrase=mark_passphrase,
        records=records,
        drain=drain,
    )
    run(settings, log_level)


def _settings(**chosen: Any) -> Settings:
    from ..settings import Settings

    return Settings(**chosen)


def _bounds(seconds: float, size: int, channels: int) -> Any:
    from ..jobs.tasks import Bounds

    return Bounds(max_seconds=seconds, max_bytes=size, max_channels=channels)


def needs_serve() -> None:
    """Raises MissingPart without the packages of the extra `serve`."""
    from importlib.util import find_spec

    from ...core.errors import MissingPart

    if any(find_spec(name) is None for name in ("fastapi", "huey", "uvicorn", "structlog", "redis", "httpx")):
        raise MissingPart("Serving needs the extra 'serve': pip install 'earwitness[serve]'.")
