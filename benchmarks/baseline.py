"""How the shipped baseline was trained: our own fakes and demo pages, calibrated on systems that the fit did not see.

    earwitness dataset build DATASET --data SPEECH --out BUILT      # once for each DATASET of datasets/recipes
    python benchmarks/baseline.py --shared SHARED --data BUILT/manifest.jsonl ... --out DIR [--cache DIR]

The fit takes the datasets and the `tune` pages of demos/more-codec and demos/more-tts; the `tune` pages of
demos/codec and demos/tts join the calibration alone. A page is a speaker and a corpus here, so that pages stay whole
in every fold, and its kind of system (tts, vc ...) is what is left out at a time. No `report` row is read.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

from earwitness.datasets.manifest import Clip, write
from earwitness.detect.baseline import train_baseline

FIT, CALIBRATE = ("more-codec", "more-tts"), ("codec", "tts")


def page_clips(folder: Path) -> list[Clip]:
    """The `tune` rows of one demo folder as clips."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return [
            Clip(
                path=str((folder / row["path"]).resolve()),
                corpus=row["page"],
                speaker=row["page"],
                split="train",
                seconds=float(row["seconds"]),
                rate=int(row["rate"]),
                label=row["label"],
                system=row["kind"] if row["label"] == "spoof" else "",
                language=row["language"],
                chain="traditional" if row["kind"] == "traditional" else "",
                sha256=row["sha256"],
                source_format=row["source_format"],
            )
            for row in csv.DictReader(file)
            if row["split"] == "tune"
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the shipped baseline.")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="manifests of built datasets")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="keeps statistics of clips for later trainings")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pages = {name: Path(folder) / f"{name}.jsonl" for name in (*FIT, *CALIBRATE)}
        for name, path in pages.items():
            write(path, page_clips(chosen.shared / "demos" / name))
        made = train_baseline(
            [*chosen.data, *(pages[name] for name in FIT)],
            "baseline",
            chosen.out,
            calibration=[pages[name] for name in CALIBRATE],
            cache=chosen.cache,
        )
    print(made.card, made.calibration, made.metrics, sep="\n")


if __name__ == "__main__":
    main()
