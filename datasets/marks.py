"""Marked twins: a share of the clips, with their fakes, a second time with a watermark, so that it tells nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from ..core.audio import Audio, load
from ..core.errors import DataError
from ..core.run import seed_for
from .manifest import UNMARKED, Clip
from .recipe import MarkRecipe
from .render import Engine, Progress, render


class Marker(Protocol):
    """Puts marks of one key on sound; a process pool must be able to pickle it."""

    @property
    def key_id(self) -> str:
        """Names the key."""
        ...

    def __call__(self, audio: Audio, handle: int, strength: float | None) -> Audio:
        """`audio` with a mark that carries `handle` (32 bits). Raises AudioError for sound that carries none."""
        ...


def marked_twins(
    rows: Sequence[Clip],
    recipe: MarkRecipe,
    seed: int,
    work: Path,
    marker: Marker,
    *,
    engine: Engine = "local",
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Clip]:
    """Marked versions under `work` of a share of the genuine clips and of every fake of each of them.

    `watermark` of each names key and handle: "<key id>/<8 hex digits>". Which clips are chosen hangs on the seed and
    their content alone. A marked genuine clip's `source` is its unmarked twin; a fake keeps its own.
    """
    chosen = [clip for clip in _chosen(rows, recipe.share, seed) if clip.seconds > 0]
    jobs = [(clip, seed_for(seed, f"mark|{clip.sha256}|{clip.system}") & 0xFFFFFFFF) for clip in chosen]
    keyed = [(f"{clip.sha256}|{marker.key_id}|{handle}|{recipe.strength}", (clip, handle)) for clip, handle in jobs]
    make = partial(_mark, marker, recipe.strength)
    made = render(keyed, make, work, stage="watermark", engine=engine, workers=workers, progress=progress)
    return [
        replace(
            clip,
            path=str(work / new.path),
            seconds=new.seconds,
            rate=new.rate,
            sha256=new.sha256,
            source=clip.source or clip.path,
            watermark=f"{marker.key_id}/{handle:08x}",
        )
        for (clip, handle), new in zip(jobs, made, strict=True)
    ]


def marked_groups(
    rows: Sequence[Clip],
    work: Path,
    marker: Marker,
    seed: int,
    *,
    engine: Engine = "local",
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Clip]:
    """The rows with every genuine clip that a generator was asked for, and all its fakes, marked in its place.

    Generated speech bears a mark, and its twin with it, so that the mark does not tell them apart.
    """
    wanted = {clip.source for clip in rows if clip.prompt}
    group = [clip for clip in rows if (clip.source or clip.path) in wanted]
    options = {"engine": engine, "workers": workers, "progress": progress}
    marked = marked_twins(group, MarkRecipe(share=1.0), seed, work, marker, **options)  # type: ignore[arg-type]
    moved = {old.path: new for old, new in zip(group, marked, strict=True)}
    placed = {
        old.path: replace(moved[old.path], source=moved[old.source].path if old.source else "") for old in group
    }
    return [placed.get(clip.path, clip) for clip in rows]


def unmarked(rows: Sequence[Clip], purpose: str) -> list[Clip]:
    """The rows; those by a generator tell for which purpose they bear no mark."""
    return [replace(clip, watermark=f"{UNMARKED}{purpose}") if clip.prompt else clip for clip in rows]


def _chosen(rows: Sequence[Clip], share: float, seed: int) -> list[Clip]:
    """The rows of `share` of the groups of a genuine clip and its fakes."""
    genuine = {clip.path: clip for clip in rows if not clip.source}
    ranked = sorted(
        genuine, key=lambda path: hashlib.sha256(os.fsencode(f"{seed}|mark|{genuine[path].sha256}")).digest()
    )
    kept = set(ranked[: round(share * len(ranked))])
    return [clip for clip in rows if (clip.source or clip.path) in kept]


def _mark(marker: Marker, strength: float | None, job: tuple[Clip, int]) -> Audio:
    clip, handle = job
    audio = load(clip.path)
    marked = marker(audio, handle, strength)
    if marked.samples.shape != audio.samples.shape or marked.rate != audio.rate:
        raise DataError("The marker changed the length or rate of a clip.")
    return marked
