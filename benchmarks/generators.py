"""How well generators speak held-out sentences, beside real speech and codec copies of it.

    python benchmarks/generators.py --data AUDIO [--model NAME|DIR ...] [--copy CODEC ...] [--continuer NAME|DIR]
        [--recogniser NAME|DIR] [--split dev] [--count 30] [--json FILE]

AUDIO is a folder with a manifest.csv; English clips of its dev and test splits (or of one, --split) that have a text
are used, each with another clip of its speaker as the prompt. Every system says the same texts, one take each, so
nothing is ranked. Columns: choice, how often pocketsphinx picks the right one of ten held-out sentences (chance 0.1);
wer, word error rate with its language model; per, phone error rate of its phone loop, which knows no words and errs
on 47 % of LJ Speech; per2, that of our recogniser, which shares neither weights nor seed with the pocketsphinx that
ranks takes, though it learnt from its alignments; length, seconds against the real clip's; voice, cosine of d-vectors
with the prompt, with the prompts of other speakers beside it; loop, the longest run of phones, as our recogniser
hears them, that says a pattern of one to five of them three times or more; cut, sentences that found no end of their
own, by a model that ends by itself; failed, sentences without sound; rtf, seconds of work for one of speech on one
thread. 95 % intervals resample whole speakers. All recognisers are US English: compare rows, never the numbers alone.

A continuer says no text: it goes on with each prompt for as long as the real clip. Its line has the voice of what
follows, the share of clear speech in it and in real speech (Recogniser.clarity), and its speed: tokens (units and
codes) a second with the cache and without, and rtf, all on one thread.

Voices are rendered in memory only, and those of corpora whose licence allows it (CC-BY).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from earwitness.codecs import listeners, zoo
from earwitness.codecs.generate import registry
from earwitness.codecs.generate.audiolm import AudioLm, predicted
from earwitness.codecs.generate.normalise import PAUSE, sentences
from earwitness.codecs.generate.prompt import LONGEST, levelled, prepared
from earwitness.codecs.generate.recogniser import Recogniser
from earwitness.codecs.generate.sampling import Sampler
from earwitness.codecs.generate.text import SIL, dictionary, estimate, phonemise
from earwitness.core.audio import Audio, load
from earwitness.core.errors import AudioError, EarwitnessError
from earwitness.core.intervals import bootstrap
from earwitness.datasets.manifest import Clip
from earwitness.datasets.readers import read_folder
from numpy.typing import NDArray

RATE, CHOICES = 16_000, 10
# VALL-E must end at this many times the usual length, on a whole frame.
MOST, HOP = 1.6, 320
Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Sentence:
    """A held-out clip: what is said, its sound, and a prompt of the same speaker."""

    speaker: str
    text: str
    words: tuple[str, ...]
    phones: tuple[str, ...]
    wave: Wave
    prompt: Wave


@dataclass(frozen=True)
class Result:
    """One sentence by one system; errors are counts."""

    system: str
    speaker: str
    words: int
    word_errors: int
    phones: int
    phone_errors: int
    phone_errors_2: int
    right: bool
    length: float
    loop: int
    endless: bool
    voice: float | None
    stranger: float | None
    rtf: float


def held_out(folder: Path, count: int, splits: Sequence[str]) -> list[Sentence]:
    """At most `count` sentences, speakers in turn; only words of the dictionary."""
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    for clip in sorted(read_folder(folder), key=lambda clip: clip.path):
        if clip.kind == "speech" and clip.split in splits and clip.language.startswith("en") and clip.text:
            by_speaker[clip.speaker].append(clip)
    found: list[Sentence] = []
    pairs = [
        (clips[turn], clips[(turn + 1) % len(clips)])
        for turn in range(max(map(len, by_speaker.values())))
        for clips in by_speaker.values()
        if len(clips) > 1 and turn < len(clips)
    ]
    for clip, other in pairs[:count]:
        words = tuple(word for sentence in sentences(clip.text) for word in sentence if word != PAUSE)
        phones = tuple(phone for sentence in phonemise(clip.text) for phone in sentence if phone != SIL)
        if any(word not in dictionary() for word in words):
            continue
        try:
            wave, prompt = (prepared(load(one.path)) for one in (clip, other))
        except AudioError:
            continue
        found.append(Sentence(clip.speaker, clip.text, words, phones, wave, prompt))
    return found


def measure(
    system: str, make: Callable[[Sentence], Wave], told: Sequence[Sentence], recogniser: Recogniser
) -> tuple[list[Result], int]:
    """Results of one system, and how many sentences failed."""
    results, failed = [], 0
    for number, sentence in enumerate(told):
        started = time.perf_counter()
        try:
            made = make(sentence)
            wave = levelled(made)
        except EarwitnessError:
            failed += 1
            continue
        spent = time.perf_counter() - started
        draw = np.random.default_rng(number)
        others = [other for other in told if other.words != sentence.words]
        picked = [others[k].words for k in draw.permutation(len(others))[: CHOICES - 1]]
        stranger = next(other for other in others if other.speaker != sentence.speaker)
        heard = recogniser.phones(wave)
        usual = sum(map(estimate, phonemise(sentence.text)))
        results.append(
            Result(
                system,
                sentence.speaker,
                len(sentence.words),
                listeners.edits(list(sentence.words), listeners.words(wave)),
                len(sentence.phones),
                listeners.edits(list(sentence.phones), listeners.phones(wave)),
                listeners.edits(list(sentence.phones), heard),
                listeners.chosen(wave, [sentence.words, *picked]) == 0,
                wave.size / sentence.wave.size,
                longest_loop(heard),
                abs(made.size - MOST * usual * RATE) < HOP,
                listeners.speaker_similarity(sentence.prompt, wave),
                listeners.speaker_similarity(stranger.prompt, wave),
                spent / max(1, wave.size) * RATE,
            )
        )
    return results, failed


def longest_loop(phones: Sequence[str]) -> int:
    """Phones in the longest run that says a pattern of one to five of them at least three times; 0 without one."""
    longest = 0
    for period in range(1, 6):
        run = 0
        for place in range(period, len(phones)):
            run = run + 1 if phones[place] == phones[place - period] else 0
            if run >= 2 * period:
                longest = max(longest, run + period)
    return longest


def row(system: str, results: Sequence[Result], failed: int) -> str:
    """One line of the table."""
    if len({result.speaker for result in results}) < 2:
        return f"{system:16s}  too few sentences came out; failed {failed}"
    speakers = [result.speaker for result in results]

    def ratio(over: Sequence[float], under: Sequence[float]) -> str:
        found = bootstrap(lambda a, b: float(a.sum() / b.sum()), speakers, over, under)
        return f"{found.value:5.2f} [{found.low:4.2f}, {found.high:4.2f}]"

    one = [1.0] * len(results)
    heard = [result for result in results if result.voice is not None and result.stranger is not None]
    voice = (
        "   -    -"
        if not heard
        else (f"{np.mean([r.voice or 0.0 for r in heard]):4.2f} {np.mean([r.stranger or 0.0 for r in heard]):4.2f}")
    )
    cells = (
        ratio([float(result.right) for result in results], one),
        ratio([result.word_errors for result in results], [result.words for result in results]),
        ratio([result.phone_errors for result in results], [result.phones for result in results]),
        ratio([result.phone_errors_2 for result in results], [result.phones for result in results]),
        f"{np.mean([result.length for result in results]):5.2f}",
        voice,
        f"{max(result.loop for result in results):3d}",
        f"{sum(result.endless for result in results):3d}",
        f"{failed:3d}",
        f"{np.mean([result.rtf for result in results]):5.2f}",
    )
    return f"{system:16s}" + "  ".join(cells)


def copier(name: str) -> Callable[[Sentence], Wave]:
    """What a member of the zoo makes of the real clip."""
    codec = zoo.open(name)
    return lambda sentence: codec.resynth(Audio(sentence.wave[None], RATE)).samples[0]


def speaker(name: str) -> Callable[[Sentence], Wave]:
    """What a generator says, in the voice of the prompt."""
    model = registry.open(name)
    return lambda sentence: model.speak(phonemise(sentence.text), sentence.prompt, seed=0).samples[0]


def continued(name: str, told: Sequence[Sentence]) -> str:
    """The line of a generator that goes on with the prompts."""
    continuer = registry.open_continuer(name)
    clarity, real, voice, other, steps = list[float](), list[float](), list[float](), list[float](), 0
    spent = seconds = 0.0
    for sentence in told:
        ticks = list[int]()
        started = time.perf_counter()
        made = continuer.go_on(
            Audio(sentence.prompt[None], RATE),
            min(LONGEST, sentence.wave.size / RATE),
            seed=0,
            tick=lambda done, _, ticks=ticks: ticks.append(done),  # type: ignore[misc]
        )
        spent, steps = spent + time.perf_counter() - started, steps + len(ticks)
        alone = made.alone()
        seconds += alone.seconds
        clarity.append(made.clarity)
        real.append(continuer.recogniser.clarity(sentence.wave))
        stranger = next(one for one in told if one.speaker != sentence.speaker)
        for prompt, found in ((sentence.prompt, voice), (stranger.prompt, other)):
            similarity = listeners.speaker_similarity(prompt, alone.samples[0])
            found += [] if similarity is None else [similarity]
    cached, uncached = rates(continuer.model)
    return (
        f"{Path(name).name}: voice {np.mean(voice):.2f}, other {np.mean(other):.2f}, clarity {np.mean(clarity):.2f}, "
        f"real {np.mean(real):.2f}, tokens/s {steps / spent:.0f} in all, {cached:.0f} of the model, {uncached:.0f} "
        f"without cache, rtf {spent / seconds:.2f}"
    )


@torch.no_grad()
def rates(model: AudioLm) -> tuple[float, float]:
    """Units a second that the model draws with its cache, and without, up to a full window."""
    count, generator = model.config.window - 1, torch.Generator().manual_seed(0)
    model.more_units([0], 8, Sampler(), generator)
    started = time.perf_counter()
    said = model.more_units([0], count, Sampler(), generator)
    cached = time.perf_counter() - started
    started = time.perf_counter()
    for place in range(1, count + 1):
        logits = predicted(model.units, model.semantic, torch.tensor([[0, *said[: place - 1]]]), None)
        Sampler().draw(logits[0, -1, :-1], said[:place], generator)
    return count / cached, count / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--copy", action="append", default=[])
    parser.add_argument("--continuer")
    parser.add_argument("--recogniser", default="phonenet")
    parser.add_argument("--split", choices=("dev", "test"))
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    splits = ("dev", "test") if arguments.split is None else (arguments.split,)
    told, recogniser = held_out(arguments.data, arguments.count, splits), registry.recogniser(arguments.recogniser)
    copies = arguments.copy or ["vocos", "wavtokenizer", "soundstream"]
    systems: dict[str, Callable[[Sentence], Wave]] = {"real": lambda sentence: sentence.wave}
    systems |= {f"copy {name}": copier(name) for name in copies}
    systems |= {Path(name).name: speaker(name) for name in arguments.model}
    print(f"{len(told)} sentences of {len({one.speaker for one in told})} speakers")
    header = ("choice", "wer", "per", "per2", "length", "voice other", "loop", "cut", "failed", "rtf")
    print(f"{'system':16s}" + "  ".join(f"{name:>18s}" if number < 4 else name for number, name in enumerate(header)))
    every: list[Result] = []
    for system, make in systems.items():
        results, failed = measure(system, make, told, recogniser)
        print(row(system, results, failed), flush=True)
        every += results
    if arguments.continuer is not None:
        print(continued(arguments.continuer, told), flush=True)
    if arguments.json is not None:
        arguments.json.write_text("".join(json.dumps(asdict(result)) + "\n" for result in every), encoding="utf-8")


if __name__ == "__main__":
    main()
