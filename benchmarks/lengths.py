"""Verdicts on genuine recordings of 10 seconds, 1, 10 and 60 minutes: does length alone turn them to "synthetic"?

    python benchmarks/lengths.py --shared SHARED [--detector NAME|CARD] [--split test] [--part 1.0] [--json FILE]

A recording is clips of one corpus (of one speaker as far as his clips reach), drawn in turn and joined without gaps,
each round at another level (-6 to +6 dB), as programmes and meetings are. The split holds about a quarter of an hour,
so that in 60 minutes everything comes several times: those windows say nothing new about false alarms, only whether
the verdict drifts. Beside the verdict stand what two other rules would have said: the plain sum of the windows'
scores, which takes each for news, and the highest window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import candidate
import numpy as np
import options
from clips import SpeechClip, speech_clips
from earwitness.core import audio, intervals, run
from earwitness.core.sound import Samples
from earwitness.detect import registry
from earwitness.detect.scan import scan
from scan import markdown, percent

RATE = 16_000
# Seconds, and how many recordings of them.
LENGTHS = {"10 s": (10.0, 48), "1 min": (60.0, 24), "10 min": (600.0, 5), "60 min": (3600.0, 2)}


@dataclass(frozen=True)
class Recording:
    """What to join: clips in order with a level each, until there are enough seconds."""

    length: str
    seconds: float
    cluster: str
    paths: tuple[Path, ...]
    seed: int
    detector: str


@dataclass(frozen=True)
class Heard:
    """The verdict on a recording, and what the sum of its windows and the highest of them are (nats)."""

    length: str
    cluster: str
    decision: str
    score: float | None
    windows: int
    total: float
    highest: float


def recordings(
    clips: Sequence[SpeechClip], length: str, detector: str, seed: int = 0, part: float = 1.0
) -> list[Recording]:
    """Of one speaker where his clips reach, else of one corpus, else of all; corpora in turn."""
    seconds, count = LENGTHS[length][0], max(1, round(part * LENGTHS[length][1]))
    rng = np.random.default_rng([seed, count])
    found: list[Recording] = []
    if seconds >= 3600:
        groups = [("all corpora", list(clips))]
    else:
        key = "speaker" if seconds <= 60 else "corpus"
        by_name: dict[str, list[SpeechClip]] = defaultdict(list)
        for clip in clips:
            by_name[getattr(clip, key)].append(clip)
            if key == "speaker":
                by_name[f"corpus {clip.corpus}"].append(clip)
        long = {name: sum(audio.probe(c.path).seconds or 0 for c in own) for name, own in by_name.items()}
        enough = [name for name, all_of_it in long.items() if all_of_it >= min(seconds, 120)]
        groups = [(name, by_name[name]) for name in rng.permutation(enough).tolist()]
    for place in range(count):
        name, own = groups[place % len(groups)]
        order = [own[i].path for _ in range(200) for i in rng.permutation(len(own))]
        found.append(Recording(length, seconds, name, tuple(order), seed + place, detector))
    return found


def joined(recording: Recording) -> Samples:
    rng = np.random.default_rng(recording.seed)
    parts: list[Samples] = []
    missing = round(recording.seconds * RATE)
    kept: dict[Path, Samples] = {}
    for path in recording.paths:
        if path not in kept:
            kept[path] = audio.load(path, rate=RATE).mono().samples[0]
        parts.append(kept[path][:missing] * np.float32(10 ** (rng.uniform(-6, 6) / 20)))
        missing -= len(parts[-1])
        if not missing:
            break
    return np.clip(np.concatenate(parts), -1.0, 1.0)


def hear(recording: Recording) -> Heard:
    verdict = scan(joined(recording), RATE, detector=recording.detector)
    scores = [span.score for span in verdict.spans] or [0.0]
    return Heard(
        recording.length,
        recording.cluster,
        verdict.decision,
        verdict.score,
        len(verdict.spans),
        float(np.sum(scores)),
        max(scores),
    )


def row(length: str, rows: Sequence[Heard], high: float) -> list[str]:
    synthetic = [heard.decision == "synthetic" for heard in rows]
    found = intervals.clustered_proportion(synthetic, [heard.cluster for heard in rows])
    scores = np.array([heard.score for heard in rows if heard.score is not None])
    return [
        length,
        str(len(rows)),
        f"{percent(found.value)} [{percent(found.low)}, {percent(found.high)}]",
        *(percent(sum(heard.decision == name for heard in rows) / len(rows)) for name in ("inconclusive", "genuine")),
        f"{scores.mean():+.2f}",
        f"{scores.std():.2f}",
        f"{scores.max():+.2f}",
        percent(sum(heard.total >= high for heard in rows) / len(rows)),
        percent(sum(heard.highest >= high for heard in rows) / len(rows)),
    ]


def main() -> None:
    parser = options.parser("Verdicts on long genuine recordings.")
    parser.add_argument("--lengths", nargs="*", default=list(LENGTHS), choices=list(LENGTHS))
    parser.add_argument("--part", type=float, default=1.0, help="so many of the recordings of each length")
    chosen = parser.parse_args()
    detector = candidate.detector(chosen.detector)
    clips = speech_clips(chosen.shared, chosen.split)
    high = registry.open(detector).calibration.high
    engine: run.Engine = "pool" if chosen.workers > 1 else "local"
    rows: list[list[str]] = []
    everything: list[Heard] = []
    for length in chosen.lengths:
        plan = recordings(clips, length, detector, chosen.seed, chosen.part)
        found = list(run.map(hear, plan, engine=engine, workers=chosen.workers))
        rows.append(row(length, found, high))
        everything += found
    head = ["length", "recordings", "called synthetic %", "inconclusive %", "genuine %", "mean score", "deviation"]
    print(markdown([*head, "highest", "synthetic by the sum %", "by the highest window %"], rows))
    options.keep(everything, chosen.json)


if __name__ == "__main__":
    main()
