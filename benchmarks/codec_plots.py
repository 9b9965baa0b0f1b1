"""Rate against quality of every codec that was measured, as one picture.

    python benchmarks/codec_plots.py RESULTS.jsonl OUT.png

RESULTS is what `codecs.py --json` wrote. One panel each for PESQ, STOI and mel distance over nominal kbit/s;
vocoders and copy synthesis, which code nothing, stand at the right edge beside their names.
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
from matplotlib.axes import Axes

PANELS = (
    ("pesq", "PESQ-WB, higher is better"),
    ("stoi", "STOI, higher is better"),
    ("mel", "mel distance, lower is better"),
)
# Where what has no bitrate is drawn, kbit/s.
ASIDE = 60.0
# Members that no training made are dashed.
STYLES = {
    "opus": {"color": "black", "linestyle": "--"},
    "lyra-v2": {"color": "tab:gray", "linestyle": "--"},
    "codec2": {"color": "tab:brown", "linestyle": "--"},
    "speex": {"color": "tab:olive", "linestyle": "--"},
}
COLOURS = ("tab:blue", "tab:red", "tab:green", "tab:purple", "tab:orange", "tab:cyan", "tab:pink", "navy", "gold")


def means(file: Path) -> dict[str, list[dict[str, float]]]:
    """By codec, a point for each bitrate: kbps and the mean of each panel's metric."""
    rows: dict[tuple[str, float], list[dict[str, float]]] = defaultdict(list)
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows[row["codec"], row["kbps"]].append(row)
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for (codec, kbps), own in sorted(rows.items()):
        point = {key: float(np.mean([row[key] for row in own if row[key] is not None])) for key, _ in PANELS}
        found[codec].append({"kbps": kbps, **point})
    return found


def names_aside(axis: Axes, values: dict[str, float]) -> None:
    """A square for each value at the right edge, its name beside it, names moved apart where they would touch."""
    low, high = axis.get_ylim()
    gap = 0.05 * (high - low)
    lowest = low - gap
    for name, value in sorted(values.items(), key=lambda entry: entry[1]):
        axis.plot(ASIDE, value, color="dimgray", marker="s", markersize=4)
        lowest = max(value, lowest + gap)
        place = (ASIDE * 1.25, lowest)
        axis.annotate(name, (ASIDE, value), place, fontsize=8, va="center", arrowprops={"arrowstyle": "-", "lw": 0.4})


def main() -> None:
    parser = argparse.ArgumentParser(description="Plot rate against quality.")
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    found = means(chosen.results)
    coded = {codec: points for codec, points in found.items() if points[0]["kbps"]}
    colours = dict(zip(sorted(coded.keys() - STYLES.keys()), COLOURS, strict=False))
    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(15, 5.5), layout="constrained")
    for axis, (metric, title) in zip(axes, PANELS, strict=True):
        for codec, points in coded.items():
            style = STYLES.get(codec) or {"color": colours[codec]}
            rates = [point["kbps"] for point in points]
            axis.plot(rates, [point[metric] for point in points], marker="o", markersize=4, label=codec, **style)
        names_aside(axis, {codec: points[0][metric] for codec, points in found.items() if codec not in coded})
        axis.set(xscale="log", xlabel="kbit/s", title=title, xlim=(0.4, 4 * ASIDE))
        axis.set_xticks([0.5, 1, 2, 4, 8, 16, ASIDE], ["0.5", "1", "2", "4", "8", "16", "none"])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=9, fontsize=9)
    figure.savefig(chosen.out, dpi=90)


if __name__ == "__main__":
    main()
