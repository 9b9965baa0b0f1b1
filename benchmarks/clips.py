"""The clips that the benchmarks hear: rows of the manifests under a data folder, and the list of them with digests.

    python benchmarks/clips.py --shared SHARED > benchmarks/clips.csv

SHARED holds demos/*/manifest.csv and audio/manifest.csv. The list names source, path and sha256 of every clip used;
no clip itself is in the repository.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from pathlib import Path


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
