"""Running the application under uvicorn, with limits on what a connection may do before it has sent a request."""

from __future__ import annotations

import asyncio
import signal

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..jobs.webhooks import Courier
from ..logs import configure
from ..settings import Settings
from .app import check, create_app

# Bytes of headers, and connections at once.
_HEADER_BYTES = 32 * 1024
_CONNECTIONS = 1024


class PatientProtocol(H11Protocol):
    """uvicorn's own, which waits forever for headers of which a byte has come; here it does not."""

    header_seconds = 15.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.header_seconds, self._give_up)

    def on_response_complete(self) -> None:
        """Start the clock for the next request."""
        self._deadline.cancel()
        self._deadline = self.loop.call_later(self.header_seconds, self._give_up)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._deadline.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            self.transport.close()


def build(settings: Settings, courier: Courier | None = None) -> uvicorn.Server:
    """The server, not yet started. courier: see `create_app`."""
    protocol = type("Protocol", (PatientProtocol,), {"header_seconds": settings.header_seconds})
    config = uvicorn.Config(
        create_app(settings, courier=courier),
        host=settings.host,
        port=settings.port,
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        timeout_graceful_shutdown=int(settings.drain) + 1,
    )
    return uvicorn.Server(config)


def run(settings: Settings, log_level: str = "info") -> None:
    """Serve until SIGINT or SIGTERM, then drain. Raises UsageError for settings that cannot be used."""
    check(settings)
    configure(log_level)
    # uvicorn raises the signal that ended it once more, for whoever had a handler; an orderly end is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: None)
    build(settings).run()
