"""How the shipped statistics expert was trained: demo pages, copies of them through chains, and fakes of the zoo.

    earwitness dataset build zoo --data SPEECH --out BUILT       # genuine speech and fakes of the zoo
    python benchmarks/statistics_expert.py --shared SHARED --own BUILT/manifest.jsonl ... --work DIR --out DIR

The fit takes the `tune` pages of all four demo folders, and a copy of each clip through a chain of each of --copies
(policies of augmentation), the same for both members of a pair; beside the clean clips of --own a copy through lossy
codecs. Pages stay whole in every fold, and so do the speakers of --own. No `report` row is read. Statistics are kept
under DIR/cache, so that a second run is quick.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from baseline import page_clips
from clips import demo_clips
from earwitness.core.audio import Audio, load
from earwitness.datasets.augment import Chain, RecordedBeds, draw_chain
from earwitness.datasets.augment_policy import named
from earwitness.datasets.manifest import Clip, write
from earwitness.datasets.readers import read_folder
from earwitness.datasets.render import render
from earwitness.detect.statistics_training import train_statistics
from earwitness.detect.training_data import read_learnable

FOLDERS = ("codec", "tts", "more-codec", "more-tts")
RATE = 16_000


@dataclass(frozen=True)
class Job:
    """One copy: the clip, its chain as text, the seed of both."""

    clip: Clip
    chain: str
    seed: int


def copies(clips: list[Clip], pairs: list[str], number: int, name: str, beds: RecordedBeds) -> list[Job]:
    """The `number`-th copy of each clip, by the policy `name`; members of a pair share chain and seed."""
    policy = replace(named(name), clean=0.0)
    jobs = []
    for clip, pair in zip(clips, pairs, strict=True):
        key = f"{pair or clip.sha256}|{number}"
        seed = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16)
        if chain := str(draw_chain(np.random.default_rng(seed), policy, list(beds))):
            jobs.append(Job(clip, chain, seed))
    return jobs


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the shipped statistics expert.")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--own", type=Path, nargs="*", default=[])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--copies", nargs="*", default=["light", "lossy"], help="a policy for each copy")
    chosen = parser.parse_args()
    clips: list[Clip] = []
    for name in FOLDERS:
        clips += page_clips(chosen.shared / "demos" / name)
    # A pair's name without the demo folder: the copies' seeds hang on it.
    of = {clip.digest: clip.pair.partition("/")[2] for clip in demo_clips(chosen.shared / "demos", "tune")}
    pairs = [of[clip.sha256] for clip in clips]
    beds = RecordedBeds([clip for clip in read_folder(chosen.shared / "audio") if clip.split != "test"])

    def make(job: Job) -> Audio:
        sound = load(job.clip.path, rate=RATE)
        return Chain.parse(job.chain).apply(Audio(sound.samples[:1], RATE), job.seed, beds)

    def made(jobs: list[Job], stage: str) -> list[Clip]:
        audio = chosen.work / stage
        keyed = [(f"{job.clip.sha256}|{job.seed}|{job.chain}", job) for job in jobs]
        return [
            replace(
                job.clip,
                path=str((audio / one.path).resolve()),
                rate=one.rate,
                seconds=one.seconds,
                sha256=one.sha256,
                chain=job.chain,
            )
            for job, one in zip(jobs, render(keyed, make, audio, stage=stage), strict=True)
        ]

    pages, own = chosen.work / "pages.jsonl", chosen.work / "own.jsonl"
    jobs = [job for number, name in enumerate(chosen.copies, 1) for job in copies(clips, pairs, number, name, beds)]
    write(pages, [*clips, *made(jobs, "copies")])
    clean = [clip for clip in read_learnable(chosen.own) if not clip.chain]
    write(own, made(copies(clean, [clip.source or clip.path for clip in clean], 1, "lossy", beds), "own"))
    beside = [*chosen.own, own] if clean else []
    trained = train_statistics(pages, "statistics", chosen.out, own=beside, cache=chosen.work / "cache")
    print(trained.card, trained.calibration, trained.metrics, sep="\n")


if __name__ == "__main__":
    main()
