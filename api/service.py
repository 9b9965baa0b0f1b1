"""Use cases around verdicts: what the command line does today and HTTP will do. Nothing here prints."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..core import weights as store
from ..core.audio import Limits
from ..core.errors import UsageError
from ..detect import registry
from ..detect.scan import scan_many
from ..detect.verdict import Failure, Verdict
from ..detect.walk import expand
from . import schemas
from .schemas import Evaluation, Failed, Result, Weight

DEFAULT_DETECTOR = registry.DEFAULT


def find(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Files to scan: those named, and those with a sound or video suffix in folders named, each once, in order.

    A broken link or an unreadable folder stays in the list, so that the scan reports it. Raises UsageError when
    there is nothing to scan.
    """
    named = [Path(path) for path in paths]
    missing = [path for path in named if not os.path.lexists(path)]
    if len(missing) == len(named):
        raise UsageError(f"There is nothing to scan: no such file or folder: {_listed(missing)}.")
    files = list(dict.fromkeys(expand(named)))
    if not files:
        raise UsageError(f"There is no sound or video file in {_listed(named)}.")
    return files


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(repr(str(path)) for path in paths)


def scan(
    files: Iterable[Path],
    *,
    detector: str = DEFAULT_DETECTOR,
    workers: int = 1,
    prior: float | None = None,
    limits: Limits | None = None,
) -> Iterator[Result | Failed]:
    """Judge `files` in order; what cannot be read gives a Failed. `prior`: of synthetic, default the detector's.

    Raises UsageError for impossible arguments and WeightsError for an unknown detector, before any file is read.
    """
    return map(_record, scan_many(files, detector=detector, workers=workers, prior=prior, limits=limits))


def _record(answer: Verdict | Failure) -> Result | Failed:
    return schemas.from_failure(answer) if isinstance(answer, Failure) else schemas.from_verdict(answer)


def any_genuine(records: Iterable[Result | Failed]) -> bool:
    """Whether a known fake among `records` passed as genuine, or could not even be read."""
    return any(isinstance(record, Failed) or record.decision == "genuine" for record in records)


def evaluate(scores: Path) -> list[Evaluation]:
    """Error rates of a file of labelled scores. Raises DataError."""
    from .evaluation import evaluate as measure
    from .evaluation import read_scores

    return measure(read_scores(scores))


def weights(kind: str | None = None) -> list[Weight]:
    """Weights that lie in the package or under EARWITNESS_HOME, by name."""
    return [_weight(card) for _, card in sorted(store.cards(kind).items())]


def detectors() -> list[Weight]:
    """Detectors that `scan` can use."""
    return weights(registry.KIND)


def _weight(card: store.Card) -> Weight:
    return Weight(
        name=card.name,
        kind=card.kind,
        version=card.version,
        summary=card.summary,
        licence=card.licence,
        files={entry["file"]: entry["sha256"] for entry in card.files.values()},
    )


def import_aasist(file: Path, name: str) -> Weight:
    """Turn published AASIST weights into a detector under EARWITNESS_HOME. Raises MissingPart without torch."""
    from ..detect.aasist_import import import_aasist as bring

    return _weight(store.read_card(bring(file, name)))
