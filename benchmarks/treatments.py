"""What happens to recordings on their way to a detector, by name, and how it decides on real and fake clips after it.

A treatment is an attack string of `earwitness watermark attack --list` ("mp3:32", "denoise,aac:64"), "music@DB", a
recorded piece of music under the speech, "" for a clip left alone, or a function.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import zip_longest
from pathlib import Path

import numpy as np
from clips import DemoClip, SpeechClip
from earwitness.codecs import zoo
from earwitness.codecs.protocol import Resynthesiser
from earwitness.core import audio, intervals, weights
from earwitness.core.audio import Audio
from earwitness.core.run import map as run_map
from earwitness.core.run import seed_for
from earwitness.datasets.augment import Chain, RecordedBeds
from earwitness.datasets.readers import read_folder
from earwitness.detect.scan import scan
from earwitness.watermark.attacks import attack
from scan import percent

RATE = 16_000
Treatment = str | Callable[[Audio], Audio]


@dataclass(frozen=True)
class Source:
    """A clip to be heard. cluster: speaker or page. group, language: for tables by them. synthetic: as it is heard,
    which is after `system` of the zoo has re-synthesised it at `kbps`; "" takes the file as it is."""

    path: Path
    cluster: str
    group: str
    synthetic: bool
    language: str = ""
    system: str = ""
    kbps: float | None = None


@dataclass(frozen=True)
class Answer:
    """What a detector said of a source after a treatment; score None where it gave none."""

    treatment: str
    cluster: str
    group: str
    language: str
    synthetic: bool
    system: str
    decision: str
    score: float | None


def speakers_in_turn(clips: Sequence[SpeechClip], count: int, seed: int = 0) -> list[SpeechClip]:
    """At most `count` clips, a second one of a speaker only after one of each."""
    seen: dict[str, int] = defaultdict(int)
    ranked: list[tuple[int, int, SpeechClip]] = []
    for place in np.random.default_rng(seed).permutation(len(clips)).tolist():
        speaker = clips[place].speaker
        ranked.append((seen[speaker], len(ranked), clips[place]))
        seen[speaker] += 1
    return [clip for _, _, clip in sorted(ranked, key=lambda entry: entry[:2])[:count]]


def genuine(clips: Sequence[SpeechClip]) -> list[Source]:
    """Recordings as they are."""
    return [Source(clip.path, clip.speaker, clip.corpus, False, clip.language) for clip in clips]


def fakes(clips: Sequence[SpeechClip], seed: int = 0) -> list[Source]:
    """Each clip re-synthesised by one neural codec or vocoder of the zoo, all of them in turn, at a drawn bitrate."""
    systems = [card.name for kind in ("codec", "vocoder") for card in weights.cards(kind).values()]
    rng = np.random.default_rng(seed)
    found = []
    for place, source in enumerate(genuine(clips)):
        system = systems[place % len(systems)]
        kbps = zoo.open(system).kbps
        found.append(
            replace(
                source, synthetic=True, group=system, system=system, kbps=float(rng.choice(kbps)) if kbps else None
            )
        )
    return found


def demos(clips: Sequence[DemoClip]) -> list[Source]:
    """Clips of demo pages, by kind of system; `traditional` codecs count as genuine."""
    return [Source(clip.path, clip.page, clip.kind, clip.synthetic) for clip in clips]


def hear(
    sources: Sequence[Source],
    treatments: Mapping[str, Treatment],
    detector: str,
    *,
    seconds: float = 7.0,
    music: Path | None = None,
    workers: int = 1,
    minutes: float = 0.0,
) -> list[Answer]:
    """Answers to the first `seconds` of each source after each treatment, by its title, treatments innermost.

    A fake and the recording that it was made of meet the same chance. music: a data folder, for "music@DB".
    minutes: of wall time after which no further source is heard, 0 for no end; the tables count what was.
    """
    one = partial(_hear, treatments=dict(treatments), detector=detector, seconds=seconds, music=music)
    found = run_map(one, sources, engine="pool" if workers > 1 else "local", workers=workers)
    end = time.monotonic() + 60 * minutes if minutes else math.inf
    heard: list[Answer] = []
    for answers in found:
        heard += answers
        if time.monotonic() > end:
            break
    return heard


def paired(*lists: Sequence[Source]) -> list[Source]:
    """The first of each list, the second of each ... so that a run that ends early has heard all of them alike."""
    return [one for row in zip_longest(*lists) for one in row if one is not None]


def _hear(
    source: Source, treatments: Mapping[str, Treatment], detector: str, seconds: float, music: Path | None
) -> list[Answer]:
    sound = opened(source, seconds)
    answers = []
    for title, treatment in treatments.items():
        changed = treated(treatment, sound, seed_for(0, source.path.name), music)
        verdict = scan(changed, detector=detector)
        answers.append(
            Answer(
                title,
                source.cluster,
                source.group,
                source.language,
                source.synthetic,
                source.system,
                verdict.decision,
                verdict.score,
            )
        )
    return answers


def opened(source: Source, seconds: float) -> Audio:
    """The first `seconds` of a source, mono at 16 kHz."""
    sound = audio.load(source.path, rate=RATE).mono()
    sound = Audio(sound.samples[:, : round(seconds * RATE)], RATE)
    return _resynthesised(source.system, sound, source.kbps) if source.system else sound


def treated(treatment: Treatment, sound: Audio, seed: int, music: Path | None = None) -> Audio:
    """Sound after a treatment. Raises UsageError for an unknown one."""
    if not isinstance(treatment, str):
        return treatment(sound)
    if not treatment:
        return sound
    if treatment.startswith("music@"):
        assert music is not None, "music@ needs a data folder"
        beds = _music(music)
        bed = sorted(beds)[seed % len(beds)]
        return Chain.parse(f"bed(name={bed},snr={treatment.removeprefix('music@')})").apply(sound, seed, beds)
    return attack(treatment, sound, seed, _resynthesised)


def _resynthesised(system: str, sound: Audio, kbps: float | None) -> Audio:
    return _member(system).resynth(sound, kbps)


@lru_cache(maxsize=64)
def _member(system: str) -> Resynthesiser:
    return zoo.open(system)


@lru_cache(maxsize=4)
def _music(folder: Path) -> RecordedBeds:
    return RecordedBeds([clip for clip in read_folder(folder) if clip.kind == "music"])


def share(answers: Sequence[Answer], decision: str) -> str:
    """Per cent of the answers that are `decision`, with a 95 % interval that knows of speakers and pages."""
    hits = [answer.decision == decision for answer in answers]
    found = intervals.clustered_proportion(hits, [answer.cluster for answer in answers])
    return f"{percent(found.value)} [{percent(found.low)}, {percent(found.high)}]"


def by(answers: Sequence[Answer], key: str) -> Iterator[tuple[str, list[Answer]]]:
    """Answers in groups of equal `key` (a member of Answer), in the order of its values."""
    groups: Mapping[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[getattr(answer, key)].append(answer)
    return iter(sorted(groups.items()))
