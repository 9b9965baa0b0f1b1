"""Which seconds are synthetic: the span expert and a sliding clip detector, on splices that nobody learned from.

    python spans.py --shared SHARED --fakes FAKES/manifest.jsonl [--detector NAME] [--weights NAME] [--limit N]

FAKES holds test speakers and copies of them by the zoo (`datasets.fakes`); two of its systems were kept out of the
training of the span expert. `report` pages bring codecs and vocoders of others. Each host is spliced once with a copy
(one span, or two in three of ten), a third of them are left as they are afterwards and the others go through chains;
every host is also heard whole, and spliced with genuine speech, where every span that is found is a false one.

The clip detector hears windows of 1 s each 0.5 s; a segment gets the mean of the windows over it. Its threshold is
the one with the best F1 here, which flatters it; the span expert's is the shipped one.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from earwitness.core import metrics
from earwitness.core.sound import Samples
from earwitness.datasets import manifest
from earwitness.datasets.augment import RecordedBeds
from earwitness.datasets.readers import read_folder
from earwitness.datasets.splices import RATE, Host, Splice, after, draw
from earwitness.detect import registry, spans
from earwitness.detect.registry import OnnxDetector
from earwitness.detect.spans import Localiser
from scan import markdown, percent
from span_expert import SYSTEMS, Waves, page_groups, zoo_groups

STEPS = (0.02, 0.1)
WINDOW, HOP = 1.0, 0.5


@dataclass(frozen=True, eq=False)
class Trial:
    """A splice, and from where the copy is: seen or unseen systems of the zoo, or pages."""

    made: Splice
    source: str

    @property
    def seconds(self) -> float:
        return len(self.made.samples) / RATE


@dataclass(frozen=True, eq=False)
class Heard:
    """Scores of 20 ms (frames,), and the spans that were told."""

    scores: np.ndarray
    found: Sequence[tuple[float, float]]


def trials(waves: Waves, kind: str, source: str, beds: RecordedBeds, seed: int) -> list[Trial]:
    """One splice of each host, of a kind of `splices.KINDS`; hosts without copies have none that are synthetic."""
    made = []
    for index, (path, copies, others) in enumerate(waves.hosts):
        if kind == "synthetic" and not copies:
            continue
        rng = np.random.default_rng([seed, index])
        host = Host(waves.load(path), [waves.load(copy) for copy in copies], [waves.load(other) for other in others])
        made.append(Trial(after(draw(host, rng, {kind: 1.0}), rng, beds), source))
    return made


def by_expert(expert: Localiser, samples: Samples) -> Heard:
    """As a scan hears it."""
    frames = expert.hear(samples)
    found = expert.spans([frames])
    return Heard(expert.chain.llr(frames.logits, frames.spoken), [(span.start, span.end) for span in found])


def by_windows(detector: OnnxDetector, samples: Samples) -> np.ndarray:
    """Scores of 20 ms by windows that slide: the mean of the windows over each."""
    frames = round(len(samples) / RATE / STEPS[0])
    size, hop = round(WINDOW * RATE), round(HOP * RATE)
    total, count = np.zeros(frames), np.zeros(frames)
    for start in range(0, max(1, len(samples) - size + 1), hop):
        window = samples[start : start + size]
        place = slice(round(start / RATE / STEPS[0]), round((start + len(window)) / RATE / STEPS[0]))
        total[place] += detector.measure(window).raw
        count[place] += 1
    count_known = np.maximum(count, 1)
    last = int(np.flatnonzero(count)[-1])
    total[last + 1 :], count_known[last + 1 :] = total[last], count_known[last]
    return np.asarray(total / count_known)


def runs(scores: np.ndarray, threshold: float) -> list[tuple[float, float]]:
    """Spans of the frames above a threshold."""
    above = np.concatenate([[False], scores > threshold, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1]) * STEPS[0]
    return [(float(a), float(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def range_eer(trials_: Sequence[Trial], scores: Sequence[np.ndarray], step: float) -> float:
    """Over all trials; segments longer than a frame have the mean of its frames."""
    each = round(step / STEPS[0])
    columns: list[list[np.ndarray]] = [[], [], []]
    for trial, own in zip(trials_, scores, strict=True):
        synthetic = metrics.overlap(trial.made.synthetic, trial.seconds, step)
        whole = metrics.overlap([(0.0, trial.seconds)], trial.seconds, step)
        filled = np.pad(own, (0, max(0, each * len(whole) - len(own))), mode="edge")[: each * len(whole)]
        columns[0].append(filled.reshape(len(whole), each).mean(axis=1))
        columns[1].append(synthetic)
        columns[2].append(whole - synthetic)
    return metrics.range_eer(*(np.concatenate(column) for column in columns))


def rows_of(
    name: str, trials_: Sequence[Trial], scores: Sequence[np.ndarray], found: Sequence[Sequence[tuple[float, float]]]
) -> list[str]:
    """Segment F1, precision and recall at both steps, range EER at both steps."""
    true, seconds = [trial.made.synthetic for trial in trials_], [trial.seconds for trial in trials_]
    cells = [name, str(len(trials_))]
    for step in STEPS:
        told = metrics.segment_scores(found, true, seconds, step)
        cells += [percent(told.f1), percent(told.precision), percent(told.recall)]
        cells.append(percent(range_eer(trials_, scores, step)))
    hit = [
        any(a < end and b > start for a, b in own)
        for own, trial in zip(found, trials_, strict=True)
        for start, end in trial.made.synthetic
    ]
    return [*cells, percent(float(np.mean(hit)))]


def main() -> None:
    parser = argparse.ArgumentParser(description="Spans on held-out splices.")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--fakes", type=Path, required=True)
    parser.add_argument("--detector", default=registry.DEFAULT)
    parser.add_argument("--weights", default=spans.NAME)
    parser.add_argument("--split", default="test", help="of FAKES; pages are `report` with test, else `tune`")
    parser.add_argument("--limit", type=int, default=10**6, help="hosts of each source")
    args = parser.parse_args()
    expert, detector = spans.open(args.weights), registry.open(args.detector)
    rows = manifest.read(args.fakes)
    beds = RecordedBeds([clip for clip in read_folder(args.shared / "audio") if clip.split == args.split])
    known = {row.system for row in rows if row.system}
    pages = page_groups(args.shared / "demos", "report" if args.split == "test" else "tune")
    sources = {
        "zoo, systems of the training": zoo_groups(rows, args.split, [s for s in SYSTEMS if s in known]),
        "zoo, other systems": zoo_groups(rows, args.split, sorted(known - set(SYSTEMS))),
        "demo pages": pages,
    }
    listed: list[Trial] = []
    genuine: list[Trial] = []
    for number, (name, groups) in enumerate(sources.items()):
        waves = Waves([group for group in groups if group.copies][: args.limit])
        listed += trials(waves, "synthetic", name, beds, number)
    everyone = Waves(zoo_groups(rows, args.split, [])[: args.limit])
    for number, kind in enumerate(("whole", "genuine", "coded")):
        genuine += trials(everyone, kind, kind, beds, 10 + number)

    heard = [by_expert(expert, trial.made.samples) for trial in listed]
    slid = [by_windows(detector, trial.made.samples) for trial in listed]
    true, seconds = [trial.made.synthetic for trial in listed], [trial.seconds for trial in listed]
    levels = np.quantile(np.concatenate(slid), np.linspace(0.3, 0.99, 40))
    best = max(levels, key=lambda at: metrics.segment_scores([runs(s, at) for s in slid], true, seconds, STEPS[0]).f1)
    table = []
    for name in ("all", *sources):
        own = [i for i, trial in enumerate(listed) if name in ("all", trial.source)]
        if own:
            some = [listed[i] for i in own]
            told = [heard[i] for i in own]
            table.append(rows_of(f"span expert, {name}", some, [h.scores for h in told], [h.found for h in told]))
            windows = [slid[i] for i in own]
            table.append(rows_of(f"{args.detector} slid, {name}", some, windows, [runs(s, best) for s in windows]))
    everything = [[(0.0, trial.seconds)] for trial in listed]
    table.append(rows_of("all called synthetic", listed, [np.arange(len(s)) * 1e-9 for s in slid], everything))
    head = ["who, on what", "splices"]
    for step in STEPS:
        head += [f"{1000 * step:g} ms: F1 %", "precision %", "recall %", "range EER %"]
    print(markdown([*head, "spans touched %"], table))

    false: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for trial in genuine:
        found = by_expert(expert, trial.made.samples).found
        for name in ("all", trial.source):
            own_false = false[name]
            own_false[0] += trial.seconds / 3600
            own_false[1] += len(found)
            own_false[2] += bool(found)
    cells = [
        [name, f"{hours:.2f}", f"{number:.0f}", f"{number / hours:.1f}", f"{files:.0f}"]
        for name, (hours, number, files) in sorted(false.items())
    ]
    print(markdown(["genuine speech", "hours", "false spans", "an hour", "files with one"], cells))


if __name__ == "__main__":
    main()
