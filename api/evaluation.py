"""From scored trials to error rates with intervals, for all, for each group, and for two detectors in pairs."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import metrics
from ..core.errors import DataError, UsageError
from ..core.metrics import ASVSPOOF5_THRESHOLD, Interval, bootstrap
from .choices import HigherIs
from .schemas import Comparison, Evaluation
from .score_files import read_scores
from .trials import Joined, Scored, join, labelled, read_protocols

# Above this share of ties between the classes the EER hangs on how a tool breaks them.
MOST_TIES = 0.01
WHOLE = "all"
# What two detectors are compared by; of all but the AUC less is better.
COMPARED: dict[str, Callable[..., float]] = {
    "eer": metrics.eer,
    "min_dcf": metrics.min_dcf,
    "act_dcf": metrics.act_dcf,
    "cllr": metrics.cllr,
    "auc": metrics.auc,
}


def gather(
    scores: Path,
    protocols: Sequence[Path] = (),
    format: str | None = None,
    higher_is: HigherIs | None = None,
) -> Joined:
    """Trials with scores: those of the protocols, or without one those of a labelled file. Raises DataError."""
    rows = read_scores(scores, higher_is)
    return join(read_protocols(protocols, format), rows) if protocols else labelled(rows)


def evaluate(
    rows: Sequence[Scored], *, threshold: float | None = None, draws: int = 1000, seed: int = 0
) -> list[Evaluation]:
    """One row for all, then one for each trait of fakes (kind, system ...) against all genuine trials, and for each
    condition (codec ...) of both classes; a trait or condition that all share gives none.

    threshold: nats, above which a trial is flagged (default: the Bayes threshold of ASVspoof 5's costs). draws: of
    the cluster bootstrap; 0 for no intervals. Raises DataError when nothing was scored.
    """
    level = ASVSPOOF5_THRESHOLD if threshold is None else threshold
    genuine = [row for row in rows if not row.synthetic]
    groups: dict[str, Sequence[Scored]] = {WHOLE: rows}
    for field in _names(row.traits for row in rows):
        values = sorted({row.traits[field] for row in rows if field in row.traits})
        for value in values if len(values) > 1 else []:
            groups[f"{field} {value}"] = [*genuine, *(row for row in rows if row.traits.get(field) == value)]
    for field in _names(row.conditions for row in rows):
        values = sorted({row.conditions[field] for row in rows if field in row.conditions})
        for value in values if len(values) > 1 else []:
            groups[f"{field} {value}"] = [row for row in rows if row.conditions.get(field) == value]
    if not any(row.score is not None for row in rows):
        raise DataError("No trial has a score.")
    return [_evaluate(name, group, level, draws, seed) for name, group in groups.items()]


def _names(tables: Iterable[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(name for table in tables for name in table))


def _evaluate(name: str, rows: Sequence[Scored], threshold: float, draws: int, seed: int) -> Evaluation:
    answered = [row for row in rows if row.score is not None]
    scores = np.array([row.score for row in answered], dtype=np.float64)
    flags = np.array([row.synthetic for row in answered], dtype=bool)
    clusters = [row.cluster for row in answered]
    count = Evaluation(
        group=name,
        genuine=int(np.count_nonzero(~flags)),
        synthetic=int(np.count_nonzero(flags)),
        unanswered=sum(row.score is None and not row.missing for row in rows),
        missing=sum(row.missing for row in rows),
        clusters=len(set(clusters)),
        threshold=threshold,
    )
    if not count.genuine or not count.synthetic:
        share = float(np.mean(scores > threshold)) if len(scores) else None
        return count.model_copy(
            update={
                "fpr": share if count.genuine else None,
                "fnr": None if share is None or count.genuine else 1.0 - share,
                "warnings": ("only one class is here, so that there is no EER",) if name == WHOLE else (),
            }
        )
    numbers = metrics.summarise(scores, flags, threshold)
    interval: Interval | None = None
    if draws and math.isfinite(numbers.eer):
        with contextlib.suppress(DataError):  # too few clusters: no interval
            interval = bootstrap(metrics.eer, clusters, scores, flags, n=draws, seed=seed)
    return count.model_copy(
        update={
            "eer": numbers.eer if math.isfinite(numbers.eer) else None,
            "eer_low": None if interval is None else interval.low,
            "eer_high": None if interval is None else interval.high,
            "auc": numbers.auc,
            "min_dcf": numbers.min_dcf,
            "act_dcf": numbers.act_dcf,
            "cllr": numbers.cllr,
            "cllr_min": numbers.cllr_min,
            "fpr": numbers.fpr,
            "fnr": numbers.fnr,
            "ties": numbers.ties,
            "warnings": tuple(_doubts(scores, flags, numbers, whole=name == WHOLE)),
        }
    )


def _doubts(
    scores: NDArray[np.float64], flags: NDArray[np.bool_], numbers: metrics.Summary, *, whole: bool
) -> list[str]:
    """What speaks against believing the numbers of a group."""
    if not math.isfinite(numbers.eer):
        return ["all scores are equal, so that there is no EER"]
    doubts = []
    if numbers.ties > MOST_TIES:
        least, most = metrics.eer_by_ties(scores, flags)
        doubts.append(
            f"{numbers.ties:.1%} of the scores also occur in the other class (rounded or saturated?); by how such "
            f"ties are broken the EER is {least:.2%} to {most:.2%}"
        )
    if not whole:
        return doubts
    if numbers.eer > 0.5:
        doubts.append(f"an EER of {numbers.eer:.1%} may mean that the scores are turned around: see --higher-is")
    if np.abs(scores).max() <= 1.0 and (scores.min() >= 0.0 or scores.max() <= 0.0):
        doubts.append(
            "the scores look like probabilities, not log-likelihood ratios: act DCF, C_llr, FPR and FNR mean nothing"
        )
    return doubts


def compare(
    first: Sequence[Scored], second: Sequence[Scored], *, draws: int = 1000, seed: int = 0
) -> list[Comparison]:
    """Two detectors on the trials that both scored: differences (first minus second) with paired intervals.

    In one draw of the bootstrap both have the same clusters. Raises UsageError without draws, and DataError when they
    share too few trials or disagree on a label.
    """
    if draws < 1:
        raise UsageError("A comparison is made by bootstrap; it needs --draws above 0.")
    other = {row.path: row for row in second if row.score is not None}
    pairs = [(row, other[row.path]) for row in first if row.score is not None and row.path in other]
    if any(one.synthetic != two.synthetic for one, two in pairs):
        path = next(one.path for one, two in pairs if one.synthetic != two.synthetic)
        raise DataError(f"The two score files disagree on the label of {path!r}.")
    if not pairs:
        raise DataError("The two score files have no trial in common.")
    a = np.array([one.score for one, _ in pairs], dtype=np.float64)
    b = np.array([two.score for _, two in pairs], dtype=np.float64)
    flags = np.array([one.synthetic for one, _ in pairs], dtype=bool)
    clusters = [one.cluster for one, _ in pairs]
    rows = []
    for name, metric in COMPARED.items():
        found = bootstrap(_difference(metric), clusters, a, b, flags, n=draws, seed=seed)
        rows.append(
            Comparison(
                metric=name,
                trials=len(pairs),
                clusters=len(set(clusters)),
                first=metric(a, flags),
                second=metric(b, flags),
                difference=found.value,
                low=found.low,
                high=found.high,
            )
        )
    return rows


def _difference(metric: Callable[..., float]) -> Callable[..., float]:
    return lambda one, two, flags: metric(one, flags) - metric(two, flags)
