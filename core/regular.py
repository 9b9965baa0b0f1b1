"""Opening a file that somebody else named: only regular files, never a wait, one clear sentence otherwise."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from pathlib import Path

from .errors import DecodeError

_SENTENCES = {
    errno.EACCES: "may not be read: permission denied",
    errno.EPERM: "may not be read: permission denied",
    errno.ELOOP: "is a link that leads back to itself",
    errno.ENOTDIR: "does not exist",
    errno.ENAMETOOLONG: "has a name that is too long for this system",
    errno.EISDIR: "is a folder, not a sound file",
}
_KINDS = {
    stat.S_IFDIR: "is a folder, not a sound file",
    stat.S_IFIFO: "is a pipe, not a regular file",
    stat.S_IFSOCK: "is a socket, not a regular file",
    stat.S_IFCHR: "is a device, not a regular file",
    stat.S_IFBLK: "is a device, not a regular file",
}


def open_regular(path: Path | str) -> FileIO:
    """Open a regular file for reading, unbuffered. Raises DecodeError for everything else.

    Pipes and devices are recognised before they are opened, because opening alone can wait or act;
    the second look, at what was opened, closes the gap in which the file could have been exchanged.
    """
    try:
        _check_kind(path, os.stat(path))
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise DecodeError(f"{str(path)!r} {_sentence(path, error)}.") from error
    file = FileIO(handle, "rb")
    try:
        state = os.fstat(handle)
        _check_kind(path, state)
        if state.st_size == 0:
            raise DecodeError(f"{str(path)!r} is empty: it holds no bytes.")
    except DecodeError:
        file.close()
        raise
    return file


def _check_kind(path: Path | str, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        kind = _KINDS.get(stat.S_IFMT(state.st_mode), "is not a regular file")
        raise DecodeError(f"{str(path)!r} {kind}.")


def _sentence(path: Path | str, error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return "is not a possible file name"
    if error.errno == errno.ENOENT:
        return "is a link to a file that does not exist" if os.path.islink(path) else "does not exist"
    return _SENTENCES.get(error.errno or 0, f"cannot be opened: {error.strerror}")
