"""From a file of scores with labels to error rates with intervals."""

from __future__ import annotations

import contextlib
import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import DataError
from ..core.metrics import Interval, bootstrap, eer, summarise
from .schemas import Evaluation

LABELS = {"bonafide": False, "spoof": True}


@dataclass(frozen=True)
class Scored:
    """One row: score (nats, above 0 for synthetic; None when the detector had no answer) and its label."""

    path: str
    synthetic: bool
    score: float | None
    cluster: str
    kind: str
    system: str


def read_scores(file: Path) -> list[Scored]:
    """Rows of a CSV or JSON Lines file: path, label (bonafide | spoof), score, and optionally cluster, kind, system.

    Raises DataError that names the line.
    """
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            rows = _csv(stream) if file.suffix.lower() == ".csv" else _json(stream)
            found = [_row(row, f"{file.name}, line {number}") for number, row in rows]
    except OSError as error:
        raise DataError(f"The scores {str(file)!r} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise DataError(f"The scores {str(file)!r} are neither CSV nor JSON Lines: {error}.") from error
    if not found:
        raise DataError(f"The scores {str(file)!r} hold no row.")
    return found


def _csv(stream: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(stream)
    for row in reader:
        yield reader.line_num, row


def _json(stream: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, text in enumerate(stream, 1):
        if text.strip():
            row = json.loads(text)
            if not isinstance(row, dict):
                raise DataError(f"Line {number} of the scores is not a JSON object.")
            yield number, row


def _row(row: Mapping[str, Any], where: str) -> Scored:
    label, score = row.get("label"), row.get("score")
    if label not in LABELS:
        raise DataError(f"{where}: label must be 'bonafide' or 'spoof', not {label!r}.")
    if "score" not in row:
        raise DataError(f"{where}: there is no score.")
    try:
        value = None if score in (None, "") else float(score)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: the score {score!r} is not a number.") from error
    if value is not None and not math.isfinite(value):
        raise DataError(f"{where}: the score {score!r} is not finite.")
    path = str(row.get("path") or "")
    return Scored(
        path=path,
        synthetic=LABELS[label],
        score=value,
        cluster=str(row.get("cluster") or path or where),
        kind=str(row.get("kind") or ""),
        system=str(row.get("system") or ""),
    )


def evaluate(rows: list[Scored], *, draws: int = 1000, seed: int = 0) -> list[Evaluation]:
    """One row for all, then one for each kind and each system of fakes against all genuine rows.

    Intervals resample whole clusters. Raises DataError when a class is missing.
    """
    genuine = [row for row in rows if not row.synthetic]
    groups: dict[str, list[Scored]] = {"all": rows}
    for field in ("kind", "system"):
        names = sorted({getattr(row, field) for row in rows if row.synthetic} - {""})
        for name in names if len(names) > 1 else []:
            fakes = [row for row in rows if row.synthetic and getattr(row, field) == name]
            groups[f"{field} {name}"] = [*genuine, *fakes]
    return [_evaluate(name, group, draws, seed) for name, group in groups.items()]


def _evaluate(name: str, rows: list[Scored], draws: int, seed: int) -> Evaluation:
    answered = [row for row in rows if row.score is not None]
    scores = np.array([row.score for row in answered], dtype=np.float64)
    flags = np.array([row.synthetic for row in answered], dtype=bool)
    numbers = summarise(scores, flags)
    clusters = [row.cluster for row in answered]
    interval: Interval | None = None
    with contextlib.suppress(DataError):  # too few clusters: no interval
        interval = bootstrap(eer, clusters, scores, flags, n=draws, seed=seed)
    return Evaluation(
        group=name,
        genuine=numbers.genuine,
        synthetic=numbers.synthetic,
        unanswered=len(rows) - len(answered),
        clusters=len(set(clusters)),
        eer=numbers.eer,
        eer_low=None if interval is None else interval.low,
        eer_high=None if interval is None else interval.high,
        auc=numbers.auc,
        min_dcf=numbers.min_dcf,
        act_dcf=numbers.act_dcf,
        cllr=numbers.cllr,
    )
