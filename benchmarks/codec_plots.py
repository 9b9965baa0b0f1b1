"""Rate against quality of every codec that was measured, as one picture.

    python benchmarks/codec_plots.py RESULTS.jsonl OUT.png

RESULTS is what `codecs.py --json` wrote. One panel each for PESQ, STOI and mel distance over nominal kbit/s;
vocoders and copy synthesis, which code nothing, stand at the right edge.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot

PANELS = (
    ("pesq", "PESQ-WB, higher is better"),
    ("stoi", "STOI, higher is better"),
    ("mel", "mel distance, lower is better"),
)
# Where what has no bitrate is drawn, kbit/s.
ASIDE = 60.0


def means(file: Path) -> dict[str, list[dict[str, float]]]:
    """By codec, a point for each bitrate: kbps and the mean of each panel's metric."""
    rows: dict[tuple[str, float], list[dict[str, float]]] = defaultdict(list)
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows[row["codec"], row["kbps"]].append(row)
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for (codec, kbps), own in sorted(rows.items()):
        point = {key: float(np.mean([row[key] for row in own if row[key] is not None])) for key, _ in PANELS}
        found[codec].append({"kbps": kbps or ASIDE, **point})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Plot rate against quality.")
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(15, 5.5), layout="constrained")
    colours = pyplot.get_cmap("tab20")
    found = means(chosen.results)
    for number, (codec, points) in enumerate(found.items()):
        coded = points[0]["kbps"] < ASIDE
        style = {"color": colours(number % 20), "marker": "o" if coded else "s", "markersize": 4, "label": codec}
        if codec in ("opus", "lyra-v2"):
            style |= {"linestyle": "--", "color": "black" if codec == "opus" else "grey"}
        for axis, (metric, _) in zip(axes, PANELS, strict=True):
            axis.plot([point["kbps"] for point in points], [point[metric] for point in points], **style)
    for axis, (_, title) in zip(axes, PANELS, strict=True):
        axis.set(xscale="log", xlabel="kbit/s", title=title)
        axis.set_xticks([0.5, 1, 2, 4, 8, 16, ASIDE], ["0.5", "1", "2", "4", "8", "16", "none"])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=8, fontsize=9)
    figure.savefig(chosen.out, dpi=90)


if __name__ == "__main__":
    main()
