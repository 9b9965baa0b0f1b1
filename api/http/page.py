"""The page at `/`: the files of api/static, read once, nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request
from starlette.responses import Response

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
    return routes


def _sender(file: File):  # type: ignore[no-untyped-def]
    async def send(request: Request) -> Response:
        headers = {"ETag": file.tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers, media_type=file.kind)

    return send
