"""How many seconds of speech are counted: by energy alone, and by the span expert's head, with what was never heard.

    python speech_seconds.py --shared SHARED [--weights NAME] [--split test]

Genuine speech of a split of audio/, as it is and with noise or music of that split at 10 and 0 dB; and that noise and
music alone. Energy counts within 25 dB of the loud frames; true seconds are those of the clean clip by that rule.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from earwitness.core.audio import load
from earwitness.datasets.readers import read_folder
from earwitness.datasets.splices import RATE, speech_labels
from earwitness.detect import spans
from scan import markdown


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds of speech, by energy and by the span expert.")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--weights", default=spans.NAME)
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, default=60)
    args = parser.parse_args()
    expert = spans.open(args.weights)
    clips = [clip for clip in read_folder(args.shared / "audio") if clip.split == args.split]
    order = np.random.default_rng(0).permutation(len(clips))
    speech = [clips[i] for i in order if clips[i].kind == "speech"][: args.limit]
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)

    def count(name: str, samples: np.ndarray, clean: np.ndarray | None) -> None:
        heard = expert.hear(samples.astype(np.float32))
        truth = float(speech_labels(clean, len(heard.logits), expert.hop).sum()) * expert.hop
        found[name].append((truth, float(heard.heard.sum()) * expert.hop, expert.speech([heard])))

    for index, clip in enumerate(speech):
        clean = load(clip.path, rate=RATE).samples[0]
        count("speech, as it is", clean, clean)
        for kind in ("noise", "music"):
            beds = [other for other in clips if other.kind == kind]
            bed = np.resize(load(beds[index % len(beds)].path, rate=RATE).samples[0], len(clean))
            for snr in (10, 0):
                gain = np.std(clean) / max(float(np.std(bed)), 1e-6) * 10 ** (-snr / 20)
                mixed = clean + gain * bed
                count(f"speech, {kind} at {snr} dB", mixed / max(1.0, float(np.abs(mixed).max())), clean)
    for kind in ("noise", "music"):
        for clip in (other for other in clips if other.kind == kind):
            count(f"{kind} alone", load(clip.path, rate=RATE).samples[0], None)
    rows = [
        [name, str(len(values)), *(f"{total:.0f}" for total in np.sum(values, axis=0))]
        for name, values in found.items()
    ]
    print(markdown(["what", "clips", "true s", "by energy s", "by the expert s"], rows))


if __name__ == "__main__":
    main()
