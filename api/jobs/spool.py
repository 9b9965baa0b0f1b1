"""Where uploads lie: a private folder for each running server, and one for files that jobs still need.

A server's own folder is locked while the server lives; the others empty the folders of the dead.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Set
from pathlib import Path

# A file that no job names may belong to one that is being accepted right now.
_YOUNG = 3600.0
# How a disk says that it is full.
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Spool:
    """Folder `root`, shared by all servers and workers of one service."""

    def __init__(self, root: Path) -> None:
        self._jobs = root / "jobs"
        self._jobs.mkdir(parents=True, exist_ok=True, mode=0o700)
        root.chmod(0o700)
        name = secrets.token_hex(8)
        unlocked, self._own = root / f"new-{name}", root / f"server-{name}"
        unlocked.mkdir(mode=0o700)
        self._lock = os.open(unlocked / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unlocked.rename(self._own)  # under the name that others look at it is locked from the beginning
        self._root = root
        self.bury()

    def new(self, name: str = "") -> Path:
        """An unused path for an upload, with the suffix of `name` when that is harmless."""
        suffix = re.search(r"\.[A-Za-z0-9]{1,8}$", name)
        return self._own / (secrets.token_hex(16) + (suffix[0].lower() if suffix else ""))

    def keep(self, path: Path) -> str:
        """Move an upload to the files of jobs; its name there."""
        path.rename(self._jobs / path.name)
        return path.name

    def path(self, name: str) -> Path:
        """Where a job's file lies."""
        return self._jobs / os.path.basename(name)

    def remove(self, name: str | None) -> None:
        """Delete a job's file, if it is still there."""
        if name:
            self.path(name).unlink(missing_ok=True)

    def free(self) -> int:
        """Bytes that may still be written."""
        state = os.statvfs(self._own)
        return state.f_bavail * state.f_frsize

    def sweep(self, needed: Set[str]) -> None:
        """Delete old files of jobs that are not in `needed`."""
        for path in self._jobs.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.name not in needed and path.stat().st_mtime < time.time() - _YOUNG:
                    path.unlink()

    def close(self) -> None:
        """Delete this server's own folder."""
        shutil.rmtree(self._own, ignore_errors=True)
        os.close(self._lock)

    def bury(self) -> None:
        """Delete the folders of servers and workers that were killed."""
        for folder in self._root.glob("server-*"):
            if folder == self._own:
                continue
            try:
                handle = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:  # another one buries it
                continue
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                pass
            finally:
                os.close(handle)
