"""How the shipped span expert was trained: splices of genuine speech with copies by the zoo and by demo pages.

    python span_expert.py --shared SHARED --fakes FAKES/manifest.jsonl --genuine MANIFEST --work DIR --out DIR

FAKES holds train speakers and copies of them by some systems of the zoo, beside dev speakers with copies by all of
them (`datasets.fakes`). The splices for training take the train speakers, and the `tune` pages of codecs and vocoders
where a copy says the same at the same time as its recording. The chain is chosen on splices of dev speakers, and on
genuine speech of the rows of MANIFEST (no speaker of which was in the training), as they are and through chains.
No test speaker and no `report` row is read. --count splices are made once and kept under DIR.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from earwitness.core.audio import Audio, load
from earwitness.datasets import manifest
from earwitness.datasets.augment import RecordedBeds, draw_chain, named
from earwitness.datasets.manifest import Clip
from earwitness.datasets.readers import read_folder
from earwitness.datasets.splices import RATE, Host, Splice, SpliceTable, Wave, after, aligned, draw, tabulate
from earwitness.detect.span_model import FRAME
from earwitness.detect.span_training import Heard, train_spans
from earwitness.detect.spans import Localiser

FOLDERS = ("codec", "tts", "more-codec", "more-tts")
SECONDS = 4.0
BARE = 0.08  # share of noise and music without speech
PAGES = 0.4  # share of the splices that are made of demo pages
# The zoo's systems that the training hears; the others stay unheard.
SYSTEMS = ("vocos", "hifigan", "nsf", "wavtokenizer", "mdctcodec", "soundstream")


@dataclass(frozen=True, eq=False)
class Group:
    """A genuine clip, its copies and other genuine clips of its speaker, as paths."""

    host: str
    copies: tuple[str, ...]
    others: tuple[str, ...]


def wave(path: str) -> Wave:
    """First channel at RATE, its mean removed, kept as 16 bits would."""
    samples = load(path, rate=RATE).samples[0]
    centred: Wave = samples - samples.mean(dtype=np.float64).astype(np.float32)
    return centred


def zoo_groups(rows: Sequence[Clip], split: str, systems: Sequence[str]) -> list[Group]:
    """Twins of a split with their copies by `systems`."""
    copies, speakers = defaultdict(list), defaultdict(list)
    for row in rows:
        if row.split == split and row.label == "spoof" and row.system in systems:
            copies[row.source].append(row.path)
        elif row.split == split and row.label == "bonafide":
            speakers[row.speaker].append(row.path)
    return [
        Group(row.path, tuple(copies[row.path]), tuple(p for p in speakers[row.speaker] if p != row.path)[:4])
        for row in rows
        if row.split == split and row.label == "bonafide"
    ]


def page_groups(demos: Path, split: str) -> list[Group]:
    """Recordings of demo pages with codec and vocoder copies of the same sentence."""
    groups = []
    for name in FOLDERS:
        folder = demos / name
        pairs: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
        with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["split"] == split and row["pair"]:
                    pairs[row["page"], row["pair"]].append(row)
        for rows in pairs.values():
            real = [row for row in rows if row["kind"] == "real"]
            fakes = tuple(str(folder / row["path"]) for row in rows if row["kind"] in ("codec", "vocoder"))
            if len(real) == 1 and fakes:
                groups.append(Group(str(folder / real[0]["path"]), fakes, ()))
    return groups


def cut(length: int, rng: np.random.Generator) -> slice:
    """A place of at most SECONDS in `length` samples."""
    size = round(SECONDS * RATE)
    start = int(rng.integers(max(1, length - size + 1)))
    return slice(start, start + size)


class Waves:
    """Groups as sound; copies that are not in time with their host are left out, hosts without copies stay."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._kept: dict[str, np.ndarray] = {}
        self.hosts: list[tuple[str, list[str], tuple[str, ...]]] = []
        for group in groups:
            host = self.load(group.host)
            copies = []
            for path in group.copies:
                moved = aligned(self.load(path), host)
                if moved is not None:
                    self._kept[path] = (moved * 32767).astype(np.int16)
                    copies.append(path)
            self.hosts.append((group.host, copies, group.others))

    def load(self, path: str) -> Wave:
        """A genuine clip, or a copy that was moved to its host, (n,)."""
        if path not in self._kept:
            self._kept[path] = np.round(np.clip(wave(path), -1, 1) * 32767).astype(np.int16)
        return self._kept[path].astype(np.float32) / np.float32(32767)

    def draw(self, rng: np.random.Generator) -> Host:
        """One host, at most SECONDS long, and its copies at the same place."""
        host, copies, others = self.hosts[int(rng.integers(len(self.hosts)))]
        samples = self.load(host)
        place = cut(len(samples), rng)
        return Host(samples[place], [self.load(path)[place] for path in copies], [self.load(path) for path in others])


def training_table(args: argparse.Namespace, rows: Sequence[Clip], beds: RecordedBeds) -> SpliceTable:
    """The splices to learn from, kept under `args.work`."""
    kept = args.work / f"splices-{args.count}.npz"
    if kept.is_file():
        with np.load(kept) as found:
            return SpliceTable(
                found["samples"],
                found["synthetic"],
                found["joint"],
                found["speech"],
                found["length"],
                FRAME,
                str(found["digest"]),
            )
    zoo = Waves(zoo_groups(rows, "train", SYSTEMS))
    pages = Waves(page_groups(args.shared / "demos", "tune"))
    print(f"{len(zoo.hosts)} hosts of speakers, {len(pages.hosts)} of pages with", end=" ")
    print(f"{sum(len(copies) for _, copies, _ in pages.hosts)} copies in time", flush=True)
    started, names = time.monotonic(), list(beds)

    def make(index: int) -> Splice:
        rng = np.random.default_rng([args.seed, index])
        if index % 500 == 0:
            print(f"{index} splices, {time.monotonic() - started:.0f} s", flush=True)
        if rng.random() < BARE:
            bed = beds[names[int(rng.integers(len(names)))]].samples[0]
            return after(Splice(bed[cut(len(bed), rng)]), rng)
        return after(draw((pages if rng.random() < PAGES else zoo).draw(rng), rng), rng, beds)

    listed = "".join(sorted(path for groups in (zoo, pages) for host, copies, _ in groups.hosts for path in copies))
    digest = hashlib.sha256(f"{listed}{args.count}{args.seed}".encode()).hexdigest()
    table = tabulate(make, args.count, round(SECONDS * RATE), FRAME, digest)
    args.work.mkdir(parents=True, exist_ok=True)
    np.savez(
        kept,
        samples=table.samples,
        synthetic=table.synthetic,
        joint=table.joint,
        speech=table.speech,
        length=table.length,
        digest=np.array(digest),
    )
    return table


def heard_splices(expert: Localiser, waves: Waves, each: int, beds: RecordedBeds, seed: int) -> Heard:
    """What the expert hears in `each` splices of every host that has copies, some of them coded afterwards."""
    hosts = [host for host in waves.hosts if host[1]]
    found: list[Splice] = []
    for index in range(each * len(hosts)):
        rng = np.random.default_rng([seed, index])
        path, copies, _ = hosts[index % len(hosts)]
        samples = waves.load(path)
        host = Host(samples, [waves.load(copy) for copy in copies])
        found.append(after(draw(host, rng, {"synthetic": 1.0}), rng, beds))
    return hear(expert, [one.samples for one in found], [one.synthetic for one in found])


def heard_genuine(expert: Localiser, clips: Sequence[Clip], beds: RecordedBeds, seed: int) -> Heard:
    """What it hears in genuine clips: every third as it is, the others through chains of "light" and "wide"."""
    found = []
    for index, clip in enumerate(clips):
        rng = np.random.default_rng([seed, index])
        policy = named(("none", "light", "wide")[index % 3])
        chain = draw_chain(rng, policy, list(beds))
        found.append(chain.apply(Audio(wave(clip.path)[None], RATE), int(rng.integers(1 << 31)), beds).samples[0])
    return hear(expert, found, [() for _ in found])


def hear(expert: Localiser, waves: Sequence[Wave], spans: Sequence[Sequence[tuple[float, float]]]) -> Heard:
    """Logits of recordings, each as one window."""
    return Heard([expert.hear(samples) for samples in waves], spans, [len(samples) / RATE for samples in waves])


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the shipped span expert.")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--fakes", type=Path, required=True)
    parser.add_argument("--genuine", type=Path, required=True, help="manifest of genuine speech that nothing heard")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", default="spans")
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = manifest.read(args.fakes)
    quiet = [clip for clip in read_folder(args.shared / "audio") if clip.split != "test"]
    beds = RecordedBeds(quiet)
    table = training_table(args, rows, beds)
    dev = Waves(zoo_groups(rows, "dev", [row.system for row in rows]))
    genuine = [*manifest.read(args.genuine), *(c for c in quiet if c.split == "dev" and c.kind == "speech")]

    def choose(expert: Localiser) -> tuple[Heard, Heard]:
        return heard_splices(expert, dev, 3, beds, 1), heard_genuine(expert, genuine, beds, 2)

    def report(step: int, numbers: Mapping[str, float]) -> None:
        print(step, {key: round(value, 4) for key, value in numbers.items()}, flush=True)

    print(train_spans(table, args.recipe, args.out, choose, report).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
