"""Read a folder of sound as clips: with a manifest (ours or a manifest.csv), or plain files."""

from __future__ import annotations

import csv
import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..core.audio import blocks, probe
from ..core.errors import AudioError, DataError
from ..core.files import sha256
from . import manifest
from .manifest import Clip

OnError = Callable[[Path, str], None]

# Provenance columns of a manifest.csv that a Clip does not carry.
_IGNORED = ("source_repo", "source_path")
_SOUND = (
    "wav flac ogg oga opus mp3 m4a m4b mp4 aac aif aiff aifc au amr caf w64 rf64 wma mka mkv webm mov avi 3gp sph gsm"
)


def warn(path: Path, reason: str) -> None:
    logging.getLogger(__name__).warning("left out %r: %s", os.fspath(path), reason)


def read_folder(folder: Path | str, *, on_error: OnError = warn) -> list[Clip]:
    """The clips of one folder, with absolute paths.

    A `manifest.jsonl`, `manifest.parquet` or `manifest.csv` (columns as in `Clip`, text) is believed.
    Without one, every sound file below the folder is a bona fide speech clip of corpus `folder.name`: the
    speaker is the folder that holds the file, or its stem directly in `folder`; the split is drawn from the
    speaker's name, 90 / 5 / 5. Files that cannot be read go to `on_error(path, reason)` and are left out.

    Raises DataError for a missing folder, a broken manifest, and a folder without any usable sound.
    """
    root = Path(os.path.abspath(folder))
    if not root.is_dir():
        raise DataError(f"There is no folder '{folder}'.")
    listed = next((root / name for name in _MANIFESTS if (root / name).is_file()), None)
    clips = list(_plain(root, on_error) if listed is None else _listed(listed, on_error))
    if not clips:
        raise DataError(f"No usable sound file in '{folder}'.")
    return clips


def read_folders(folders: Iterable[Path | str], *, on_error: OnError = warn) -> list[Clip]:
    """The clips of several folders together, checked (`manifest.check`).

    A plain folder's speaker whose name an earlier folder holds follows that folder's split. A file with the
    content (sha256) of an earlier one is left out.
    """
    clips: list[Clip] = []
    splits: dict[str, str] = {}
    digests: set[str] = set()
    for folder in folders:
        plain = not any((Path(folder) / name).is_file() for name in _MANIFESTS)
        for clip in read_folder(folder, on_error=on_error):
            if clip.sha256 and clip.sha256 in digests:
                continue
            digests.add(clip.sha256)
            split = splits.get(clip.speaker, clip.split) if plain else clip.split
            clips.append(replace(clip, split=split))
        splits |= {clip.speaker: clip.split for clip in clips if clip.speaker}
    manifest.check(clips)
    return clips


def hashed_split(speaker: str) -> str:
    """train, dev or test (90 / 5 / 5), the same for the same name everywhere."""
    share = int.from_bytes(hashlib.sha256(speaker.encode()).digest()[:4], "big") / 2**32
    return "train" if share < 0.9 else "dev" if share < 0.95 else "test"


_MANIFESTS = ("manifest.jsonl", "manifest.parquet", "manifest.csv")


def _listed(path: Path, on_error: OnError) -> Iterator[Clip]:
    for clip in _read_csv(path) if path.suffix == ".csv" else manifest.read(path):
        if Path(clip.path).is_file():
            yield clip
        else:
            on_error(Path(clip.path), "listed in the manifest, but not there")


def _read_csv(path: Path) -> Iterator[Clip]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            for row in (reader := csv.DictReader(file)):
                where = f"{path.name}, line {reader.line_num}"
                if None in row:
                    raise DataError(f"{where}: more values than columns.")
                yield manifest.resolve(manifest.parse(row, where, _IGNORED), path.parent)
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name}: not UTF-8 text.") from error
    except csv.Error as error:
        raise DataError(f"{path.name}: not CSV ({error}).") from error


def _plain(root: Path, on_error: OnError) -> Iterator[Clip]:
    for path in _sound_files(root):
        try:
            found = probe(path)
            seconds = _decoded_seconds(path, found.rate) if found.seconds is None else found.seconds
            content = sha256(path)
        except (AudioError, OSError) as error:
            on_error(path, str(error))
            continue
        if seconds == 0:
            on_error(path, "holds no sound")
            continue
        speaker = _name(path.stem if path.parent == root else path.parent.name)
        yield Clip(
            path=os.fspath(path),
            corpus=_name(root.name),
            speaker=speaker,
            split=hashed_split(speaker),
            seconds=seconds,
            rate=found.rate,
            source_format=path.suffix.lower().lstrip("."),
            sha256=content,
        )


def _name(text: str) -> str:
    r"""A speaker or corpus out of a file name; bytes that are not UTF-8 become \xNN."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def _decoded_seconds(path: Path, rate: int) -> float:
    """For containers that do not tell their length."""
    return float(sum(block.shape[1] for block in blocks(path)) / rate)


def _sound_files(root: Path) -> Iterator[Path]:
    # os.walk does not follow links to folders, so a link loop cannot hang it; is_file leaves out pipes.
    suffixes = frozenset(_SOUND.split())
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder) / name
            if path.suffix.lower().lstrip(".") in suffixes and not name.startswith(".") and path.is_file():
                yield path
