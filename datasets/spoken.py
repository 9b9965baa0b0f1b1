"""Fakes by synthesisers: they say what genuine clips say, each beside a bona fide twin cut to the same length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from ..core.audio import Audio, load, resample
from ..core.errors import AudioError, DataError, RecipeError, UsageError
from ..core.run import seed_for
from .engines import Engine, Voice, voice_of
from .fakes import RATE, finish
from .manifest import Clip
from .match import bandwidth, low_pass, match_spectrum, speech_bounds
from .readers import OnError, warn
from .recipe import EngineRecipe
from .render import Engine as Runner
from .render import Made, Progress, render

METHOD = "tts"
# What stands for a failure: a FLAC file cannot be without samples.
_NOTHING = Audio(np.zeros((1, 1), np.float32), RATE)
OpenEngine = Callable[[str], Engine]
"""Name -> engine. For a process pool it must be picklable; the engine need not be."""


@dataclass(frozen=True)
class Line:
    """The text of `clip`, to be spoken by one voice."""

    clip: Clip
    engine: str
    voice: Voice
    pin: str
    seed: int

    @property
    def key(self) -> str:
        """Names the result."""
        words = f"{self.clip.key}|{self.clip.text}"
        return f"{words}|{METHOD}|{self.engine}|{self.voice.name}|{self.pin}|{self.seed}"


def check_engines(recipes: Sequence[EngineRecipe], open_engine: OpenEngine) -> None:
    """Raise RecipeError for an engine or voice that is not known, or is held out and not asked for as that;
    MissingPart or WeightsError, before any work, for one that cannot speak here."""
    for entry in recipes:
        try:
            engine = open_engine(entry.name)
            for name in entry.voices:
                voice_of(engine, name)
        except UsageError as error:
            raise RecipeError(f"fakes.engines: {error}") from error
        if engine.held_out and not entry.held_out:
            raise RecipeError(
                f"The engine {entry.name!r} is held out of training, as the attack that no detector has heard. A "
                f"recipe for a test set says held_out = true in its [[fakes.engines]]."
            )
        engine.check(entry.voices)


def plan_lines(
    clips: Sequence[Clip], recipes: Sequence[EngineRecipe], seed: int, open_engine: OpenEngine
) -> list[Line]:
    """For every speech clip with a text: `per_text` voices of each engine that speak its language.

    Which voices a clip gets depends on the seed and its content alone. Raises DataError for an engine that no text is
    for.
    """
    told = [
        clip
        for clip in clips
        if clip.kind == "speech" and clip.label == "bonafide" and any(map(str.isalnum, clip.text))
    ]
    lines: list[Line] = []
    for entry in recipes:
        engine = open_engine(entry.name)
        voices = [voice_of(engine, name) for name in entry.voices] or list(engine.voices)
        before = len(lines)
        for clip in told:
            fitting = [voice for voice in voices if _primary(voice.language) == _primary(clip.language)]
            key = f"{clip.key}|{entry.name}"
            order = np.random.default_rng(seed_for(seed, key)).permutation(len(fitting))[: entry.per_text]
            lines += [
                Line(clip, entry.name, voice, engine.pin, seed_for(seed, f"{key}|{voice.name}"))
                for voice in (fitting[int(i)] for i in order)
            ]
        if len(lines) == before:
            spoken = ", ".join(sorted({_primary(voice.language) for voice in voices}))
            raise DataError(f"No selected clip has a text in a language that {entry.name!r} speaks here ({spoken}).")
    return lines


def speak_pairs(
    lines: Sequence[Line],
    out_dir: Path,
    open_engine: OpenEngine,
    *,
    equalise: bool = False,
    on_error: OnError = warn,
    engine: Runner = "local",
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Clip]:
    """Every line as 16 kHz mono FLAC, behind one bona fide twin for all lines of a clip; rows in that order.

    Twin and fakes start where speech starts and are cut to the speech of the shortest of them, so that neither
    length nor silence at the edges tells them apart; `text` is what was spoken before the cut. All are limited to
    the narrowest band among them; a fake has its twin's level, and with `equalise` its long-term spectrum. `speaker`
    stays the genuine one, which keeps pairs together; `voice` says who is heard.

    A line that an engine fails on is left out, and `on_error(path of the clip, reason)` hears of it. Raises DataError
    when an engine fails on all, and what `Engine.speak` raises beside AudioError.
    """
    keyed = [(line.key, line) for line in lines]
    # One engine after the other, so that few are held open at once.
    order = sorted(range(len(lines)), key=lambda i: lines[i].engine)
    raw = render(
        [keyed[i] for i in order],
        partial(_speak, open_engine),
        out_dir,
        stage="speak",
        engine=engine,
        workers=workers,
        progress=progress,
    )
    spoken = dict(zip(order, raw, strict=True))
    groups: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if spoken[number].seconds > _NOTHING.seconds:
            groups[line.clip.path].append(number)
        else:
            on_error(Path(line.clip.path), f"{line.engine} ({line.voice.name}) could not speak {line.clip.text!r}")
    heard = {lines[i].engine for numbers in groups.values() for i in numbers}
    if silent := sorted({line.engine for line in lines} - heard):
        raise DataError(f"The engine {silent[0]!r} could not speak any of the texts.")
    cuts: list[tuple[str, _Cut]] = []
    rows: list[tuple[Line, bool]] = []
    for numbers in groups.values():
        cuts += _cuts([(lines[i], spoken[i]) for i in numbers], out_dir, equalise)
        rows += [(lines[numbers[0]], False), *((lines[i], True) for i in numbers)]
    made = render(cuts, _cut, out_dir, stage="pairs", engine=engine, workers=workers, progress=progress)
    return _rows(rows, made, out_dir)


@dataclass(frozen=True)
class _Cut:
    """`length` samples of `path` from `start`, nothing above `band` Hz; a fake is made like the part of `genuine`."""

    path: str
    start: int
    length: int
    band: float
    genuine: tuple[str, int] | None = None
    equalise: bool = False


def _speak(open_engine: OpenEngine, line: Line) -> Audio:
    """At a peak of 0.9; nothing when the engine fails, so that one text does not end the work on thousands."""
    try:
        said = _opened(open_engine, line.engine).speak(line.clip.text, line.voice.name, line.seed)
    except AudioError:
        return _NOTHING
    samples = resample(said.mono(), RATE).samples
    peak = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(peak) or peak == 0:
        return _NOTHING
    return Audio((samples * (0.9 / peak)).astype(np.float32), RATE)


@lru_cache(maxsize=8)
def _opened(open_engine: OpenEngine, name: str) -> Engine:
    return open_engine(name)


def _cuts(spoken: Sequence[tuple[Line, Made]], folder: Path, equalise: bool) -> list[tuple[str, _Cut]]:
    """Keyed jobs for the twin and the fakes of one clip."""
    clip = spoken[0][0].clip
    paths = [clip.path, *(str(folder / made.path) for _, made in spoken)]
    digests = [clip.key, *(made.sha256 for _, made in spoken)]
    bounds, bands = [], []
    for path in paths:
        samples = _read(path)
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
    samples = _read(job.path)[job.start : job.start + job.length]
    if job.genuine is None:
        twin = samples
    else:
        path, start = job.genuine
        twin = _read(path)[start : start + job.length]
        if job.equalise:
            samples = match_spectrum(samples, twin, RATE)
    made, like = (low_pass(part, RATE, job.band)[None] for part in (samples, twin))
    return finish(made, like)


def _read(path: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """(n,) at 16 kHz, mean removed."""
    samples = resample(load(path).mono(), RATE).samples[0]
    return np.asarray(samples - samples.mean(), np.float32)


def _rows(lines: Sequence[tuple[Line, bool]], made: Sequence[Made], folder: Path) -> list[Clip]:
    rows: list[Clip] = []
    twin = ""
    for (line, fake), file in zip(lines, made, strict=True):
        path = str(folder / file.path)
        row = replace(line.clip, path=path, seconds=file.seconds, rate=file.rate, sha256=file.sha256)
        if not fake:
            twin = path
            rows.append(row)
            continue
        voice = line.voice
        rows.append(
            replace(
                row,
                label="spoof",
                system=line.engine,
                method=METHOD,
                voice=voice.name,
                sex="",
                language=voice.language,
                licence=voice.licence,
                note=voice.note,
                source=twin,
                source_format="",
                seed=line.seed,
                neural_codec=False,
            )
        )
    return rows


def _primary(language: str) -> str:
    return language.split("-", maxsplit=1)[0].lower()
