"""Whether a codec is good enough to ship, and its measured numbers written into its card.

    python benchmarks/card_metrics.py NAME ... --results FILE --data AUDIO [--speakers 48]

FILE is what `codecs.py --json FILE` wrote about these members, AUDIO the folder it heard (manifest.csv). A codec
ships when STOI on test speakers at its highest bitrate reaches 0.80 at 3 kbit/s and above, 0.70 from 1.5 to 3, 0.62
below, and when the perplexity of its first level, pooled over a clip of each of some train speakers, exceeds 30 % of
min(codebook size, 512). Vocoders have no bitrate and no such bar. Exits with 1 when one falls short; its card is
written all the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from earwitness.codecs import zoo
from earwitness.codecs.neural import NeuralCodec
from earwitness.codecs.task import perplexity
from earwitness.core import audio, weights
from earwitness.datasets import readers

METRICS = ("stoi", "pesq", "mel")
PERPLEXITY_SHARE = 0.3


def floor(kbps: float) -> float:
    """The lowest STOI with which a codec of this bitrate ships."""
    return 0.80 if kbps >= 3 else 0.70 if kbps >= 1.5 else 0.62


def measured(results: Path, name: str) -> dict[float, dict[str, float]]:
    """Means of METRICS by bitrate."""
    values: dict[float, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in results.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["codec"] == name:
            for metric in METRICS:
                if row[metric] is not None:
                    values[row["kbps"]][metric].append(row[metric])
    if not values:
        raise SystemExit(f"{results} says nothing about {name}.")
    return {kbps: {key: float(np.mean(of)) for key, of in found.items()} for kbps, found in sorted(values.items())}


def codebook_use(name: str, data: Path, speakers: int) -> tuple[float, int]:
    """Perplexity of the first level over one clip of each of `speakers` train speakers, and the codebook's size."""
    codec = zoo.open(name)
    assert isinstance(codec, NeuralCodec)
    first = {clip.speaker: clip for clip in readers.read_folder(data) if clip.split == "train"}
    chosen = sorted(first)[:: max(1, len(first) // speakers)][:speakers]
    codes = [codec.encode(audio.load(data / first[one].path).mono()).codes[0] for one in chosen]
    return perplexity(torch.from_numpy(np.concatenate(codes))), round(2 ** codec.spec.bits[0])


def judge(name: str, results: Path, data: Path, speakers: int) -> bool:
    """Write the card's metrics; whether the member may ship."""
    card = weights.card(name)
    found = measured(results, name)
    numbers: dict[str, float | str] = {}
    for kbps, means in found.items():
        at = f"_{kbps:g}kbps" if kbps else ""
        numbers |= {f"{metric}{at}": round(value, 3) for metric, value in means.items()}
    fine, said = True, []
    if card.kind == "codec":
        top = max(found)
        used, size = codebook_use(name, data, speakers)
        numbers["perplexity_train"] = round(used, 1)
        bar = PERPLEXITY_SHARE * min(size, 512)
        fine = found[top]["stoi"] >= floor(top) and used > bar
        said = [f"STOI {found[top]['stoi']:.3f} at {top:g} kbit/s (bar {floor(top):.2f})"]
        said.append(f"perplexity {used:.0f} (bar {bar:.0f})")
    files = {part: card.folder / Path(entry["file"]).name for part, entry in card.files.items()}
    weights.write_card(dataclasses.replace(card, metrics=numbers), files)
    print(f"{name}: {'ships' if fine else 'falls short'}; {', '.join(said) or 'a vocoder'}")
    return fine


def main() -> None:
    parser = argparse.ArgumentParser(description="Shipping bar and card metrics of codecs.")
    parser.add_argument("names", nargs="+")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--speakers", type=int, default=48)
    chosen = parser.parse_args()
    fine = [judge(name, chosen.results, chosen.data, chosen.speakers) for name in chosen.names]
    raise SystemExit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
