"""How many fakes of a built dataset the detectors call synthetic, by generator and mode, and their EERs.

    python benchmarks/generated_detection.py --manifest BUILT/manifest.jsonl [--detector NAME|PATH ...]
        [--split dev ...] [--chains] [--workers 1] [--json FILE]
    python benchmarks/generated_detection.py --manifest BUILT/manifest.jsonl --without matcha --training FILE

PATH is a card, an ONNX graph or the folder of a training; with a card beside it that names the graph the decisions
are those of its thresholds, without one only its EER means something. The first form prints, for each detector, the
shares of decisions on the genuine clips and on the fakes of each system, the EER of each system against the genuine
twins of its own clips, and the share of fakes that score above their twins; 95 % intervals resample whole speakers. A
clip without a score counts as 0, neither way. Only clean clips count, unless --chains. The second form writes the
manifest on which a detector is trained that never heard a generator: earwitness train DETECTOR --data FILE --out DIR.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import candidate
import numpy as np
from earwitness.core import intervals, metrics
from earwitness.core.errors import DataError
from earwitness.datasets import manifest
from earwitness.datasets.manifest import Clip
from earwitness.detect import registry
from earwitness.detect.options import Options
from earwitness.detect.scan import scan_many
from earwitness.detect.verdict import Failure
from scan import markdown, percent

DECISIONS = ("synthetic", "inconclusive", "genuine")


@dataclass(frozen=True)
class Heard:
    """What one detector says of one clip; twin: its position in the list, its own for a genuine one."""

    system: str
    speaker: str
    twin: int
    decision: str
    score: float


def heard_by(detector: str, clips: Sequence[Clip], workers: int) -> list[Heard]:
    """Every clip by one detector."""
    place = {clip.path: number for number, clip in enumerate(clips)}
    rows = []
    found = scan_many([clip.path for clip in clips], Options(detector=detector), workers=workers)
    for clip, verdict in zip(clips, found, strict=True):
        if isinstance(verdict, Failure):
            raise SystemExit(f"{verdict.path}: {verdict.error}")
        score = 0.0 if verdict.score is None else verdict.score
        rows.append(Heard(clip.system, clip.cluster, place[clip.source or clip.path], verdict.decision, score))
    return rows


def row(name: str, every: Sequence[Heard], own: Sequence[Heard]) -> list[str]:
    """Decisions on `own` clips; for fakes their EER against their twins, and how often they score above them."""
    count = Counter(one.decision for one in own)
    cells = [name or "genuine", str(len(own)), *(percent(count[decision] / len(own)) for decision in DECISIONS)]
    if not name:
        return [*cells, "-", "-"]
    twins = [every[number] for number in sorted({one.twin for one in own})]
    both = [*own, *twins]
    scores, labels = np.array([one.score for one in both]), np.array([bool(one.system) for one in both])
    above = np.array([float(one.score > every[one.twin].score) for one in own])
    return [
        *cells,
        interval([one.speaker for one in both], metrics.eer, scores, labels),
        interval([one.speaker for one in own], lambda values: float(values.mean()), above),
    ]


def interval(clusters: Sequence[str], function: object, *columns: np.ndarray) -> str:  # type: ignore[type-arg]
    """Value and 95 % interval in per cent."""
    assert callable(function)
    try:
        found = intervals.bootstrap(function, clusters, *columns, n=500)
    except DataError:
        return f"{percent(function(*columns))} [too few speakers]"
    return f"{percent(found.value)} [{percent(found.low)}, {percent(found.high)}]"


def chosen_clips(clips: Sequence[Clip], splits: Sequence[str], chains: bool) -> list[Clip]:
    """Fakes whose twins are there, and the twins that have fakes."""
    kept = [clip for clip in clips if (not splits or clip.split in splits) and (chains or not clip.chain)]
    if chains:
        # A copy through a chain names the clean twin as its source, as does its own twin.
        twin = {(clip.source, clip.chain, clip.seed): clip.path for clip in kept if clip.chain and not clip.system}
        kept = [
            replace(clip, source=twin.get((clip.source, clip.chain, clip.seed), "") if clip.system else "")
            if clip.chain
            else clip
            for clip in kept
        ]
    genuine = {clip.path for clip in kept if not clip.system}
    fakes = [clip for clip in kept if clip.system and clip.source in genuine]
    twinned = {clip.source for clip in fakes}
    return [*(clip for clip in kept if clip.path in twinned), *fakes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--detector", action="append", default=[], metavar="NAME|PATH", help=candidate.HELP)
    parser.add_argument("--split", action="append", default=[], choices=manifest.SPLITS)
    parser.add_argument("--chains", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--without", metavar="GENERATOR", help="leave out its fakes, in every mode")
    parser.add_argument("--training", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    clips = manifest.read(chosen.manifest)
    if chosen.without is not None or chosen.training is not None:
        if chosen.without is None or chosen.training is None:
            parser.error("--without and --training go together")
        kept = [clip for clip in clips if clip.system.split("/")[0] != chosen.without]
        manifest.write(chosen.training, kept)
        print(f"{len(kept)} of {len(clips)} clips")
        return
    clips = chosen_clips(clips, chosen.split, chosen.chains)
    if not clips:
        raise SystemExit("The manifest has no fakes with twins in these splits.")
    lines = []
    for detector in chosen.detector or [registry.DEFAULT]:
        heard = heard_by(candidate.detector(detector), clips, chosen.workers)
        groups: dict[str, list[Heard]] = defaultdict(list)
        for one in heard:
            groups[one.system].append(one)
        table = [row(system, heard, own) for system, own in sorted(groups.items())]
        head = ["%", "clips", *DECISIONS, "EER", "above its twin"]
        print(f"{detector}\n\n{markdown(head, table)}", flush=True)
        lines += [json.dumps({"detector": detector, **asdict(one)}) for one in heard]
    if chosen.json is not None:
        chosen.json.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
