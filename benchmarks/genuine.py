"""False alarms on genuine test speakers, as recorded and after each classical codec.

    python benchmarks/genuine.py --shared SHARED [--detector NAME]

Prints the share of genuine clips that the shipped thresholds call synthetic or inconclusive, by corpus and after each
classical codec (one bitrate drawn for each clip, seed 0), with exact binomial intervals.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from clips import speech_clips
from earwitness.codecs import classical
from earwitness.core import audio, intervals
from earwitness.core.audio import Audio
from earwitness.detect import registry
from earwitness.detect.scan import scan
from scan import markdown, percent


def share(decisions: Sequence[str]) -> list[str]:
    hits = decisions.count("synthetic")
    found = intervals.clopper_pearson(hits, len(decisions))
    doubtful = decisions.count("inconclusive") / len(decisions)
    interval = f"{percent(found.value)} [{percent(found.low)}, {percent(found.high)}]"
    return [str(len(decisions)), interval, percent(doubtful)]


def main() -> None:
    parser = argparse.ArgumentParser(description="False alarms on genuine speech.")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--detector", default=registry.DEFAULT)
    chosen = parser.parse_args()
    clips = speech_clips(chosen.shared)
    waves = [audio.load(clip.path) for clip in clips]

    def judge(wave: Audio) -> str:
        return scan(wave, detector=chosen.detector).decision

    by_corpus: dict[str, list[str]] = defaultdict(list)
    by_language: dict[str, list[str]] = defaultdict(list)
    for clip, wave in zip(clips, waves, strict=True):
        decision = judge(wave)
        by_corpus[clip.corpus].append(decision)
        by_language[clip.language].append(decision)
    head = ["clips", "called synthetic %", "inconclusive %"]
    everything = [decision for own in by_corpus.values() for decision in own]
    rows = [["all", *share(everything)], *([name, *share(own)] for name, own in sorted(by_corpus.items()))]
    print(markdown(["corpus", *head], rows))
    print(markdown(["language", *head], [[name, *share(own)] for name, own in sorted(by_language.items())]))
    rows = []
    for name in classical.names():
        codec = classical.open(name)
        rng = np.random.default_rng(0)
        rates = [float(rng.choice(codec.kbps)) if codec.kbps else None for _ in waves]
        decided = [judge(codec.resynth(wave, kbps)) for wave, kbps in zip(waves, rates, strict=True)]
        rows.append([name, *share(decided)])
    print(markdown(["after codec", *head], rows))


if __name__ == "__main__":
    main()
