"""DET, Tippett and reliability plots of scored trials, as files that appear whole. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ..core import metrics
from ..core.errors import DataError, MissingPart, UsageError
from ..core.files import replacing
from ..core.text import printable
from .choices import PlotFormat
from .trials import Scored

TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 0.999)
EDGE = 5e-4  # a rate of 0 or 1 has no place on a normal deviate scale


@dataclass(frozen=True, eq=False)
class Curves:
    """Scores (n,) in nats of one detector, and which are of fakes."""

    scores: NDArray[np.float64]
    synthetic: NDArray[np.bool_]


def curves(rows: Sequence[Scored]) -> Curves:
    """The answered trials. Raises DataError when a class is missing."""
    answered = [row for row in rows if row.score is not None]
    flags = np.array([row.synthetic for row in answered], dtype=bool)
    if not flags.size or flags.all() or not flags.any():
        raise DataError("Plots need genuine and synthetic trials with scores.")
    return Curves(np.array([row.score for row in answered], dtype=np.float64), flags)


def draw(detectors: Mapping[str, Curves], folder: Path, kind: PlotFormat = PlotFormat.SVG) -> list[Path]:
    """Write det, tippett and reliability of one or more detectors, by name, into `folder`; returns the files.

    Raises MissingPart without matplotlib, UsageError when the folder cannot be made or written.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPart(
            "Plots need matplotlib, in the extra 'report': pip install 'earwitness[report]'."
        ) from error
    files = []
    # A dollar sign would start a formula, and matplotlib hides what begins with an underscore.
    named = {" " + printable(name).replace("$", r"\$"): own for name, own in detectors.items()}
    # A fixed salt and no date: the same scores give the same bytes.
    with rc_context({"svg.hashsalt": "earwitness", "font.size": 9}):
        for name, fill in PLOTS.items():
            figure = Figure(figsize=(4.6, 4.4), layout="constrained")
            fill(figure.add_subplot(), named)
            file = folder / f"{name}.{kind.value}"
            try:
                with replacing(file) as temporary:
                    figure.savefig(temporary, dpi=150, metadata={"Date": None} if kind == PlotFormat.SVG else None)
            except OSError as error:
                raise UsageError(f"Cannot write {str(file)!r}: {error.strerror}.") from error
            files.append(file)
    return files


def _det(axes: Any, detectors: Mapping[str, Curves]) -> None:
    """Martin et al., The DET curve in assessment of detection task performance, 1997."""
    for name, own in detectors.items():
        points = metrics.det_points(own.scores, own.synthetic)
        x, y = (ndtri(np.clip(rate, EDGE, 1.0 - EDGE)) for rate in (points.fpr, points.fnr))
        axes.plot(x, y, label=name)
    ends = ndtri([EDGE, 1.0 - EDGE])
    axes.plot(ends, ends, color="0.8", linewidth=0.8, zorder=0)
    for set_ticks, set_limits in ((axes.set_xticks, axes.set_xlim), (axes.set_yticks, axes.set_ylim)):
        set_ticks(ndtri(TICKS), [f"{100 * tick:g}" for tick in TICKS], fontsize=7)
        set_limits(*ends)
    axes.set(xlabel="genuine called synthetic, %", ylabel="synthetic not recognised, %", title="DET")
    axes.grid(color="0.9")
    axes.legend()


def _tippett(axes: Any, detectors: Mapping[str, Curves]) -> None:
    """Share of trials of each class whose LLR is above the abscissa (Meuwly and Drygajlo 2001)."""
    for index, (name, own) in enumerate(detectors.items()):
        points = metrics.det_points(own.scores, own.synthetic)
        for share, word, style in ((points.fpr, "genuine", "--"), (1.0 - points.fnr, "synthetic", "-")):
            levels = points.thresholds / np.log(10.0)
            levels[0] = levels[1:].min()
            axes.step(levels, share, style, where="post", color=f"C{index}", label=f"{name}, {word}")
    axes.axvline(0.0, color="0.8", linewidth=0.8, zorder=0)
    axes.set(xlabel="log10 likelihood ratio, above 0: synthetic", ylabel="share above", title="Tippett")
    axes.set_ylim(-0.02, 1.02)
    axes.legend()


def _reliability(axes: Any, detectors: Mapping[str, Curves]) -> None:
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=0.8, zorder=0)
    for name, own in detectors.items():
        found = metrics.reliability(own.scores, own.synthetic)
        axes.plot(found.predicted, found.observed, "o-", label=f"{name}, mean error {found.error:.3f}")
        for x, y, count in zip(found.predicted, found.observed, found.counts, strict=True):
            axes.annotate(str(count), (x, y), textcoords="offset points", xytext=(3, -9), fontsize=6, color="0.4")
    axes.set(
        xlabel="predicted probability of synthetic (prior 0.5)", ylabel="observed share", title="Reliability",
        xlim=(-0.02, 1.02), ylim=(-0.02, 1.02),
    )  # fmt: skip
    axes.legend()


PLOTS: Mapping[str, Callable[[Any, Mapping[str, Curves]], None]] = {
    "det": _det,
    "tippett": _tippett,
    "reliability": _reliability,
}
