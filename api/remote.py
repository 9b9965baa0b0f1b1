"""The use cases of the command line, done by a server: same records, same order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..core.errors import InputError, UsageError
from ..core.files import replacing
from . import schemas
from .client import Client
from .client_wire import Refused
from .schemas import Failed, Marked, MarkResult, Scanned, Verified

Record = TypeVar("Record")


def scan(
    files: Iterable[Path],
    client: Client,
    *,
    detector: str | None = None,
    prior: float | None = None,
    workers: int = 1,
) -> Iterator[Scanned | Failed]:
    """Judge files in order, `workers` at a time. What the server refuses or this machine cannot read is a Failed.

    Raises ServerError when the server cannot be reached.
    """

    def one(path: Path) -> Scanned:
        result = client.scan(path, detector=detector, prior=prior).result
        return Scanned(path=schemas.text_path(path), result=result)

    return _map(one, files, workers)


def verify(files: Iterable[Path], client: Client, *, workers: int = 1) -> Iterator[Verified | Failed]:
    """Look for marks in files, as `scan`. Raises UsageError when the server tells no evidence to this caller."""

    def one(path: Path) -> Verified:
        result = client.verify(path).result
        if not isinstance(result, MarkResult):
            raise UsageError(f"The server tells this caller only the verdict on {str(path)!r}: {result.verdict}.")
        return Verified(path=schemas.text_path(path), **dict(result))

    return _map(one, files, workers)


def embed(
    source: Path, target: Path, client: Client, claims: dict[str, Any] | None = None, strength: float | None = None
) -> Marked:
    """Write `source` with the server's mark to `target`, whole or not at all. Raises UsageError for other formats."""
    form = target.suffix.lower().removeprefix(".")
    if form not in {"wav", "flac"}:
        raise UsageError(f"A server writes .wav and .flac files, not {target.name!r}.")
    answer, content = client.watermark(source, claims=claims, strength=strength, format=form)
    with replacing(target) as temporary:
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
