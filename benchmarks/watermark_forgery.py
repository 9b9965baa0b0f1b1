"""Attacks by people who want a false verdict: forged marks on other content, and marks taken off.

    python benchmarks/watermark_forgery.py --data AUDIO [--recordings 24] [--seconds 7] [--queries 10000] \
        [--query-clips 2] [--only-queries] [--json FILE]

AUDIO is a folder with a manifest.csv (split "test" is used). The first seconds of each recording are marked and
recorded in a store; the "other content" that a forger wants to pass off is a later part of the next recording.
Verification is with full search against that store, but for the queries (search="plain" on 5 s). One table of attacks
with verdicts, median p and quality against the sound that was attacked; `marked` for other content is a forgery.
Mixing a marked sound under another one is listed as "mix": the record's content is there then, only softer (a
residual added in "forge" is such a mix as well, of the sound with uneven bands). Then the attackers who only ask
(--queries 0 leaves them out; about 0.05 s a query, eight attackers), see watermark_queries.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from earwitness import watermark
from earwitness.core.audio import Audio
from earwitness.core.run import seed_for
from earwitness.watermark import Key, Records, attacks
from earwitness.watermark.chips import ChipSource
from earwitness.watermark.records import open_records
from watermark_copying import Pool, copied, opposed
from watermark_lab import (
    RATE,
    Floats,
    a_key,
    count_blocks,
    heading,
    mark,
    mean,
    quality,
    with_chips,
)
from watermark_queries import ANSWERS, PATTERNS, Door, Outcome, forge, remove
from watermark_survival import Recording, recordings, resyntheses

OVERWRITES = (1, 4, 16)
REMOVALS = (
    *("tile-gains:2", "tile-gains:4", "tile-gains:6", "smooth-bands:0.1", "smooth-bands:0.5"),
    *("vocos", "soundstream:3", "streamcodec:2", "noise-white:10,denoise", "noise-white:5,denoise"),
)
QUERY_SECONDS, QUERY_DB = 5, 4.0


@dataclass(frozen=True)
class Victim:
    """A recording: its first seconds, the same marked and recorded, and what a forger has: part of the next one."""

    name: str
    original: Floats
    marked: Floats
    handle: int
    other: Floats


@dataclass(frozen=True)
class Row:
    """One attack on one recording. wish: what the attacker wanted (forge, mix, remove)."""

    wish: str
    attack: str
    name: str
    verdict: str
    p: float
    pesq: float | None
    stoi: float
    queries: int = 0


def victims(talkers: list[Recording], length: int, key: Key, records: Records) -> list[Victim]:
    rng = np.random.default_rng(19)
    found = []
    for index, one in enumerate(talkers):
        made = watermark.embed(one.samples[:length], RATE, key, records=records, handle=int(rng.integers(2**32)))
        other = talkers[(index + 1) % len(talkers)].samples[length : 2 * length]
        found.append(Victim(one.name, one.samples[:length], made.samples, made.record.handle, other))
    return found


@dataclass
class Bench:
    """The verifier that is attacked."""

    key: Key
    records: Records

    def row(self, wish: str, attack: str, name: str, before: Floats, after: Floats, key: Key | None = None) -> Row:
        """What the verifier says to `after`, and how far that is from `before`. key: another one to look for."""
        found = watermark.verify(after, RATE, key or self.key, records=self.records)
        cost = quality(before, after)
        return Row(wish, attack, name, found.verdict, found.p_value, cost.pesq, cost.stoi)


def overwritten(bench: Bench, one: Victim, foreign: Key) -> Iterator[Row]:
    """Another key's marks over ours: both are looked for."""
    rng, sound = np.random.default_rng(20), one.marked
    for times in range(1, max(OVERWRITES) + 1):
        sound = mark(sound, foreign, int(rng.integers(2**32)))
        if times in OVERWRITES:
            yield bench.row("remove", f"overwritten {times} times, our mark", one.name, one.marked, sound)
            yield bench.row(
                "overwrite", f"overwritten {times} times, their mark", one.name, one.marked, sound, foreign
            )


def subtracted(bench: Bench, one: Victim, foreign: Key) -> Iterator[Row]:
    """What an embedder adds to the marked sound, taken off it instead."""
    rng = np.random.default_rng(21)
    for who, key in (("attacker's own key", foreign), ("our key as an oracle", bench.key)):
        sound = one.marked
        for times in range(1, 5):
            sound = 2 * sound - mark(sound, key, int(rng.integers(2**32)))
            if times in (1, 4):
                yield bench.row(
                    "remove", f"re-embedded mark subtracted {times} times, {who}", one.name, one.marked, sound
                )


def leaked(bench: Bench, one: Victim) -> Iterator[Row]:
    """With the key: a known record's mark on other content, a new one, and the record's own chips taken off."""
    source = ChipSource(bench.key)
    chips = source.periods(one.handle).blocks(source.start(one.handle), count_blocks(one.marked))
    blocks = (source.start(one.handle) + np.arange(chips.shape[1])) % source.pilot.shape[1]
    pilot = source.pilot[:, blocks]
    for name, what in (
        ("key leaked: record's mark on other content", mark(one.other, bench.key, one.handle)),
        ("key leaked: unused handle on other content", mark(one.other, bench.key, one.handle ^ 0xA5A5A5A5)),
        (
            "pilot learnt (embedding oracle), on other content",
            with_chips(one.other, pilot[:, : count_blocks(one.other)]),
        ),
    ):
        yield bench.row("forge", name, one.name, one.other, what)
    yield bench.row("remove", "pilot learnt, chips taken off", one.name, one.marked, with_chips(one.marked, -pilot))
    for strength in (1.0, 1.5, 2.0):
        gone = with_chips(one.marked, -chips, strength)
        yield bench.row("remove", f"key leaked: chips taken off, {strength:g} dB", one.name, one.marked, gone)


def removed(bench: Bench, one: Victim) -> Iterator[Row]:
    resynthesise = resyntheses(None)
    for name in REMOVALS:
        seed = seed_for(0, f"{name} {one.name}")
        heard = attacks.attack(name, Audio(one.marked[None], RATE), seed, resynthesise).samples[0]
        yield bench.row("remove", name, one.name, one.marked, heard)


def asked(bench: Bench, one: Victim, queries: int) -> Iterator[Row]:
    """The attackers who only see answers."""
    length = QUERY_SECONDS * RATE
    for answers, pattern in product(ANSWERS, PATTERNS):
        for wish, run, sound in (("forge", forge, one.other), ("remove", remove, one.marked)):
            door = Door(bench.key, bench.records, answers)
            outcome: Outcome = run(door, sound[:length], pattern, QUERY_DB, queries, 0)
            cost = quality(sound[:length], outcome.samples)
            name = f"{queries} queries, {pattern} of {QUERY_DB:g} dB, told: {answers}"
            found = outcome.evidence
            granted = outcome.granted or 0
            yield Row(wish, name, one.name, found.verdict, found.p_value, cost.pesq, cost.stoi, granted)


def known_attacks(bench: Bench, everyone: list[Victim], pool: Pool, foreign: Key) -> list[Row]:
    """Everything but the queries."""
    rows = []
    for one in everyone:
        for name, sound in copied(one.original, one.marked, one.other, pool):
            wish = "mix" if "mixed in" in name else "forge"
            rows.append(bench.row(wish, name, one.name, one.other, sound))
        rows += [*leaked(bench, one), *overwritten(bench, one, foreign), *subtracted(bench, one, foreign)]
        for name, sound in opposed(one.marked, pool):
            rows.append(bench.row("remove", name, one.name, one.marked, sound))
        rows += removed(bench, one)
    return rows


def table(rows: list[Row]) -> str:
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.wish, row.attack].append(row)
    lines = [
        heading("wish", "attack", "clips", "verdicts", "median log10 p", "PESQ-WB", "STOI", "granted after queries")
    ]
    for (wish, attack), those in groups.items():
        verdicts = ", ".join(f"{name} {count}" for name, count in Counter(row.verdict for row in those).most_common())
        who = [row.name for row in those]
        median = np.median([np.log10(max(row.p, 1e-300)) for row in those])
        cells = [wish, attack, str(len(those)), verdicts, f"{median:.1f}"]
        cells += [mean([row.pesq for row in those], who), mean([row.stoi for row in those], who, 3)]
        cells.append(", ".join(str(row.queries) for row in those if row.queries) or "-")
        lines.append("| " + " | ".join(cells) + " |")
    forged = sum(row.wish == "forge" and row.verdict == "marked" for row in rows)
    tries = sum(row.wish == "forge" for row in rows)
    return "\n".join([*lines, "", f"`marked` for other content: {forged} of {tries} forgeries."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recordings", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=7.0)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--query-clips", type=int, default=2)
    parser.add_argument("--only-queries", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    length = round(options.seconds * RATE)
    key, foreign = a_key(19), a_key(20)
    talkers = recordings(options.data, options.recordings)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(key, open_records(Path(folder) / "records.sqlite"))
        everyone = victims(talkers, length, key, bench.records)
        if not options.only_queries:
            rows = known_attacks(bench, everyone, Pool.of(talkers, length, key, bench.records), foreign)
            print(table(rows), flush=True)
        if options.queries:
            tried = []
            for one in everyone[: options.query_clips]:
                for row in asked(bench, one, options.queries):
                    print(row, file=sys.stderr, flush=True)
                    tried.append(row)
            print("\n" + table(tried))
            rows += tried
    if options.json:
        options.json.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
