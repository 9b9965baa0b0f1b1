"""Does the container, the rate or the company that a clip keeps change its score?

    python benchmarks/stability.py --shared SHARED [--clips 100]

Takes genuine test clips and synthetic `tune` clips stored at 16 kHz, half of each, and prints how many score the same
as WAV and as FLAC, alone and in a folder of all; and how far the score moves by way of 44.1 and 48 kHz, in nats.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from clips import demo_clips, speech_clips
from earwitness.core import audio
from earwitness.detect.options import Options
from earwitness.detect.scan import scan, scan_many
from earwitness.detect.verdict import Failure
from scan import markdown


def chosen_paths(shared: Path, count: int) -> list[Path]:
    """16 kHz clips of both kinds, spread evenly over the lists."""
    fakes = [clip.path for clip in demo_clips(shared / "demos", "tune") if clip.synthetic]
    kinds = [[clip.path for clip in speech_clips(shared)], fakes]
    found = []
    for paths in kinds:
        kept = [path for path in paths if audio.probe(path).rate == 16_000]
        found += [kept[int(index)] for index in np.linspace(0, len(kept) - 1, count // 2)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Stability of scores.")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=100)
    chosen = parser.parse_args()
    paths = chosen_paths(chosen.shared, chosen.clips)
    waves = [audio.load(path) for path in paths]
    alone = [scan(path) for path in paths]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("wav", "flac"):
            for index, wave in enumerate(waves):
                audio.save(Path(folder) / suffix / f"{index:04d}.{suffix}", wave)
            together = list(scan_many([Path(folder) / suffix], Options()))
            same = sum(
                not isinstance(found, Failure) and found.score == own.score
                for found, own in zip(together, alone, strict=True)
            )
            rows.append([f"{suffix}, in a folder of {len(paths)}", f"{same} of {len(paths)} scores equal"])
    for rate in (44_100, 48_000):
        moved, flips = [], 0
        for wave, own in zip(waves, alone, strict=True):
            found = scan(audio.resample(wave, rate))
            flips += {found.decision, own.decision} == {"genuine", "synthetic"}
            if found.score is not None and own.score is not None:
                moved.append(abs(found.score - own.score))
        text = f"median move {np.median(moved):.3f}, largest {max(moved):.3f} nats; {flips} verdicts flip"
        rows.append([f"by way of {rate} Hz", text])
    print(markdown(["condition", "result"], rows))


if __name__ == "__main__":
    main()
