"""How well the phone recogniser hears speakers that it was not trained on, beside pocketsphinx's phone loop.

    python benchmarks/recogniser.py --data ALIGNED [--model NAME|DIR] [--split dev] [--count 60]

ALIGNED is a folder of `earwitness dataset align`. Columns: per, phone error rate against the dictionary's phones of
the text, so what was said otherwise counts as an error of the recogniser; 95 % intervals resample whole speakers.
frames: share of 12.5 ms frames whose phone is the aligned one. borders: median distance of the ends of phones from
pocketsphinx's alignment, and the share within 25 and 50 ms, when the recogniser is given the phones.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from earwitness.codecs import listeners
from earwitness.codecs.generate import registry
from earwitness.codecs.generate.paths import viterbi
from earwitness.codecs.generate.phonenet import HOP, PARTS
from earwitness.codecs.generate.recogniser import Recogniser
from earwitness.codecs.generate.text import IDS, PHONES, SIL
from earwitness.core.intervals import bootstrap
from earwitness.datasets.aligned import Aligned
from numpy.typing import NDArray

RATE, STEP = 16_000, HOP // PARTS


def rate(errors: list[int], counts: list[int], speakers: list[str]) -> str:
    """Errors by what could have been wrong, with its interval."""
    found = bootstrap(lambda a, b: float(a.sum() / b.sum()), speakers, errors, counts)
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def placed(recogniser: Recogniser, wave: NDArray[np.float32], aligned: Aligned, clip: int) -> tuple[float, list[int]]:
    """Share of frames that are right, and how many samples the ends of the given phones lie off."""
    ids, ends = aligned.phones(clip), aligned.ends(clip)
    _, each = recogniser.probabilities(wave)
    centres = STEP * np.arange(wave.size // STEP) + STEP // 2
    labels = ids[np.minimum(np.searchsorted(ends, centres, side="right"), len(ids) - 1)]
    right = float((each[: len(labels)].argmax(1) == labels).mean())
    found, _ = viterbi(each, ids.tolist(), [k == IDS[SIL] for k in ids])
    return right, np.abs(found * STEP - ends)[:-1].tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="phonenet")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--count", type=int, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    aligned, recogniser = Aligned.open(arguments.data), registry.recogniser(arguments.model)
    clips = [k for k, clip in enumerate(aligned.packed.clips) if clip.split == arguments.split][: arguments.count]
    speakers = [aligned.packed.clips[k].speaker for k in clips]
    ours, theirs, counts, right, gaps, spent, heard = [], [], [], [], list[int](), 0.0, 0
    for clip in clips:
        wave = aligned.packed.wave(clip)
        said = [PHONES[k] for k in aligned.phones(clip) if PHONES[k] != SIL]
        counts.append(len(said))
        started = time.perf_counter()
        ours.append(listeners.edits(said, recogniser.phones(wave)))
        spent, heard = spent + time.perf_counter() - started, heard + wave.size
        theirs.append(listeners.edits(said, listeners.phones(wave)))
        share, off = placed(recogniser, wave, aligned, clip)
        right.append(share)
        gaps += off
    print(f"{len(clips)} clips of {len(set(speakers))} speakers, {sum(counts)} phones, split {arguments.split}")
    print(f"per {recogniser.name}: {rate(ours, counts, speakers)}")
    print(f"per pocketsphinx phone loop: {rate(theirs, counts, speakers)}")
    seconds = np.array(gaps) / RATE
    print(
        f"frames {np.mean(right):.3f}; borders {1000 * np.median(seconds):.0f} ms, within 25 ms "
        f"{np.mean(seconds <= 0.025):.2f}, within 50 ms {np.mean(seconds <= 0.05):.2f}"
    )
    print(f"rtf {spent / heard * RATE:.4f}")


if __name__ == "__main__":
    main()
