"""Survival of the watermark: every attack at several lengths, beside Perth, on test speakers.

    python benchmarks/watermark_survival.py --data AUDIO [--recordings 24] [--lyra DIR] [--perth N] \
        [--suite NAME ...] --json FILE

AUDIO is a folder with a manifest.csv (split "test" is used, clips of a corpus and language joined to 30 s). Each
recording is marked once, attacked, and its first 5, 8, 10, 15 and 30 s are verified with full search against a store
that holds all records of the run. LYRA is the folder of Lyra v2's TFLite files. --perth N gives the first N
recordings to resemble-perth as well, marked by it and attacked in the same way (10 s). Results go to FILE line by
line; an existing FILE is gone on with, and --table prints what it holds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from earwitness import watermark
from earwitness.codecs import zoo
from earwitness.core.audio import Audio, load
from earwitness.core.intervals import wilson
from earwitness.core.run import seed_for
from earwitness.datasets import readers
from earwitness.watermark import attacks
from earwitness.watermark.key import Key
from earwitness.watermark.records import open_records
from numpy.typing import NDArray

RATE = 16000
LENGTHS = (1, 3, 5, 8, 10, 15, 30)
GOAL_P = 1e-6
PERTH_SECONDS = 10


@dataclass(frozen=True)
class Recording:
    """30 s of test speech."""

    name: str
    corpus: str
    samples: NDArray[np.float32]


def recordings(folder: Path, count: int) -> list[Recording]:
    """30 s each of test speech, clips of a corpus and language joined in the order of a permutation (seed 0)."""
    groups: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for clip in sorted(readers.read_folder(folder), key=lambda clip: clip.path):
        if clip.split == "test" and clip.kind == "speech":
            groups[clip.corpus, clip.language].append(Path(clip.path))
    pieces: list[list[Recording]] = []
    for (corpus, language), paths in sorted(groups.items()):
        order = np.random.default_rng(0).permutation(len(paths))
        whole = np.concatenate([load(paths[index], rate=RATE).mono().samples[0] for index in order])
        size = LENGTHS[-1] * RATE
        pieces.append(
            [
                Recording(f"{corpus} {language} {turn}", corpus, whole[turn * size : (turn + 1) * size])
                for turn in range(len(whole) // size)
            ]
        )
    turns = range(max(len(many) for many in pieces))
    return [many[turn] for turn in turns for many in pieces if turn < len(many)][:count]


def resyntheses(lyra: Path | None) -> Callable[[str, Audio, float | None], Audio]:
    """The zoo by name, and Lyra v2 where its files are."""

    @cache
    def opened(name: str) -> Any:
        if name == "lyra":
            from earwitness.codecs.pretrained_lyra import open_lyra

            if lyra is None:
                raise SystemExit("lyra needs --lyra DIR.")
            return open_lyra(lyra)
        return zoo.open(name)

    def run(name: str, audio: Audio, kbps: float | None) -> Audio:
        found: Audio = opened(name).resynth(audio, kbps)
        return found

    return run


def chosen(suites: list[str], extra: list[str]) -> list[tuple[str, str]]:
    """(suite, attack) of the suites, each once; neural codecs that the zoo does not have are left out by name."""
    have = {*zoo.names(), "lyra"}
    listed = [(suite, one) for suite in suites for one in attacks.suite(suite)] + [("zoo", one) for one in extra]
    kept, seen = [], set()
    for suite, one in [("none", "gain:1"), *listed]:
        codecs = [part for part in one.split(",") if attacks.family(part) in ("codec", "neural")]
        absent = [part for part in codecs if part.split(":")[0] not in (*have, "codec")]
        if (suite, one) not in seen and not absent:
            kept.append((suite, one))
            seen.add((suite, one))
    return kept


def done(file: Path) -> set[tuple[str, str, str, str]]:
    if not file.is_file():
        return set()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return {(row["system"], row["suite"], row["attack"], row["recording"]) for row in rows}


def judge(samples: NDArray[np.float32], key: Key, records: watermark.Records) -> Iterator[dict[str, Any]]:
    """What is found in the first seconds of an attacked recording, for each length that it has."""
    for seconds in LENGTHS:
        if len(samples) < seconds * RATE * 0.97:
            return
        started = time.process_time()
        found = watermark.verify(samples[: seconds * RATE], RATE, key, records=records)
        yield {
            "seconds": seconds,
            "p": found.p_value,
            "verdict": found.verdict,
            "handle": found.handle,
            "record": found.record,
            "cpu": time.process_time() - started,
        }


def run(options: argparse.Namespace) -> None:
    resynthesise = resyntheses(options.lyra)
    which = chosen(options.suite, options.attack)
    already = done(options.json)
    key = Key(bytes(np.random.default_rng(16).bytes(32)))
    with tempfile.TemporaryDirectory() as folder, options.json.open("a") as out:
        records = open_records(Path(folder) / "records.sqlite")
        rng = np.random.default_rng(1)
        marked = [
            (one, watermark.embed(one.samples, RATE, key, records=records, handle=int(rng.integers(2**32))))
            for one in recordings(options.data, options.recordings)
        ]
        perth = None if not options.perth else Perth()
        for suite, name in which:
            for index, (one, mark) in enumerate(marked):
                about = {"suite": suite, "attack": name, "corpus": one.corpus, "recording": one.name}
                seed = seed_for(0, f"{name} {one.name}")
                if ("ours", suite, name, one.name) not in already:
                    heard = attacks.attack(name, Audio(mark.samples[None], RATE), seed, resynthesise)
                    for row in judge(heard.samples[0], key, records):
                        right = row["handle"] == mark.record.handle
                        print(json.dumps({"system": "ours", **about, **row, "right": right}), file=out)
                if perth is not None and index < options.perth and ("perth", suite, name, one.name) not in already:
                    sound = perth.mark(one.name, one.samples[: PERTH_SECONDS * RATE])
                    heard = attacks.attack(name, Audio(sound[None], RATE), seed, resynthesise)
                    row = {"seconds": PERTH_SECONDS, "confidence": perth.confidence(heard.samples[0])}
                    print(json.dumps({"system": "perth", **about, **row}), file=out)
                out.flush()


class Perth:
    """resemble-perth 1.0.1, with the two transforms that it takes from torchaudio built on torch instead."""

    def __init__(self) -> None:
        from perth_peer import open_perth

        self._perth = open_perth()
        self._marked: dict[str, NDArray[np.float32]] = {}

    def mark(self, name: str, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        if name not in self._marked:
            sound = self._perth.apply_watermark(samples, sample_rate=RATE)
            self._marked[name] = np.asarray(sound, dtype=np.float32).reshape(-1)
        return self._marked[name]

    def confidence(self, samples: NDArray[np.float32]) -> float:
        return float(np.mean(self._perth.get_watermark(samples, sample_rate=RATE, round=False)))


def table(file: Path) -> None:
    """Found at p <= 1e-6, handles read wrongly, by attack and length; Perth at confidence 0.5 beside it."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["suite"], row["attack"]].append(row)
    for suite in dict.fromkeys(suite for suite, _ in groups):
        print(f"\n**{suite}**\n")
        lengths = " | ".join(f"{seconds} s" for seconds in LENGTHS)
        print(f"| attack | {lengths} | median log10 p, 10 s | handle wrong / unread of found | Perth, 10 s |")
        print("|---" * (len(LENGTHS) + 4) + "|")
        for (own, name), found in groups.items():
            if own == suite:
                print(_line(name, found))
        print()
        for seconds in LENGTHS:
            ours = _ours([row for (own, _), many in groups.items() if own == suite for row in many], seconds)
            if ours:
                hits = sum(row["p"] <= GOAL_P for row in ours)
                share = wilson(hits, len(ours))
                print(f"{suite}, {seconds} s: {hits} of {len(ours)} found, {hits / len(ours):.2%} ", end="")
                print(f"[{share.low:.2%}, {share.high:.2%}].")


def _ours(rows: list[dict[str, Any]], seconds: int) -> list[dict[str, Any]]:
    return [row for row in rows if row["system"] == "ours" and row["seconds"] == seconds]


def _line(name: str, rows: list[dict[str, Any]]) -> str:
    ours = [row for row in rows if row["system"] == "ours"]
    cells = []
    for seconds in LENGTHS:
        those = _ours(rows, seconds)
        cells.append(f"{sum(row['p'] <= GOAL_P for row in those)}/{len(those)}" if those else "-")
    ten = [np.log10(max(row["p"], 1e-300)) for row in ours if row["seconds"] == 10] or [0.0]
    found = [row for row in ours if row["p"] <= GOAL_P]
    wrong = sum(row["handle"] is not None and not row["right"] for row in found)
    unread = sum(row["handle"] is None for row in found)
    perth = [row["confidence"] for row in rows if row["system"] == "perth"]
    peer = f"{sum(value > 0.5 for value in perth)}/{len(perth)}" if perth else "-"
    return f"| {name} | {' | '.join(cells)} | {np.median(ten):.0f} | {wrong} / {unread} of {len(found)} | {peer} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--recordings", type=int, default=24)
    parser.add_argument("--lyra", type=Path)
    parser.add_argument("--perth", type=int, default=0)
    parser.add_argument("--suite", action="append", default=[])
    parser.add_argument("--attack", action="append", default=[], help="further attacks, listed as suite 'zoo'")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if not options.table:
        run(options)
    table(options.json)


if __name__ == "__main__":
    main()
