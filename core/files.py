"""Files that appear whole or not at all, and their digests."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


def sha256(path: Path | str) -> str:
    """Hex SHA-256 of a file's bytes, read block-wise."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
