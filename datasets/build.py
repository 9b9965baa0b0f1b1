"""Build a dataset from a recipe: select clips, make twins and fakes, augment pairs alike, audit, write the card."""

from __future__ import annotations

import hashlib
import os
import shutil
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..codecs import classical
from ..codecs.generate.modes import Modes
from ..core.audio import load
from ..core.errors import DataError, RecipeError
from . import manifest
from .audit import Report, audit
from .card import Generators, card
from .engines import open_engine as engine_of
from .fakes import OpenCodec, System, make, open_from_zoo, plan, weights_digest
from .generated import generate, readings, revised_rows, revisions
from .generators import OpenGenerator, licences, ready
from .manifest import Clip
from .marks import Marker, marked_groups, marked_twins, unmarked
from .paired import cut_pairs
from .pairs import augment_pairs, beds_of
from .readers import OnError, read_folders, warn
from .recipe import BuildRecipe, FakesRecipe, read_recipe, select
from .render import Engine, Progress
from .spoken import OpenEngine, check_engines, plan_lines, speak_lines
from .takes import plan_takes
from .voices import Voices

_HEAD = "dataset.toml"


@dataclass(frozen=True)
class Built:
    """A finished dataset. `report` is None when it was there already; left_out: clips by reason, of generators."""

    folder: Path
    clips: tuple[Clip, ...]
    digest: str
    report: Report | None
    left_out: Mapping[str, int] = field(default_factory=dict)


def build(
    recipe: Path | str | BuildRecipe,
    data_dirs: Iterable[Path | str],
    out_dir: Path | str,
    *,
    checkpoint_dir: Path | str | None = None,
    open_codec: OpenCodec | None = None,
    open_engine: OpenEngine = engine_of,
    open_generator: OpenGenerator = Modes,
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
    looked up in `checkpoint_dir`, else beside the recipe, as are folders of generators. A recipe with [watermark],
    or with generators and no purpose, needs a `marker`. Engines and generators leave clips without a text alone.
    `on_error(path, reason)` hears of files left out.

    Raises RecipeError, DataError, MissingPart for an engine that is not installed (before any work), and LeakError
    when a cue tells the classes apart.
    """
    found, base = read_recipe(recipe)
    check_engines(found.fakes.engines, open_engine)
    clips = read_folders(data_dirs) if on_error is None else read_folders(data_dirs, on_error=on_error)
    sources = select(clips, found.select, found.seed)
    checkpoints = Path(checkpoint_dir) if checkpoint_dir else base
    systems = _systems(found.fakes, checkpoints, open_codec or open_from_zoo)
    marks = found.watermark is not None or (bool(found.fakes.generators) and not found.fakes.purpose)
    if marks and marker is None:
        raise RecipeError(
            "The recipe marks speech, by its [watermark] or because its generators state no purpose, and there is no "
            "marker to do it."
        )
    generators = ready(found.fakes.generators, checkpoints, open_generator)
    lines = plan_lines(sources, found.fakes.engines, found.seed, open_engine)
    out = Path(os.path.abspath(out_dir))
    pins = [open_engine(entry.name).pin for entry in found.fakes.engines]
    tell = on_error or warn
    takes, left_out = plan_takes(sources, clips, generators, Voices.of(found.fakes.consents, base), found.seed, tell)
    pins += [take.identity for take in takes]
    head = _identity(found, sources, systems, marker if marks else None, pins)
    if (present := _present(out, head)) is not None:
        return present

    work = out.with_name(out.name + ".partial")
    options: dict[str, Any] = {"engine": engine, "workers": workers, "progress": progress}
    alike = found.fakes.equalise
    taken, failed = generate(takes, work, open_generator, equalise=alike, on_error=tell, **options)
    left_out += failed
    revised = revisions(taken)
    rows: list[Clip] = []
    if systems or revised:
        twinned = sources if systems else list({one.take.clip.path: one.take.clip for one in revised}.values())
        jobs = plan(twinned, systems, found.seed, found.fakes.per_clip or None, equalise=alike)
        rows += make(jobs, work, open_codec, **options)
        twins = {job.clip.path: row.path for job, row in zip(jobs, rows, strict=True) if not job.system}
        rows += revised_rows(revised, twins, work)
    said = speak_lines(lines, work, open_engine, on_error=tell, **options) if lines else []
    if said := [*said, *readings(taken)]:
        rows += cut_pairs(said, work, equalise=alike, **options)
    if generators and found.fakes.purpose:
        rows = unmarked(rows, found.fakes.purpose)
    elif generators and marker is not None:
        rows = marked_groups(rows, work, marker, found.seed, **options)
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
    behind = Generators(licences(generators), left_out)
    text = card(found.name, found.about, found.text(indent=2), digest, rows, report, behind)
    (work / "README.md").write_text(text, encoding="utf-8")
    (work / _HEAD).write_text(f'{head}digest = "{digest}"\n', encoding="utf-8")
    _sweep(work, rows)
    os.replace(work, out)
    return Built(out, tuple(manifest.read(out / "manifest.jsonl")), digest, report, dict(left_out))


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
    key = "" if marker is None else marker.key_id
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
