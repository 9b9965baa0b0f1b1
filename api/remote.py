"""The use cases of the command line, done by a server: same records, same order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..core.errors import InputError, UsageError
from ..core.files import check_target, replacing
from . import schemas
from .client import Client
from .client_wire import Refused, ServerError
from .schemas import Failed, Marked, MarkResult, Scanned, Verified, VerifiedBand

Record = TypeVar("Record")


def scan(
    files: Iterable[Path],
    client: Client,
    *,
    workers: int = 1,
    **asked: Any,
) -> Iterator[Scanned | Failed]:
    """Judge files in order, `workers` at a time. What the server refuses or this machine cannot read is a Failed.

    asked: see `Client.scan`. Raises ServerError when the server cannot be reached.
    """

    def one(path: Path) -> Scanned:
        result = client.scan(path, **asked).result
        return Scanned(path=schemas.text_path(path), result=result)

    return _map(one, files, workers)


def verify(files: Iterable[Path], client: Client, *, workers: int = 1) -> Iterator[Verified | VerifiedBand | Failed]:
    """Look for marks in files, as `scan`. Of marks that are somebody else's the server tells the verdict alone."""

    def one(path: Path) -> Verified | VerifiedBand:
        result, place = client.verify(path).result, schemas.text_path(path)
        if isinstance(result, MarkResult):
            return Verified(path=place, **dict(result))
        return VerifiedBand(path=place, **dict(result))

    return _map(one, files, workers)


def embed(
    source: Path,
    target: Path,
    client: Client,
    claims: dict[str, Any] | None = None,
    strength: float | None = None,
    *,
    overwrite_source: bool = False,
) -> Marked:
    """Write `source` with the server's mark to `target`, whole or not at all.

    Raises UsageError for other formats and for a target that cannot be, before anything is sent; ServerError when
    the marked file does not arrive whole.
    """
    form = target.suffix.lower().removeprefix(".")
    if form not in {"wav", "flac"}:
        raise UsageError(f"A server writes .wav and .flac files, not {target.name!r}.")
    check_target(source, target, overwrite_source)
    with replacing(target) as temporary:  # a place that cannot be written is found before a record is made
        answer, content = client.watermark(source, claims=claims, strength=strength, format=form)
        if hashlib.sha256(content).hexdigest() != answer.result.marked_sha256:
            raise ServerError("The marked file did not arrive as the server made it; try again.")
        temporary.write_bytes(content)
    return answer.result


def _map(one: Callable[[Path], Record], files: Iterable[Path], workers: int) -> Iterator[Record | Failed]:
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(partial(_or_failed, one), files)


def _or_failed(one: Callable[[Path], Record], path: Path) -> Record | Failed:
    try:
        return one(path)
    except InputError as error:
        if isinstance(error, Refused) and error.name in {"unauthorized", "forbidden"}:
            raise  # not the file's fault, and no other file will fare better
        return Failed(path=schemas.text_path(path), error=schemas.valid(str(error)))
