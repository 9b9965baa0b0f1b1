"""Readings of a clip's text by machines beside its bona fide twin: cut to the same speech, band and level."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.audio import Audio, load, resample
from .fakes import RATE, finish
from .manifest import Clip
from .match import bandwidth, low_pass, match_spectrum, speech_bounds
from .render import Engine, Made, Progress, render


@dataclass(frozen=True)
class Reading:
    """A file in which a machine says the text of the genuine `clip`, and its row, but for what the cut decides."""

    clip: Clip
    file: Made
    row: Clip


def cut_pairs(
    readings: Sequence[Reading],
    out_dir: Path,
    *,
    equalise: bool = False,
    engine: Engine = "local",
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Clip]:
    """Every reading as 16 kHz mono FLAC, behind one bona fide twin for all readings of a clip; rows in that order.

    Twin and fakes start where speech starts and are cut to the speech of the shortest of them, so that neither
    length nor silence at the edges tells them apart; `text` is what was spoken before the cut. All are limited to
    the narrowest band among them; a fake has its twin's level, and with `equalise` its long-term spectrum.
    """
    groups: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        groups[reading.clip.path].append(reading)
    cuts: list[tuple[str, _Cut]] = []
    for group in groups.values():
        cuts += _cuts(group, out_dir, equalise)
    made = iter(render(cuts, _cut, out_dir, stage="pairs", engine=engine, workers=workers, progress=progress))
    rows: list[Clip] = []
    for group in groups.values():
        twin = _placed(group[0].clip, next(made), out_dir)
        rows += [twin, *(_placed(replace(one.row, source=twin.path), next(made), out_dir) for one in group)]
    return rows


@dataclass(frozen=True)
class _Cut:
    """`length` samples of `path` from `start`, nothing above `band` Hz; a fake is made like the part of `genuine`."""

    path: str
    start: int
    length: int
    band: float
    genuine: tuple[str, int] | None = None
    equalise: bool = False


def _cuts(group: Sequence[Reading], folder: Path, equalise: bool) -> list[tuple[str, _Cut]]:
    """Keyed jobs for the twin and the fakes of one clip."""
    clip = group[0].clip
    paths = [clip.path, *(str(folder / reading.file.path) for reading in group)]
    digests = [clip.key, *(reading.file.sha256 for reading in group)]
    bounds, bands = [], []
    for path in paths:
        samples = read(path)
        start, stop = speech_bounds(samples, RATE)
        bounds.append((start, stop))
        bands.append(bandwidth(samples[start:stop], RATE))
    length, band = min(stop - start for start, stop in bounds), min(bands)
    jobs = [
        _Cut(path, start, length, band, (paths[0], bounds[0][0]) if number else None, equalise)
        for number, (path, (start, _)) in enumerate(zip(paths, bounds, strict=True))
    ]
    together = "+".join(digests)
    return [
        (f"pair|{together}|{number}|{job.start}|{length}|{band}|{equalise}", job) for number, job in enumerate(jobs)
    ]


def _cut(job: _Cut) -> Audio:
    samples = read(job.path)[job.start : job.start + job.length]
    if job.genuine is None:
        twin = samples
    else:
        path, start = job.genuine
        twin = read(path)[start : start + job.length]
        if job.equalise:
            samples = match_spectrum(samples, twin, RATE)
    made, like = (low_pass(part, RATE, job.band)[None] for part in (samples, twin))
    return finish(made, like)


def read(path: str) -> NDArray[np.float32]:
    """(n,) at 16 kHz, mean removed."""
    samples = resample(load(path).mono(), RATE).samples[0]
    return np.asarray(samples - samples.mean(), np.float32)


def _placed(row: Clip, file: Made, folder: Path) -> Clip:
    return replace(row, path=str(folder / file.path), seconds=file.seconds, rate=file.rate, sha256=file.sha256)
