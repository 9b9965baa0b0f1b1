"""The rolling verdict of `listen` on streams: does it drift, and are windows of one recording independent?

    python benchmarks/listening.py --shared SHARED [--detector NAME]

A genuine stream is all clips of one speaker of `audio`, splits train and dev, one after the other; a synthetic one
all fakes of one `tune` page. Streams shorter than 20 s are left out. Beside the verdict of `listen` after the last
hop stands what the plain sum of the same windows (without overlap, cut at the cap) would have said. First comes the
correlation of windows of 4 s within one recording (ICC(1) of a one-way analysis of variance), which `detect.listen`
builds on.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from clips import demo_clips, speech_clips
from earwitness.core.audio import load
from earwitness.core.sound import Samples
from earwitness.detect import registry
from earwitness.detect.listen import Heard, Listener
from scan import markdown, percent

WINDOW, SHORTEST = 4.0, 20.0


def mono(path: Path) -> Samples:
    return load(path, rate=16000).mono().samples[0]


def roll(detector: str, sound: Samples, hop: float = 1.0) -> list[Heard]:
    listener = Listener(registry.open(detector), 16000, window=WINDOW, hop=hop)
    return [*listener.push(sound), *listener.finish()]


def correlation(groups: Sequence[Sequence[float]]) -> tuple[int, int, float]:
    """Recordings, windows, and the intraclass correlation of those with two windows and more."""
    own = [np.array(group) for group in groups if len(group) > 1]
    n, k = sum(map(len, own)), len(own)
    mean = np.concatenate(own).mean()
    between = sum(len(group) * (group.mean() - mean) ** 2 for group in own) / (k - 1)
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in own) / (n - k)
    size = (n - sum(len(group) ** 2 for group in own) / n) / (k - 1)
    return k, n, float((between - within) / (between + (size - 1) * within))


def row(name: str, streams: Sequence[Sequence[Heard]], detector: str) -> list[str]:
    calibration = registry.open(detector).calibration
    hops = [heard.outcome.decision for stream in streams for heard in stream]
    last = [stream[-1].outcome.decision for stream in streams]
    sums = [sum(heard.window_score or 0.0 for heard in stream[3::4]) for stream in streams]
    summed = [min(calibration.cap, max(-calibration.cap, value)) >= calibration.high for value in sums]
    return [
        name,
        str(len(streams)),
        f"{sum(stream[-1].end for stream in streams) / 60:.1f}",
        *(percent(last.count(decision) / len(last)) for decision in ("genuine", "synthetic", "inconclusive")),
        percent(hops.count("synthetic") / len(hops)),
        percent(sum(summed) / len(summed)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="The rolling verdict on streams.")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--detector", default=registry.DEFAULT)
    chosen = parser.parse_args()
    genuine, fakes = defaultdict(list), defaultdict(list)
    windows = []
    for split in ("train", "dev"):
        for clip in speech_clips(chosen.shared, split):
            sound = mono(clip.path)
            genuine[clip.speaker].append(sound)
            if sound.size >= 2 * WINDOW * 16000:
                scores = [heard.window_score for heard in roll(chosen.detector, sound, WINDOW)]
                windows.append([score for score in scores if score is not None])
    for fake in demo_clips(chosen.shared / "demos", "tune"):
        if fake.synthetic:
            fakes[fake.page].append(mono(fake.path))
    print("{} recordings, {} windows, correlation {:.2f}\n".format(*correlation(windows)))
    rows = []
    for name, groups in (("genuine, a speaker each", genuine), ("synthetic, a page each", fakes)):
        joined = [np.concatenate(parts) for parts in groups.values()]
        long = [sound for sound in joined if sound.size >= SHORTEST * 16000]
        rows.append(row(name, [roll(chosen.detector, sound) for sound in long], chosen.detector))
    head = [
        "streams",
        "number",
        "minutes",
        "genuine at the end %",
        "synthetic %",
        "inconclusive %",
        "hops synthetic %",
    ]
    print(markdown([*head, "synthetic by the plain sum %"], rows))


if __name__ == "__main__":
    main()
