"""Fakes by synthesisers: they say what genuine clips say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from ..core.audio import Audio, resample
from ..core.errors import AudioError, DataError, RecipeError, UsageError
from ..core.run import seed_for
from .engines import Engine, Voice, voice_of
from .fakes import RATE
from .manifest import Clip
from .paired import Reading
from .readers import OnError, warn
from .recipe import EngineRecipe
from .render import Engine as Runner
from .render import Progress, render

METHOD = "tts"
# What stands for a failure: a FLAC file cannot be without samples.
NOTHING = Audio(np.zeros((1, 1), np.float32), RATE)
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
            fitting = [voice for voice in voices if primary(voice.language) == primary(clip.language)]
            key = f"{clip.key}|{entry.name}"
            order = np.random.default_rng(seed_for(seed, key)).permutation(len(fitting))[: entry.per_text]
            lines += [
                Line(clip, entry.name, voice, engine.pin, seed_for(seed, f"{key}|{voice.name}"))
                for voice in (fitting[int(i)] for i in order)
            ]
        if len(lines) == before:
            spoken = ", ".join(sorted({primary(voice.language) for voice in voices}))
            raise DataError(f"No selected clip has a text in a language that {entry.name!r} speaks here ({spoken}).")
    return lines


def speak_lines(
    lines: Sequence[Line],
    out_dir: Path,
    open_engine: OpenEngine,
    *,
    on_error: OnError = warn,
    engine: Runner = "local",
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Reading]:
    """Every line as it was spoken, in their order, to be cut by `paired.cut_pairs`.

    `speaker` of a row stays the genuine one, which keeps pairs together; `voice` says who is heard. A line that an
    engine fails on is left out, and `on_error(path of the clip, reason)` hears of it. Raises DataError when an engine
    fails on all, and what `Engine.speak` raises beside AudioError.
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
    readings = []
    for number, line in enumerate(lines):
        if spoken[number].seconds > NOTHING.seconds:
            readings.append(Reading(line.clip, spoken[number], _row(line)))
        else:
            on_error(Path(line.clip.path), f"{line.engine} ({line.voice.name}) could not speak {line.clip.text!r}")
    heard = {reading.row.system for reading in readings}
    if silent := sorted({line.engine for line in lines} - heard):
        raise DataError(f"The engine {silent[0]!r} could not speak any of the texts.")
    return readings


def _speak(open_engine: OpenEngine, line: Line) -> Audio:
    """At a peak of 0.9; nothing when the engine fails, so that one text does not end the work on thousands."""
    try:
        said = _opened(open_engine, line.engine).speak(line.clip.text, line.voice.name, line.seed)
    except AudioError:
        return NOTHING
    return at_peak(said)


@lru_cache(maxsize=8)
def _opened(open_engine: OpenEngine, name: str) -> Engine:
    return open_engine(name)


def _row(line: Line) -> Clip:
    voice = line.voice
    return replace(
        line.clip,
        label="spoof",
        system=line.engine,
        method=METHOD,
        voice=voice.name,
        sex="",
        language=voice.language,
        licence=voice.licence,
        note=voice.note,
        source_format="",
        seed=line.seed,
        neural_codec=False,
    )


def at_peak(said: Audio) -> Audio:
    """Mono at 16 kHz and a peak of 0.9; NOTHING for silence and for what is no sound."""
    samples = resample(said.mono(), RATE).samples
    peak = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(peak) or peak == 0:
        return NOTHING
    return Audio((samples * (0.9 / peak)).astype(np.float32), RATE)


def primary(language: str) -> str:
    """The first part of a BCP 47 tag, in small letters."""
    return language.split("-", maxsplit=1)[0].lower()
