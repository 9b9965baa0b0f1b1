"""Codecs on a folder of the user's own audio: quality, costs, and bytes saved against Opus at equal PESQ."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, FiniteFloat

from ..codecs import classical, quality, zoo
from ..codecs.neural import NeuralCodec
from ..codecs.protocol import Resynthesiser
from ..core import run
from ..core.audio import Audio, Limits, load
from ..core.errors import EarwitnessError, UsageError
from . import service
from .schemas import Failed, Schema, text_path

RATE = quality.RATE
REFERENCE = "opus"
REFERENCE_KBPS = (6.0, 8.0, 12.0, 16.0, 24.0)
_METRICS = (
    "pesq",
    "stoi",
    "mel",
    "si_sdr",
    "f0_correlation",
    "voicing",
    "energy_correlation",
    "speaker",
    "word_error_rate",
)
Progress = Callable[[str, int, int], None]


class Clip(Schema):
    """One file through one codec at one bitrate. Measures as in codecs.quality; null: could not be measured."""

    record: Literal["clip"] = "clip"
    path: str
    codec: str
    kbps: FiniteFloat = Field(description="nominal kbit/s, 0 for one fixed mode without codes")
    seconds: FiniteFloat
    measured_kbps: FiniteFloat | None
    cpu_seconds: FiniteFloat
    pesq: FiniteFloat | None = None
    stoi: FiniteFloat | None = None
    mel: FiniteFloat | None = None
    si_sdr: FiniteFloat | None = None
    f0_correlation: FiniteFloat | None = None
    voicing: FiniteFloat | None = None
    energy_correlation: FiniteFloat | None = None
    speaker: FiniteFloat | None = None
    word_error_rate: FiniteFloat | None = None
    error: str | None = Field(None, description="why the codec gave nothing; such rows are in no mean")


class Point(Schema):
    """One codec at one bitrate: means over the files that could be measured."""

    record: Literal["summary"] = "summary"
    codec: str
    kbps: FiniteFloat
    files: int
    failed: int = Field(description="files on which the codec failed")
    unmeasured: int = Field(description="files on which PESQ found no speech")
    measured_kbps: FiniteFloat | None
    cpu_seconds_per_hour: FiniteFloat
    pesq: FiniteFloat | None
    stoi: FiniteFloat | None
    mel: FiniteFloat | None
    si_sdr: FiniteFloat | None
    f0_correlation: FiniteFloat | None
    voicing: FiniteFloat | None
    energy_correlation: FiniteFloat | None
    speaker: FiniteFloat | None
    word_error_rate: FiniteFloat | None
    opus_kbps: FiniteFloat | None = Field(None, description="Opus's kbit/s at the same PESQ; null outside its range")
    saved_mb_per_hour: FiniteFloat | None = Field(None, description="megabytes saved against that Opus")
    saved_mb_per_cpu_second: FiniteFloat | None = Field(
        None, description="the same for each CPU second more than Opus takes"
    )


@dataclass(frozen=True)
class Bench:
    """All rows, points in the order of the codecs, and the files that could not be read."""

    clips: tuple[Clip, ...]
    points: tuple[Point, ...]
    failures: tuple[Failed, ...]


def bench(
    codecs: Sequence[str],
    data: Path,
    *,
    words: bool = False,
    seconds: float = 10.0,
    workers: int = 1,
    progress: Progress | None = None,
) -> Bench:
    """Every file of `data`, its first `seconds`, through every codec (default: all neural ones and copy synthesis).

    A codec is NAME or NAME@KBPS. Opus always runs beside them. Raises UsageError for unknown names and a folder
    without sound, MissingPart without PESQ and STOI. A file that cannot be read is named and left out.
    """
    quality.needs()
    wanted = tuple(dict.fromkeys([*_conditions(codecs), *((REFERENCE, kbps) for kbps in REFERENCE_KBPS)]))
    paths = service.find([data])
    clips: list[Clip] = []
    failures: list[Failed] = []
    work = partial(_file, wanted=wanted, words=words, seconds=seconds)
    for done, answer in enumerate(run.map(work, paths, engine="pool" if workers > 1 else "local", workers=workers)):
        if isinstance(answer, Failed):
            failures.append(answer)
        else:
            clips += answer
        if progress is not None:
            progress("files", done + 1, len(paths))
    return Bench(tuple(clips), summarise(clips), tuple(failures))


def _conditions(codecs: Sequence[str]) -> Iterator[tuple[str, float]]:
    """(name, kbit/s) in order; 0 for what has no bitrates."""
    named = codecs or [row.name for row in zoo.listings() if row.kind in ("codec", "vocoder", "copy-synthesis")]
    for name in named:
        base, separator, rate = name.rpartition("@")
        try:
            chosen = float(rate) if separator else None
        except ValueError:
            chosen, base = None, name
        base = base if chosen is not None else name
        offered = _member(base).kbps
        if chosen is not None and not offered:
            raise UsageError(f"{base!r} has no bitrates; leave out @{rate}.")
        yield from ((base, kbps) for kbps in ((chosen,) if chosen is not None else offered or (0.0,)))


@cache
def _member(name: str) -> Resynthesiser:
    return zoo.open(name)


def _file(path: Path, *, wanted: Sequence[tuple[str, float]], words: bool, seconds: float) -> list[Clip] | Failed:
    """All conditions on one file."""
    try:
        original = load(path, rate=RATE, limits=Limits()).mono()
    except EarwitnessError as error:
        return Failed(path=text_path(path), error=str(error))
    original = Audio(np.ascontiguousarray(original.samples[:, : round(seconds * RATE)]), RATE)
    if original.samples.shape[1] < quality.SHORTEST:
        return Failed(
            path=text_path(path), error="It is shorter than a quarter of a second; there is too little to compare."
        )
    if not np.any(original.samples):
        return Failed(path=text_path(path), error="It is silent; there is nothing to compare.")
    return [_clip(path, original, name, kbps, words) for name, kbps in wanted]


def _clip(path: Path, original: Audio, name: str, kbps: float, words: bool) -> Clip:
    member = _member(name)
    row: dict[str, Any] = {"path": text_path(path), "codec": name, "kbps": kbps, "seconds": original.seconds}
    begun = time.process_time()
    try:
        heard, measured = _coded(member, original, kbps or None)
        spent = time.process_time() - begun
        if isinstance(member, classical.ClassicalCodec):
            measured = member.measured_kbps(original, kbps or None)
    except EarwitnessError as error:
        return Clip(**row, measured_kbps=None, cpu_seconds=0.0, error=str(error))
    found = asdict(quality.compare(original.samples[0], heard.samples[0], words=words))
    found.pop("lag")
    return Clip(**row, measured_kbps=measured, cpu_seconds=spent, **found)


def _coded(member: Resynthesiser, original: Audio, kbps: float | None) -> tuple[Audio, float | None]:
    """Sound through a member, and its kbit/s where codes tell."""
    if isinstance(member, NeuralCodec):
        tokens = member.encode(original, None if kbps is None else member.levels_for(kbps))
        return member.decode(tokens), tokens.kbps
    return member.resynth(original, kbps), kbps


def summarise(clips: Iterable[Clip]) -> tuple[Point, ...]:
    """One point for each codec and bitrate, with the comparison against Opus."""
    groups: dict[tuple[str, float], list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.codec, clip.kbps].append(clip)
    points = [_point(codec, kbps, rows) for (codec, kbps), rows in groups.items()]
    opus = sorted((p.measured_kbps, p.pesq, p) for p in points if p.codec == REFERENCE and p.measured_kbps and p.pesq)
    return tuple(_against(point, [entry[2] for entry in opus]) for point in points)


def _point(codec: str, kbps: float, rows: Sequence[Clip]) -> Point:
    kept = [row for row in rows if row.error is None]
    hours = sum(row.seconds for row in kept) / 3600

    def mean(name: str) -> float | None:
        values = [value for row in kept if (value := getattr(row, name)) is not None]
        return float(np.mean(values)) if values else None

    means: dict[str, Any] = {name: mean(name) for name in _METRICS}
    return Point(
        codec=codec,
        kbps=kbps,
        files=len(kept),
        failed=len(rows) - len(kept),
        unmeasured=sum(row.pesq is None for row in kept),
        measured_kbps=mean("measured_kbps"),
        cpu_seconds_per_hour=sum(row.cpu_seconds for row in kept) / hours if hours else 0.0,
        **means,
    )


def _against(point: Point, opus: Sequence[Point]) -> Point:
    """`point` with Opus's bitrate at its PESQ, by straight lines between Opus's points."""
    if point.codec == REFERENCE or point.pesq is None or not point.measured_kbps or len(opus) < 2:
        return point
    # More bits should never be worse; where the few clips say so, the best so far counts.
    scores = np.maximum.accumulate([float(other.pesq or 0) for other in opus])
    rates = [float(other.measured_kbps or 0) for other in opus]
    if not scores[0] <= point.pesq <= scores[-1]:
        return point
    equal = float(np.interp(point.pesq, scores, rates))
    saved = (equal - point.measured_kbps) * 3600 / 8 / 1000
    costs = float(np.interp(point.pesq, scores, [other.cpu_seconds_per_hour for other in opus]))
    more = point.cpu_seconds_per_hour - costs
    return point.model_copy(
        update={
            "opus_kbps": equal,
            "saved_mb_per_hour": saved,
            "saved_mb_per_cpu_second": saved / more if more > 0 else None,
        }
    )
