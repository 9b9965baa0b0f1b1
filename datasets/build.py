"""Build a dataset from a recipe: select clips, make twins and fakes, augment pairs alike, audit, write the card."""

from __future__ import annotations

import hashlib
import os
import shutil
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..codecs import classical
from ..core.audio import load
from ..core.errors import DataError, RecipeError
from . import manifest
from .audit import Report, audit
from .card import card
from .engines import open_engine as engine_of
from .fakes import OpenCodec, System, make, open_from_zoo, plan, weights_digest
from .manifest import Clip
from .marks import Marker, marked_twins
from .pairs import augment_pairs, beds_of
from .readers import OnError, read_folders, warn
from .recipe import BuildRecipe, FakesRecipe, read_recipe, select
from .render import Engine, Progress
from .spoken import OpenEngine, check_engines, plan_lines, speak_pairs

_HEAD = "dataset.toml"


@dataclass(frozen=True)
class Built:
    """A finished dataset. `report` is None when it was there already."""

    folder: Path
    clips: tuple[Clip, ...]
    digest: str
    report: Report | None


def build(
    recipe: Path | str | BuildRecipe,
    data_dirs: Iterable[Path | str],
    out_dir: Path | str,
    *,
    checkpoint_dir: Path | str | None = None,
    open_codec: OpenCodec | None = None,
    open_engine: OpenEngine = engine_of,
    marker: Marker | None = None,
    engine: Engine = "local",
    workers: int = 1,
    progress: Progress | None = None,
    on_error: OnError | None = None,
) -> Built:
    """Build `recipe` (a file, a shipped name, or a model) from the sound in `data_dirs` into `out_dir`.

    The work is done in `out_dir` + ".partial"; run again after an interruption, it goes on from there. The
    finished folder (audio/, manifest.jsonl and .parquet, README.md, dataset.toml) appears at once. A dataset
    of the same recipe and clips that is already there is returned. Relative checkpoints of the recipe are
    looked up in `checkpoint_dir`, else beside the recipe. A recipe with [watermark] needs a `marker`. Clips
    without a text are left alone by engines.
    `on_error(path, reason)` hears of files left out.

    Raises RecipeError, DataError, MissingPart for an engine that is not installed (before any work), and LeakError
    when a cue tells the classes apart.
    """
    found, base = read_recipe(recipe)
    check_engines(found.fakes.engines, open_engine)
    clips = read_folders(data_dirs) if on_error is None else read_folders(data_dirs, on_error=on_error)
    sources = select(clips, found.select, found.seed)
    systems = _systems(found.fakes, Path(checkpoint_dir) if checkpoint_dir else base, open_codec or open_from_zoo)
    if found.watermark is not None and marker is None:
        raise RecipeError("The recipe has a [watermark], and there is no marker to put it on.")
    lines = plan_lines(sources, found.fakes.engines, found.seed, open_engine)
    out = Path(os.path.abspath(out_dir))
    pins = [open_engine(entry.name).pin for entry in found.fakes.engines]
    head = _identity(found, sources, systems, marker, pins)
    if (present := _present(out, head)) is not None:
        return present

    work = out.with_name(out.name + ".partial")
    options: dict[str, Any] = {"engine": engine, "workers": workers, "progress": progress}
    rows: list[Clip] = []
    if systems:
        jobs = plan(sources, systems, found.seed, found.fakes.per_clip or None, equalise=found.fakes.equalise)
        rows += make(jobs, work, open_codec, **options)
    if lines:
        equalise, tell = found.fakes.equalise, on_error or warn
        rows += speak_pairs(lines, work, open_engine, equalise=equalise, on_error=tell, **options)
    if found.watermark is not None and marker is not None:
        rows = [*rows, *marked_twins(rows, found.watermark, found.seed, work, marker, **options)]
    if found.augment is not None:
        copies = augment_pairs(rows, found.augment, found.seed, work, beds_of(clips), **options)
        rows = [*rows, *copies] if found.augment.keep_clean else copies
    manifest.check(rows)
    report = audit(rows, load, seed=found.seed)
    if found.audit == "strict":
        report.check()
    digest = manifest.digest(rows)
    manifest.write(work / "manifest.jsonl", rows)
    manifest.write(work / "manifest.parquet", rows)
    text = card(found.name, found.about, found.text(indent=2), digest, rows, report)
    (work / "README.md").write_text(text, encoding="utf-8")
    (work / _HEAD).write_text(f'{head}digest = "{digest}"\n', encoding="utf-8")
    _sweep(work, rows)
    os.replace(work, out)
    return Built(out, tuple(manifest.read(out / "manifest.jsonl")), digest, report)


def _systems(fakes: FakesRecipe, base: Path, open_codec: OpenCodec) -> list[System]:
    systems = []
    for entry in fakes.systems:
        if entry.name in classical.names():
            raise RecipeError(
                f"'{entry.name}' is no synthesis, so it makes no fakes; classical codecs belong to [augment]."
            )
        files = [str(base / name) if name else "" for name in entry.checkpoints]
        for file in files:
            if file and not Path(file).is_file():
                raise RecipeError(f"There is no checkpoint '{file}' for {entry.name}.")
        kbps = entry.kbps or tuple(getattr(open_codec(entry.name, files[0]), "kbps", ()))
        systems.append(System(entry.name, tuple(files), kbps))
    return systems


def _identity(
    recipe: BuildRecipe,
    sources: Sequence[Clip],
    systems: Sequence[System],
    marker: Marker | None,
    pins: Sequence[str],
) -> str:
    weights = [weights_digest(system.name, file) for system in systems for file in system.checkpoints]
    key = "" if recipe.watermark is None or marker is None else marker.key_id
    made_by = hashlib.sha256(f"{recipe.text()}{weights}{key}{''.join(pins)}".encode()).hexdigest()
    return f'version = 1\nrecipe = "{made_by}"\nsources = "{manifest.digest(sources)}"\n'


def _present(out: Path, head: str) -> Built | None:
    """The dataset at `out`, None when the place is free. Raises DataError when something else is there."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not (out / _HEAD).is_file():
        raise DataError(f"'{out}' exists and is not a dataset; choose another folder.")
    text = (out / _HEAD).read_text(encoding="utf-8")
    if not text.startswith(head):
        raise DataError(f"'{out}' holds a dataset of another recipe or other clips; choose another folder.")
    return Built(out, tuple(manifest.read(out / "manifest.jsonl")), str(tomllib.loads(text)["digest"]), None)


def _sweep(work: Path, rows: Sequence[Clip]) -> None:
    """Remove what an earlier attempt with another recipe left behind, and the journal."""
    listed = {clip.path for clip in rows}
    for file in sorted((work / "audio").rglob("*")):
        if file.is_file() and str(file) not in listed:
            file.unlink()
    (work / "journal.jsonl").unlink(missing_ok=True)
    for folder in sorted((work / "audio").iterdir()):
        if folder.is_dir() and not any(folder.iterdir()):
            shutil.rmtree(folder)
