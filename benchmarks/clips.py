"""The clips that the benchmarks hear: rows of the manifests under a data folder, and the list of them with digests.

    python benchmarks/clips.py --shared SHARED > benchmarks/clips.csv

SHARED holds demos/*/manifest.csv and audio/manifest.csv. The list names source, path and sha256 of every clip used;
no clip itself is in the repository.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from earwitness.datasets import readers
from earwitness.datasets.manifest import Clip


@dataclass(frozen=True)
class DemoClip:
    """One clip of a demo page. kind "traditional" is genuine speech through a classical codec."""

    path: Path
    page: str
    split: str
    kind: str
    pair: str
    source: str
    digest: str
    synthetic: bool


@dataclass(frozen=True)
class SpeechClip:
    """One genuine clip of a test speaker."""

    path: Path
    corpus: str
    speaker: str
    language: str
    source: str
    digest: str


def demo_clips(demos: Path, split: str) -> list[DemoClip]:
    """All clips of one split ("tune" or "report"), in the manifests' order."""
    found = []
    for manifest in sorted(demos.glob("*/manifest.csv")):
        folder = manifest.parent
        with manifest.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["split"] == split:
                    page = f"{folder.name}/{row['page']}"
                    pair = f"{page}/{row['pair']}" if row["pair"] else ""
                    source = f"{row['source_repo']} {row['source_path']}"
                    found.append(
                        DemoClip(
                            folder / row["path"],
                            page,
                            split,
                            row["kind"],
                            pair,
                            source,
                            row["sha256"],
                            row["label"] == "spoof",
                        )
                    )
    return found


def speech_clips(shared: Path, split: str = "test") -> list[SpeechClip]:
    """Genuine speech of one split of audio/manifest.csv."""
    with (shared / "audio" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return [
            SpeechClip(
                shared / "audio" / row["path"],
                row["corpus"],
                row["speaker"],
                row["language"],
                f"{row['source_repo']} {row['source_path']}",
                row["sha256"],
            )
            for row in csv.DictReader(file)
            if row["kind"] == "speech" and row["split"] == split
        ]


def test_speech(folder: Path, per_corpus: int) -> list[Clip]:
    """Test speech, at most `per_corpus` clips of each corpus, one speaker after the other (seed 0)."""
    by_corpus: dict[str, list[Clip]] = defaultdict(list)
    for clip in readers.read_folder(folder):
        if clip.split == "test" and clip.kind == "speech":
            by_corpus[clip.corpus].append(clip)
    chosen = []
    for corpus in sorted(by_corpus):
        clips = sorted(by_corpus[corpus], key=lambda clip: clip.path)
        order = np.random.default_rng(0).permutation(len(clips))
        seen: dict[str, int] = defaultdict(int)
        ranked: list[tuple[int, int, Clip]] = []
        for index in order:
            ranked.append((seen[clips[index].speaker], len(ranked), clips[index]))
            seen[clips[index].speaker] += 1
        chosen += [clip for _, _, clip in sorted(ranked, key=lambda entry: entry[:2])[:per_corpus]]
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description="List every clip that the benchmarks use.")
    parser.add_argument("--shared", type=Path, required=True)
    shared = parser.parse_args().shared
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["use", "source", "path", "sha256"])
    for split in ("tune", "report"):
        for clip in demo_clips(shared / "demos", split):
            writer.writerow([f"demos {split}", clip.source, clip.path.relative_to(shared), clip.digest])
    for speech in speech_clips(shared):
        writer.writerow(["audio test", speech.source, speech.path.relative_to(shared), speech.digest])


if __name__ == "__main__":
    main()
