"""Which files a scan takes: those named, and those with the suffix of a sound or video file inside folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

# fmt: off
SUFFIXES = frozenset((
    ".wav", ".wave", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".spx", ".wma", ".amr", ".awb",
    ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64", ".rf64", ".gsm", ".g722", ".ac3", ".eac3", ".ape",
    ".wv", ".tta", ".mka", ".mp2", ".mpga", ".dts", ".ra", ".rm", ".voc", ".mp4", ".m4v", ".mov", ".mkv", ".webm",
    ".avi", ".wmv", ".flv", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".vob", ".ogv", ".3gp", ".3g2", ".asf",
))
# fmt: on


def expand(paths: Iterable[Path | str]) -> Iterator[Path]:
    """Files in order: a named file always, a folder's sound and video files sorted, folder by folder.

    Links are followed; a folder that was entered already is not entered again, so loops end. A folder that cannot
    be listed is yielded itself, so that its scan says so.
    """
    for path in paths:
        if os.path.isdir(path):
            yield from _below(Path(path), set())
        else:
            yield Path(path)


def _below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    inner: list[Path] = []
    for entry in entries:
        if _is_folder(entry):
            inner.append(folder / entry.name)
        elif Path(entry.name).suffix.lower() in SUFFIXES:
            yield folder / entry.name
    for path in inner:
        yield from _below(path, seen)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
