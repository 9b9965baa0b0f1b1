"""The page at `/`: the files of api/static, read once, and what the page must know of this server; nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ... import __version__
from ...core import weights
from ..schemas import Schema, line
from ..state.keys import SCOPES
from .callers import Caller, need

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class File:
    """A static file as it is sent."""

    content: bytes
    kind: str
    tag: str


class About(Schema):
    """What the page says before anybody sends a file. Its own affair, and no part of the API.

    bands: for each detector, the scores (nats) between which it does not decide.
    """

    version: str
    bands: dict[str, tuple[float, float]]
    max_bytes: int
    max_seconds: float
    max_channels: int
    key_needed: bool
    looks_for_marks: bool
    keeps_uploads: bool


def files() -> dict[str, File]:
    """All static files by their path below `/`."""
    return dict(_below(resources.files("earwitness.api") / "static", ""))


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, File]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        elif (kind := _TYPES.get("." + entry.name.rpartition(".")[2])) is not None:
            content = entry.read_bytes()
            yield prefix + entry.name, File(content, kind, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def router() -> APIRouter:
    """Routes of the static files that there are; other paths stay unknown."""
    routes = APIRouter(include_in_schema=False)
    for name, file in files().items():
        for path in {f"/{name}", "/" if name == "index.html" else f"/{name}"}:
            routes.add_api_route(path, _sender(file), methods=["GET", "HEAD"])
    routes.add_api_route("/page.json", _about, methods=["GET"])
    return routes


async def _about(request: Request, caller: Annotated[Caller, Depends(need("anyone", *SCOPES))]) -> Response:
    settings = request.app.state.desk.settings
    about = About(
        version=__version__,
        bands=await run_in_threadpool(_bands),
        max_bytes=settings.bounds.max_bytes,
        max_seconds=settings.bounds.max_seconds,
        max_channels=settings.bounds.max_channels,
        key_needed=caller.anonymous,
        looks_for_marks=bool(settings.mark_keys),
        keeps_uploads=settings.keep_uploads,
    )
    return Response(line(about), media_type="application/json")


def _bands() -> dict[str, tuple[float, float]]:
    maps = {name: card.settings.get("calibration", {}) for name, card in weights.cards("detector").items()}
    return {
        name: (float(map["low"]), float(map["high"])) for name, map in maps.items() if {"low", "high"} <= set(map)
    }


def _sender(file: File):  # type: ignore[no-untyped-def]
    async def send(request: Request) -> Response:
        headers = {"ETag": file.tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers, media_type=file.kind)

    return send
