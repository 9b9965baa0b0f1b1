"""Fakes by our generators: a clip's text spoken anew, a part of it, all its codes drawn again, its start continued.

What a span detector learns from is `infill` and `continue`. Outside the span their samples are those of the bona
fide twin, bit for bit, so that the span alone tells the two apart; were the rest a codec copy, all of it would be
synthetic by the rule that codec copies are fakes, and the span no truth. The piece is at the twin's level and within
its band, and fades in and out inside the span. A continuation ends where the twin's speech does; the silence after it
is real.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..codecs.generate.joining import joined
from ..codecs.generate.prompt import LEAST_SECONDS
from ..core.audio import Audio, exactly, load, resample
from ..core.errors import DataError, EarwitnessError, MissingPart, WeightsError
from .fakes import RATE, finish
from .generators import Generator, OpenGenerator, opened
from .manifest import Clip
from .match import bandwidth, low_pass, match_spectrum, speech_bounds
from .paired import Reading
from .readers import OnError, warn
from .render import Engine, Made, Progress, Told, render
from .spoken import NOTHING, at_peak
from .takes import Take
from .voices import digest_of

# A reading in less of the genuine one's time has lost words, and would cut its twin short.
_LEAST_SHARE = 0.5
# Samples of speech that are continued, where there are as many again; and what a border may move by.
_CONTINUED, _SLACK = 3 * RATE, RATE // 10


@dataclass(frozen=True)
class Taken:
    """A take that worked, and its file."""

    take: Take
    file: Made


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


def _make(open_generator: OpenGenerator, equalise: bool, take: Take) -> Audio | Told:
    generator = opened(open_generator, take.generator)
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
