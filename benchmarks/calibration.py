"""Tables about the meaning of scores: costs and reliability, and how many fakes are found at few false alarms.

`benchmarks/scan.py` prints them, of the very scores of its other tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from earwitness.core import intervals, metrics
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
ALARMS = (0.01, 0.05)
COSTS = ("C_llr", "least C_llr", "actual DCF", "least DCF", "actual - least DCF")
_DRAWS = 500


def macro_detection(scores: Floats, synthetic: Flags, kinds: Sequence[str], alarms: float) -> float:
    """Mean over kinds of system of `metrics.detection_at`, each against all genuine clips."""
    kind_of = np.asarray(kinds)
    found = [
        metrics.detection_at(scores[rows], synthetic[rows], alarms)
        for kind in sorted(set(kind_of[synthetic]))
        if (rows := ~synthetic | (kind_of == kind)).any()
    ]
    return float(np.mean(found))


def detection_cells(scores: Floats, synthetic: Flags, kinds: Sequence[str], pages: Sequence[str]) -> list[str]:
    """Pooled with its interval over pages, and macro over kinds, at each of ALARMS."""
    cells = []
    for alarms in ALARMS:

        def at(s: Floats, f: Flags, alarms: float = alarms) -> float:
            return metrics.detection_at(s, f, alarms)

        cells += [_with_interval(at, pages, scores, synthetic, 100)]
        cells += [f"{100 * macro_detection(scores, synthetic, kinds, alarms):.1f}"]
    return cells


def cost_cells(llr: Floats, synthetic: Flags, pages: Sequence[str], calibrated: bool) -> list[str]:
    """COSTS with intervals over pages; for scores that are no likelihood ratios only what any scale allows."""

    def gap(s: Floats, f: Flags) -> float:
        return metrics.act_dcf(s, f) - metrics.min_dcf(s, f)

    functions: list[Callable[[Floats, Flags], float] | None] = [
        metrics.cllr if calibrated else None,
        metrics.cllr_min,
        metrics.act_dcf if calibrated else None,
        metrics.min_dcf,
        gap if calibrated else None,
    ]
    return ["-" if function is None else _with_interval(function, pages, llr, synthetic) for function in functions]


def reliability_rows(llr: Floats, synthetic: Flags) -> list[list[str]]:
    """Bins of predicted probability at even odds: what was predicted, what was observed, clips; the mean gap last."""
    found = metrics.reliability(llr, synthetic)
    rows = [
        [f"{100 * said:.1f}", f"{100 * seen:.1f}", str(count)]
        for said, seen, count in zip(found.predicted, found.observed, found.counts.tolist(), strict=True)
    ]
    return [*rows, [f"mean gap {100 * found.error:.1f}", "", str(int(found.counts.sum()))]]


def _with_interval(
    function: Callable[[Floats, Flags], float], pages: Sequence[str], scores: Floats, synthetic: Flags, scale: int = 1
) -> str:
    found = intervals.bootstrap(function, pages, scores, synthetic, n=_DRAWS)
    digits = 1 if scale == 100 else 3
    value, low, high = (f"{scale * number:.{digits}f}" for number in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"
