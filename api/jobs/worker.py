"""A process that works on jobs and does nothing else."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import structlog

from ..logs import configure
from ..settings import Settings
from .station import Station

log = structlog.get_logger()


def run(settings: Settings, log_level: str = "info") -> None:
    """Work until SIGINT or SIGTERM, then drain. Raises UsageError for settings that cannot be used."""
    configure(log_level)
    over = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with Station(settings) as station:
        station.start()
        log.info("ready", workers=settings.job_workers)
        over.wait()
    log.info("stopped")
