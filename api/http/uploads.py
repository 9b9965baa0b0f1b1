"""Uploads: multipart/form-data streamed to disk, with caps on bytes, parts and time."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from ...core.files import write_whole
from ..jobs.spool import NO_ROOM, Spool
from ..problems import ProblemError

_FIELD_BYTES = 64 * 1024
_PARTS = 16
# Parts of this size are handed to the disk by another thread; smaller ones would cost more to hand over.
_CHUNK = 1 << 20
# The slowest average is looked at only after this many seconds.
_START = 10.0


@dataclass(frozen=True)
class Upload:
    """A file on disk as it was sent, and the other fields of the form. name: as the client called it, untrusted."""

    path: Path
    name: str
    size: int
    sha256: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Caps:
    """bytes: of the body. idle: seconds without a byte. rate: least bytes per second on average. reserve: bytes that
    the disk must have left."""

    bytes: int
    idle: float
    rate: float
    reserve: int


async def receive(request: Request, spool: Spool, caps: Caps, fields: Collection[str]) -> Upload:
    """Read the body. fields: names that may stand beside "file", which must be there once.

    Raises ProblemError; then nothing is left on the disk.
    """
    form = _Form(spool, frozenset(fields))
    try:
        parser = MultipartParser(_boundary(request), form.callbacks())  # type: ignore[arg-type]
        _check_size(request, caps, spool)
        async for chunk in _chunks(request, caps):
            parser.write(chunk)
            await form.settle()
        parser.finalize()
        return await form.upload()
    except FormParserError as error:
        form.discard()
        raise ProblemError("bad-request", "The body is no well-formed multipart/form-data.", _CLOSE) from error
    except ClientDisconnect as error:
        form.discard()
        raise ProblemError("bad-request", "The upload was cut.") from error
    except OSError as error:
        form.discard()
        if error.errno in NO_ROOM:
            raise ProblemError("storage-full", "There is no room for the upload; try later.", _CLOSE) from error
        raise
    except (ProblemError, asyncio.CancelledError):
        form.discard()
        raise


_CLOSE = {"Connection": "close"}


async def linger(request: Request, seconds: float = 2.0) -> None:
    """Read and drop what a refused client still sends, so that it comes to read the answer."""
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(seconds):
            async for _ in request.stream():
                pass


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        raise ProblemError("unsupported-media-type", "Send the recording as the field 'file' of multipart/form-data.")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise ProblemError("bad-request", "The content type names no boundary, or an impossible one.")
    return bytes(boundary)


def _check_size(request: Request, caps: Caps, spool: Spool) -> None:
    stated = request.headers.get("content-length", "0")
    size = int(stated) if stated.isdigit() else 0
    if size > caps.bytes:
        raise _too_large(caps)
    if size + caps.reserve > spool.free():
        raise ProblemError("storage-full", "There is no room for the upload; try later.", _CLOSE)


def _too_large(caps: Caps) -> ProblemError:
    return ProblemError("payload-too-large", f"The limit is {caps.bytes} bytes.", _CLOSE)


async def _chunks(request: Request, caps: Caps) -> AsyncIterator[bytes]:
    started, total, stream = time.monotonic(), 0, request.stream()
    while True:
        try:
            async with asyncio.timeout(caps.idle):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise ProblemError("upload-too-slow", f"No byte came for {caps.idle:g} s.", _CLOSE) from error
        total += len(chunk)
        if total > caps.bytes:
            raise _too_large(caps)
        passed = time.monotonic() - started
        if passed > _START and total < caps.rate * passed:
            raise ProblemError("upload-too-slow", f"At least {caps.rate:g} bytes a second are needed.", _CLOSE)
        yield chunk


@dataclass
class _Form:
    """What the parser reports, part by part."""

    spool: Spool
    allowed: frozenset[str]
    fields: dict[str, str] = field(default_factory=dict)
    size: int = 0
    parts: int = 0
    path: Path | None = None
    name: str = ""
    _file: FileIO | None = None
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    _headers: dict[str, bytes] = field(default_factory=dict)
    _head: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _buffer: bytearray = field(default_factory=bytearray)
    _current: str = ""

    def callbacks(self) -> dict[str, object]:
        """For MultipartParser."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    async def settle(self) -> None:
        """Write what has come in, once it is enough."""
        if len(self._buffer) >= _CHUNK:
            await run_in_threadpool(self._write)

    async def upload(self) -> Upload:
        """The result. Raises ProblemError when no file came."""
        if self._current:
            raise ProblemError("bad-request", "The body ends in the middle of a part.", _CLOSE)
        if self.path is None:
            raise ProblemError("invalid-request", "The field 'file' with the recording is missing.")
        self._write()
        if self._file is not None:
            self._file.close()
        return Upload(self.path, self.name, self.size, self._hash.hexdigest(), self.fields)

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._file is not None:
            self._file.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self.parts += 1
        self._headers = {}
        if self.parts > _PARTS:
            raise ProblemError("bad-request", f"A form may have at most {_PARTS} parts.", _CLOSE)

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._head += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._head.decode("latin-1").lower()] = bytes(self._value)
        self._head.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b"").decode("latin-1"))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name != "file" and name not in self.allowed:
            known = ", ".join(sorted({"file", *self.allowed}))
            raise ProblemError("invalid-request", f"The form has an unknown field; known: {known}.")
        if name in self.fields or (name == "file" and self.path is not None):
            raise ProblemError("invalid-request", f"The field {name!r} stands there twice.")
        self._current = name
        if name == "file":
            self.name = options.get(b"filename", b"").decode("utf-8", "replace")
            self.path = self.spool.new(self.name)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            # Unbuffered: what a full disk does not take is then not tried once more when the file is closed.
            self._file = os.fdopen(handle, "wb", buffering=0)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._current == "file":
            self._buffer += data[start:end]
            return
        self._value += data[start:end]
        if len(self._value) > _FIELD_BYTES:
            raise ProblemError("invalid-request", f"The field {self._current!r} is too long.", _CLOSE)

    def _end(self) -> None:
        if self._current != "file":
            try:
                self.fields[self._current] = self._value.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ProblemError("invalid-request", f"The field {self._current!r} is not UTF-8.") from error
            self._value.clear()
        self._current = ""

    def _write(self) -> None:
        if self._file is not None and self._buffer:
            self._hash.update(self._buffer)
            write_whole(self._file, self._buffer)
            self.size += len(self._buffer)
            self._buffer = bytearray()
