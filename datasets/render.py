"""Make many sound files, each under a name that says nothing, and go on after an interruption."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..core import run
from ..core.audio import Audio, save
from ..core.files import replacing, sha256

Item = TypeVar("Item")
Engine = Literal["local", "pool"]
Progress = Callable[[str, int, int], None]
"""Called with the name of the stage, how many are done and how many there are."""

JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class Made:
    """A file that was written: `path` relative to the folder (posix), its digest, length and rate, and its facts."""

    path: str
    sha256: str
    seconds: float
    rate: int
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Told:
    """Sound, and what only its maker knows of it: numbers, texts and lists of them by name, kept in the journal."""

    audio: Audio
    facts: Mapping[str, Any]


def render(
    jobs: Sequence[tuple[str, Item]],
    make: Callable[[Item], Audio | Told],
    folder: Path,
    *,
    stage: str,
    engine: Engine = "local",
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Made]:
    """Write `make(item)` for each (key, item) as 16-bit FLAC under `folder`; the results in the order of `jobs`.

    The file's name is a hash of its key. What `folder/journal.jsonl` lists and still has the listed digest
    is kept, so that a second run does only what is missing. `make` must be picklable for the engine "pool".
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = _kept(folder)
    waiting = [(name(key), item) for key, item in jobs if name(key) not in kept]
    with open(folder / JOURNAL, "a", encoding="utf-8") as journal:
        work = run.map(partial(_write, make, folder), waiting, engine=engine, workers=workers)
        for number, ((path, _), made) in enumerate(zip(waiting, work, strict=True), 1):
            kept[path] = made
            journal.write(json.dumps(asdict(made)) + "\n")
            journal.flush()
            if progress is not None:
                progress(stage, len(jobs) - len(waiting) + number, len(jobs))
    return [kept[name(key)] for key, _ in jobs]


def name(key: str) -> str:
    """Relative path of the file for a key."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    return f"audio/{digest[:2]}/{digest[2:22]}.flac"


def _kept(folder: Path) -> dict[str, Made]:
    journal = folder / JOURNAL
    listed: dict[str, Made] = {}
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []:
        try:
            made = Made(**json.loads(line))
        except (json.JSONDecodeError, TypeError):
            continue  # the last line of a run that was cut off
        listed[made.path] = made
    if journal.exists():
        # Without this a line cut off before its newline would swallow the next one.
        with replacing(journal) as temporary:
            temporary.write_text("".join(json.dumps(asdict(m)) + "\n" for m in listed.values()), encoding="utf-8")
    return {
        path: made
        for path, made in listed.items()
        if os.path.isfile(folder / path) and sha256(folder / path) == made.sha256
    }


def _write(make: Callable[[Item], Audio | Told], folder: Path, job: tuple[str, Item]) -> Made:
    path, item = job
    made = make(item)
    audio, facts = (made.audio, made.facts) if isinstance(made, Told) else (made, {})
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    save(target, audio)
    return Made(path, sha256(target), audio.seconds, audio.rate, dict(facts))
