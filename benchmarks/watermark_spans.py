"""Which seconds carry the mark, and where its time line breaks: spliced, cut and filled files, plain and coded.

    python benchmarks/watermark_spans.py --data AUDIO [--recordings 24] [--json FILE]

AUDIO is a folder with a manifest.csv (split "test" is used). Cases: 1, 2, 3, 5 s of a marked recording put into an
unmarked one, and unmarked sound in place of as much of a marked one; 0.2, 0.5, 1, 3 s cut out of a marked recording;
0.2, 0.5, 1, 3 s of another recording put in; and marked recordings left alone. Each as it is, after Opus at 16 kbit/s
and after MP3 at 64 kbit/s, full search without a store. Intersection over union of marked seconds; an edit counts as
found when one of the right kind is stated within 0.3 s of its place (its length within 0.3 s as well: "length
right"); every other stated edit is a false one.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from earwitness import watermark
from earwitness.core.audio import Audio
from earwitness.core.intervals import wilson
from earwitness.watermark import Edit, Evidence, attacks
from watermark_lab import RATE, Floats, a_key, heading, mark, mean
from watermark_survival import GOAL_P, Recording, recordings, resyntheses

PIECES = (1.0, 2.0, 3.0, 5.0)
EDITS = (0.2, 0.5, 1.0, 3.0)
CHANNELS = ("gain:1", "opus:16", "mp3:64")
NEAR = 0.3

Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Case:
    """A sound (n,), the seconds of it that are marked, and the edits that were made to a marked time line."""

    name: str
    samples: Floats
    marked: Spans
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Row:
    """One case after one channel. edits: made; found, sized: of those; false: stated beyond those."""

    case: str
    channel: str
    talker: str
    detected: bool
    iou: float
    edits: int
    found: int
    sized: int
    false: int
    seconds: float
    stated: str


def cases(marked: Floats, unmarked: Floats, rng: np.random.Generator) -> Iterator[Case]:
    """All cases of one marked recording (n,) and an unmarked one of another talker (m,); seconds count from 0."""
    total = len(marked) / RATE
    yield Case("unedited", marked, ((0.0, total),), ())
    for seconds in PIECES:
        at, where = _pick(unmarked, seconds, rng), _pick(marked, seconds, rng)
        sound = _replaced(unmarked, at, _cut(marked, where, seconds))
        yield Case(f"{seconds:g} s marked in unmarked", sound, ((at, at + seconds),), ())
        sound = _replaced(marked, where, _cut(unmarked, at, seconds))
        edit = Edit(where, "replace", seconds)
        yield Case(f"{seconds:g} s unmarked in marked", sound, ((0.0, where), (where + seconds, total)), (edit,))
    for seconds in EDITS:
        at = _pick(marked, seconds, rng)
        first, last = round(at * RATE), round((at + seconds) * RATE)
        sound = np.concatenate([marked[:first], marked[last:]])
        yield Case(f"{seconds:g} s cut out", sound, ((0.0, total - seconds),), (Edit(at, "cut", seconds),))
    for seconds in EDITS:
        at = _pick(marked, seconds, rng)
        first, piece = round(at * RATE), _cut(unmarked, _pick(unmarked, seconds, rng), seconds)
        sound = np.concatenate([marked[:first], piece, marked[first:]])
        spans = ((0.0, at), (at + seconds, total + seconds))
        yield Case(f"{seconds:g} s put in", sound, spans, (Edit(at, "insert", seconds),))


def _pick(sound: Floats, seconds: float, rng: np.random.Generator) -> float:
    """A place for so many seconds, 4 s away from the ends where the sound is long enough."""
    spare = max(0.0, len(sound) / RATE - seconds)
    edge = min(4.0, spare / 3)
    return float(np.round(rng.uniform(edge, spare - edge), 2))


def _cut(sound: Floats, at: float, seconds: float) -> Floats:
    return sound[round(at * RATE) : round(at * RATE) + round(seconds * RATE)]


def _replaced(sound: Floats, at: float, piece: Floats) -> Floats:
    out = sound.copy()
    out[round(at * RATE) : round(at * RATE) + len(piece)] = piece
    return out


def iou(found: Spans, truth: Spans, seconds: float) -> float:
    """Of two sets of spans, in steps of 10 ms."""
    grid = np.arange(0.005, seconds, 0.01)
    masks = [
        np.any([(grid >= low) & (grid < high) for low, high in [*spans, (0.0, 0.0)]], axis=0)
        for spans in (found, truth)
    ]
    union = np.count_nonzero(masks[0] | masks[1])
    return np.count_nonzero(masks[0] & masks[1]) / union if union else 1.0


def judge(case: Case, channel: str, talker: str, evidence: Evidence) -> Row:
    seconds = len(case.samples) / RATE
    left = list(evidence.edits)
    found = sized = 0
    for edit in case.edits:
        near = [one for one in left if one.kind == edit.kind and abs(one.at - edit.at) <= NEAR]
        if near:
            left.remove(near[0])
            found += 1
            sized += abs(near[0].seconds - edit.seconds) <= NEAR
    spans = tuple((span.start, span.end) for span in evidence.spans)
    return Row(
        case.name,
        channel,
        talker,
        evidence.p_value <= GOAL_P,
        iou(spans, case.marked, seconds),
        len(case.edits),
        found,
        sized,
        len(left),
        seconds,
        "; ".join(f"{one.kind} {one.seconds:g} s at {one.at:g}" for one in evidence.edits),
    )


def rows(talkers: list[Recording]) -> Iterator[Row]:
    key, resynthesise = a_key(23), resyntheses(None)
    rng = np.random.default_rng(23)
    for index, one in enumerate(talkers):
        marked = mark(one.samples, key, int(rng.integers(2**32)))
        unmarked = talkers[(index + 1) % len(talkers)].samples
        for case in cases(marked, unmarked, rng):
            for channel in CHANNELS:
                heard = attacks.attack(channel, Audio(case.samples[None], RATE), 0, resynthesise).samples
                yield judge(case, channel, one.name, watermark.verify(heard, RATE, key))


def table(found: list[Row]) -> str:
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in found:
        groups[row.channel, row.case].append(row)
    lines = [
        heading(
            "channel", "case", "found", "IoU of marked spans", "IoU, least", "edits found", "length right", "false"
        )
    ]
    for (channel, case), those in groups.items():
        made, hits = sum(row.edits for row in those), sum(row.found for row in those)
        cells = [channel.replace("gain:1", "plain"), case, f"{sum(row.detected for row in those)}/{len(those)}"]
        cells += [mean([row.iou for row in those], [row.talker for row in those]), f"{min(r.iou for r in those):.2f}"]
        cells += [f"{hits}/{made}" if made else "-", f"{sum(row.sized for row in those)}/{made}" if made else "-"]
        lines.append("| " + " | ".join([*cells, str(sum(row.false for row in those))]) + " |")
    for channel in CHANNELS:
        those = [row for row in found if row.channel == channel]
        made, hits = sum(row.edits for row in those), sum(row.found for row in those)
        share = wilson(hits, made)
        alone = [row for row in those if row.case == "unedited"]
        minutes = sum(row.seconds for row in alone) / 60
        false = sum(row.false for row in alone)
        lines.append(
            f"\n{channel.replace('gain:1', 'plain')}: {hits} of {made} edits found, {share.value:.1%} "
            f"[{share.low:.1%}, {share.high:.1%}]; {false} false edits in {minutes:.1f} unedited minutes "
            f"({false / minutes:.2f} a minute)."
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recordings", type=int, default=24)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = list(rows(recordings(options.data, options.recordings)))
    print(table(found))
    if options.json:
        options.json.write_text("".join(json.dumps(asdict(row)) + "\n" for row in found), encoding="utf-8")


if __name__ == "__main__":
    main()
