"""The application: routes, layers, and what lives as long as the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from ...core.errors import UsageError
from ..jobs.pool import Pool
from ..jobs.station import Station
from ..jobs.webhooks import Courier
from ..settings import Settings
from . import detections, errors, jobs, marks, openapi, page, public
from .callers import Door, Limiter
from .desk import Desk
from .edge import Edge
from .metrics import Metrics

log = structlog.get_logger()


def create_app(settings: Settings, *, courier: Courier | None = None) -> ASGIApp:
    """The ASGI application. courier: delivers webhooks; by default only to the public internet.

    Its start raises UsageError for settings that cannot be used.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        def lost(why: str) -> None:
            metrics.children_lost.labels(why).inc()

        pool = Pool(settings.pool, lost)
        starting = run_in_threadpool(pool.start)  # the fork server loads its models meanwhile
        station = Station(
            settings,
            courier=courier,
            on_death=lost,
            on_end=lambda state: metrics.jobs_ended.labels(state).inc(),
        )
        with station:
            door = Door(station.keys, settings.loopback, settings.origins)
            storage = settings.queue if settings.queue.startswith("redis") else "memory://"
            limiter = Limiter(settings.rate, settings.anonymous_rate, storage)
            desk = app.state.desk = Desk(settings, station, pool, door, limiter, metrics)
            await starting
            await run_in_threadpool(station.start)
            desk.ready = True
            log.info("ready", host=settings.host, port=settings.port)
            try:
                yield
            finally:
                desk.ready = False
                await run_in_threadpool(pool.close)

    app = FastAPI(title="earwitness", lifespan=life, docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    for routes in (detections.router, marks.router, jobs.router, public.router, page.router()):
        app.include_router(routes)
    errors.install(app)
    openapi.install(app)
    outer: ASGIApp = app
    if settings.origins:
        outer = CORSMiddleware(
            app,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Idempotency-Key", "Prefer", "X-Request-ID"],
            expose_headers=["Location", "Retry-After", "X-Request-ID"],
        )
    return Edge(outer, metrics)


def check(settings: Settings) -> None:
    """Raises UsageError when the server would listen beyond this machine without asking for keys."""
    from ..state.database import open_database
    from ..state.keys import ApiKeys

    if settings.loopback:
        return
    engine = open_database(settings.database_url)
    try:
        if not ApiKeys(engine).any():
            raise UsageError(
                f"Without API keys the server listens on this machine only, not on {settings.host}. "
                "Make one: earwitness api-key add OWNER --scope detect."
            )
    finally:
        engine.dispose()
