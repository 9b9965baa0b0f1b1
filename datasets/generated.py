"""Fakes by our generators: a clip's text spoken anew, a part of it, all its codes drawn again, its start continued.

What a span detector learns from is `infill` and `continue`. Outside the span their samples are those of the bona
fide twin, bit for bit, so that the span alone tells the two apart; were the rest a codec copy, all of it would be
synthetic by the rule that codec copies are fakes, and the span no truth. The piece is at the twin's level and within
its band, and fades in and out inside the span. A continuation ends where the twin's speech does; the silence after it
is real.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..codecs.generate import registry
from ..codecs.generate.joining import joined
from ..codecs.generate.modes import Mode, modes_of
from ..codecs.generate.prompt import LEAST_SECONDS
from ..core.audio import Audio, exactly, load, resample
from ..core.errors import DataError, EarwitnessError, MissingPart, RecipeError, UsageError, WeightsError
from ..core.run import seed_for
from ..core.weights import Card
from .fakes import RATE, finish
from .manifest import Clip
from .match import bandwidth, low_pass, match_spectrum, speech_bounds
from .paired import Reading
from .readers import OnError, warn
from .recipe import GeneratorEntry
from .render import Engine, Made, Progress, Told, render
from .spoken import NOTHING, at_peak, primary
from .voices import Voices, digest_of

# A reading in less of the genuine one's time has lost words, and would cut its twin short.
_LEAST_SHARE = 0.5
# Samples of speech that are continued, where there are as many again; and what a border may move by.
_CONTINUED, _SLACK = 3 * RATE, RATE // 10


class Piece(Protocol):
    """Sound through a model, whose own it is from second `start` on."""

    @property
    def audio(self) -> Audio: ...
    @property
    def start(self) -> float: ...


class Span(Piece, Protocol):
    """As long as the original; the model's own up to second `end`."""

    @property
    def end(self) -> float: ...


class Generator(Protocol):
    """What is asked of a generator; `codecs.generate.modes.Modes` is one. Failures are EarwitnessErrors."""

    def speak(self, text: str, prompt: Audio, seed: int) -> Audio:
        """`text` in the voice of a recording."""
        ...

    def infill(self, audio: Audio, text: str, seed: int) -> Span:
        """All of `audio`, which says `text`, through the codec, a span of it spoken again."""
        ...

    def resample(self, audio: Audio, text: str, seed: int) -> Span:
        """All of `audio`, every code drawn again."""
        ...

    def go_on(self, audio: Audio, seconds: float, seed: int) -> Piece:
        """All of `audio` through the codec, and `seconds` of what may follow."""
        ...


OpenGenerator = Callable[[str], Generator]
"""Name or folder -> generator. For a process pool it must be picklable."""


@dataclass(frozen=True)
class Ready:
    """A recipe's entry whose generator is there. name: by which it is opened."""

    entry: GeneratorEntry
    name: str
    card: Card
    trained_on: frozenset[str]

    @property
    def system(self) -> str:
        """The label of its fakes."""
        return f"{self.card.name}/{self.entry.mode}"

    @property
    def weights(self) -> str:
        """Their sha256."""
        return str(self.card.files["safetensors"]["sha256"])


@dataclass(frozen=True)
class Take:
    """One fake to make of `clip`, in the voice of `prompt`, which is the clip itself where it is revised."""

    clip: Clip
    prompt: Clip
    generator: str
    system: str
    mode: Mode
    weights: str
    consent: str
    seed: int

    @property
    def key(self) -> str:
        """Names the result."""
        return f"{self.clip.key}|{self.clip.text}|{self.prompt.key}|{self.system}|{self.weights}|{self.seed}"


@dataclass(frozen=True)
class Taken:
    """A take that worked, and its file."""

    take: Take
    file: Made


def ready(entries: Sequence[GeneratorEntry], folder: Path, open_generator: OpenGenerator) -> list[Ready]:
    """The entries with their generators, looked for in `folder`, then among the installed.

    Raises, before any work, RecipeError for a generator that is not known or a mode that it does not have,
    WeightsError for an untrained one, MissingPart without torch.
    """
    found = []
    for entry in entries:
        name = str(folder / entry.name) if (folder / entry.name).is_dir() else entry.name
        try:
            card = registry.find(name)
        except UsageError as error:
            raise RecipeError(f"fakes.generators: {error}") from error
        if entry.mode not in modes_of(card):
            has = ", ".join(modes_of(card))
            raise RecipeError(f"fakes.generators: {entry.name!r} has no mode {entry.mode!r}; it has: {has}.")
        _opened(open_generator, name)
        found.append(Ready(entry, name, card, registry.trained_on(card)))
    return found


def plan_takes(
    clips: Sequence[Clip], generators: Sequence[Ready], voices: Voices, seed: int, on_error: OnError = warn
) -> tuple[list[Take], Counter[str]]:
    """What to make of the clips, and how many of them were left out for which reason.

    Of the English clips with a text each generator takes its share, chosen by the seed and their content. A prompt
    is another selected clip of the speaker that may be rendered, else the clip itself. `on_error` hears of voices
    without a consent. Raises DataError when nothing is left for a generator.
    """
    takes: list[Take] = []
    left_out = Counter[str]()
    refused: dict[str, list[str]] = {}
    for one in generators:
        before, least = len(takes), seed_for(seed, one.system)
        told = [clip for clip in clips if _fits(clip, one.entry.mode)]
        allowed: dict[str, str] = {}
        for clip in told:
            try:
                allowed[clip.path] = voices.allowed(clip, one.trained_on)
            except UsageError as error:
                refused.setdefault(clip.path, []).append(str(error))
        if len(told) < len(clips):
            left_out[f"{one.system}: no English text"] += len(clips) - len(told)
        for clip in told:
            if _rank(least, clip.key) >= one.entry.share:
                continue
            prompts = _prompts(clip, told, allowed, least) if one.entry.mode == "speak" else [clip]
            prompts = [prompt for prompt in prompts if prompt.path in allowed]
            if not prompts:
                left_out[f"{one.system}: no consent for the voice"] += 1
                continue
            for number in range(one.entry.per_clip):
                prompt = prompts[number % len(prompts)]
                own = seed_for(seed, f"{clip.key}|{one.system}|{number}")
                allowed_by = allowed[prompt.path]
                takes.append(Take(clip, prompt, one.name, one.system, one.entry.mode, one.weights, allowed_by, own))
        if len(takes) == before:
            reasons = "; ".join(key for key in left_out if key.startswith(one.system)) or "its share is too small"
            raise DataError(f"There is no clip that {one.system!r} can be asked for ({reasons}).")
    if refused:
        first, sentences = next(iter(refused.items()))
        more = f" It is one of {len(refused)} such clips." if len(refused) > 1 else ""
        on_error(Path(first), f"{sentences[0]}{more}")
    return takes, left_out


def _fits(clip: Clip, mode: Mode) -> bool:
    """Whether it is English and, where words are needed, has a text."""
    return primary(clip.language) == "en" and (mode == "continue" or any(map(str.isalnum, clip.text)))


def _rank(seed: int, key: str) -> float:
    """0 to 1, from the seed and the content alone."""
    digest = hashlib.sha256(os.fsencode(f"{seed}|{key}")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _prompts(clip: Clip, clips: Sequence[Clip], allowed: Mapping[str, str], seed: int) -> list[Clip]:
    """Other clips of the speaker, in an order of their own for each clip, or else the clip itself."""
    others = [
        other
        for other in clips
        if other.speaker == clip.speaker
        and other.path != clip.path
        and other.seconds >= LEAST_SECONDS
        and other.path in allowed
    ]
    return sorted(others, key=lambda other: _rank(seed, f"{clip.key}|{other.key}")) or [clip]


def generate(
    takes: Sequence[Take],
    out_dir: Path,
    open_generator: OpenGenerator,
    *,
    equalise: bool = False,
    on_error: OnError = warn,
    engine: Engine = "local",
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[list[Taken], Counter[str]]:
    """Make the takes; those that worked, in their order, and how many of each system failed.

    Read texts come as they were spoken, for `paired.cut_pairs`; what was revised is whole: 16 kHz mono of the length,
    level and band of its source. `on_error(path of the clip, reason)` hears of each failure. Raises DataError when
    all of a system fail.
    """
    # One generator after the other, so that few are held open at once.
    order = sorted(range(len(takes)), key=lambda i: takes[i].generator)
    keyed = [(f"{takes[i].key}|{equalise and takes[i].mode != 'speak'}", takes[i]) for i in order]
    make = partial(_make, open_generator, equalise)
    files = render(keyed, make, out_dir, stage="generate", engine=engine, workers=workers, progress=progress)
    made = dict(zip(order, files, strict=True))
    failed, done = Counter[str](), []
    for number, take in enumerate(takes):
        if "why" in made[number].facts:
            failed[f"{take.system}: failed"] += 1
            on_error(Path(take.clip.path), f"{take.system} failed: {made[number].facts['why']}")
        else:
            done.append(Taken(take, made[number]))
    if silent := sorted({take.system for take in takes} - {one.take.system for one in done}):
        first = next(made[number].facts["why"] for number, take in enumerate(takes) if take.system == silent[0])
        raise DataError(f"{silent[0]!r} failed on all of the clips; on the first: {first}")
    return done, failed


def readings(done: Sequence[Taken]) -> list[Reading]:
    """Of the takes that read a text."""
    return [Reading(one.take.clip, one.file, _row(one.take)) for one in done if one.take.mode == "speak"]


def revisions(done: Sequence[Taken]) -> list[Taken]:
    """The other takes: the clip itself, revised."""
    return [one for one in done if one.take.mode != "speak"]


def revised_rows(done: Sequence[Taken], twins: Mapping[str, str], out_dir: Path) -> list[Clip]:
    """Rows of revised clips; twins: the file of the bona fide twin for the path of each clip."""
    return [
        replace(
            _row(one.take),
            path=str(out_dir / one.file.path),
            seconds=one.file.seconds,
            rate=one.file.rate,
            sha256=one.file.sha256,
            source=twins[one.take.clip.path],
            spans=tuple((float(start), float(end)) for start, end in one.file.facts["spans"]),
        )
        for one in done
    ]


def _row(take: Take) -> Clip:
    return replace(
        take.clip,
        label="spoof",
        system=take.system,
        checkpoint=take.weights[:16],
        method=take.mode,
        source_format="",
        seed=take.seed,
        neural_codec=True,
        prompt=digest_of(take.prompt.path),
        consent=take.consent,
    )


@lru_cache(maxsize=2)
def _opened(open_generator: OpenGenerator, name: str) -> Generator:
    return open_generator(name)


def _make(open_generator: OpenGenerator, equalise: bool, take: Take) -> Audio | Told:
    generator = _opened(open_generator, take.generator)
    try:
        if take.mode == "speak":
            return _spoken(generator, take)
        return _revised(generator, take, equalise)
    except (MissingPart, WeightsError):
        raise
    except EarwitnessError as error:
        # One text must not end the work on thousands.
        return Told(NOTHING, {"why": str(error)})


def _spoken(generator: Generator, take: Take) -> Audio | Told:
    said = at_peak(generator.speak(take.clip.text, load(take.prompt.path), take.seed))
    genuine = resample(load(take.clip.path).mono(), RATE).samples[0]
    seconds, usual = (_speech(samples) for samples in (said.samples[0], genuine))
    if seconds < _LEAST_SHARE * usual:
        return Told(NOTHING, {"why": f"it took {seconds:.1f} s for what takes {usual:.1f} s."})
    return said


def _speech(samples: NDArray[np.float32]) -> float:
    start, stop = speech_bounds(samples, RATE)
    return (stop - start) / RATE


def _revised(generator: Generator, take: Take, equalise: bool) -> Told:
    source = resample(load(take.clip.path).mono(), RATE)
    heard = source.samples[0]
    if take.mode == "continue":
        made, first, last = _continued(generator, heard, take.seed)
    else:
        revise = generator.infill if take.mode == "infill" else generator.resample
        piece = revise(source, take.clip.text, take.seed)
        made, first, last = piece.audio.samples[0], round(piece.start * RATE), round(piece.end * RATE)
    if made.shape != heard.shape or not np.isfinite(made).all():
        raise DataError("it returned another length, or samples that are not numbers.")
    if equalise:
        made = match_spectrum(made, heard, RATE)
    made = low_pass(made, RATE, bandwidth(heard, RATE))
    if (first, last) == (0, heard.size):
        return Told(finish(made[None], source.samples), {"spans": []})
    return Told(_filled(heard, made, first, last), {"spans": [[first / RATE, last / RATE]]})


def _continued(generator: Generator, heard: NDArray[np.float32], seed: int) -> tuple[NDArray[np.float32], int, int]:
    """As long as `heard`, and the samples between which it is the model's: up to the end of the speech."""
    start, stop = speech_bounds(heard, RATE)
    border = start + min(_CONTINUED, (stop - start) // 2)
    if border < LEAST_SECONDS * RATE:
        raise DataError(f"{(stop - start) / RATE:.1f} s of speech are too little to continue a part of them.")
    piece = generator.go_on(Audio(heard[None, :border], RATE), (stop - border + _SLACK) / RATE, seed)
    return exactly(piece.audio.samples, heard.size)[0], round(piece.start * RATE), stop


def _filled(heard: NDArray[np.float32], made: NDArray[np.float32], first: int, last: int) -> Audio:
    """`made` in the span of `heard`; the rest exactly as in the twin that `finish` makes of `heard`."""
    twin = finish(heard[None], heard[None]).samples[0]
    middle = np.float32(np.mean(heard, dtype=np.float64))
    gain = float(np.abs(twin).max(initial=0.0)) / max(float(np.abs(heard - middle).max(initial=0.0)), 1e-9)
    fitting = (made - middle) * np.float32(gain)
    over = float(np.abs(fitting[first:last]).max(initial=0.0)) / 0.99
    return Audio(joined(twin, fitting / np.float32(max(1.0, over)), first, last)[None], RATE)


def licences(generators: Sequence[Ready]) -> dict[str, str]:
    """Of the weights behind each system."""
    return {one.system: one.card.licence for one in generators}
