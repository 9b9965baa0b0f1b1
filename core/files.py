"""Files that appear whole or not at all, and their digests."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UsageError


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary sibling of `path`; on success it becomes `path`, on any error it vanishes.

    The sibling keeps the suffix, so that writers which look at it work. An existing file keeps its
    permission bits, a new one gets those that the umask gives.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~umask)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def check_target(source: Path, target: Path, overwrite_source: bool) -> None:
    """Whether a marked copy of `source` may become `target`. Raises UsageError when it may not."""
    if not target.exists():
        return
    if not target.is_file():
        raise UsageError(f"{str(target)!r} exists and is not a file; choose another name.")
    if source.exists() and os.path.samefile(source, target) and not overwrite_source:
        raise UsageError(
            f"{str(target)!r} is the input itself; the sound without the mark would be lost. "
            "Choose another name, or force it."
        )


def write_whole(file: io.FileIO, data: bytes | bytearray) -> None:
    """Write all of `data` to an unbuffered file, which may take less than it is given at a time. Raises OSError."""
    with memoryview(data) as rest:
        done = 0
        while done < len(rest):
            done += file.write(rest[done:])


def sha256(path: Path | str) -> str:
    """Hex SHA-256 of a file's bytes, read block-wise."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
