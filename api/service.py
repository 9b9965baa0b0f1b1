"""Use cases around verdicts: what the command line and the HTTP service do. Nothing here prints."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from ..core import weights as store
from ..core.errors import UsageError
from ..core.home import home
from ..detect import registry
from ..detect.options import Options
from ..detect.scan import scan_as, scan_many
from ..detect.verdict import Failure, Verdict
from ..detect.walk import expand
from . import schemas
from .schemas import Failed, Result, Scanned, Weight

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
    files: Sequence[Path],
    options: Options,
    *,
    workers: int = 1,
    key_files: Sequence[Path] = (),
    passphrase_file: Path | None = None,
    explain: bool = False,
) -> Iterator[Scanned | Failed]:
    """Judge `files` in order; what cannot be read gives a Failed.

    explain: each answer with what carried its score. key_files: of watermark keys; with them each answer has
    `marks`, found in `workers` more processes. Raises UsageError for impossible arguments, WeightsError for an
    unknown detector and InputError for a key file that cannot be used, before any file is read.
    """
    answers: Iterator[Scanned | Failed] = map(_record, scan_many(files, options, workers=workers))
    if explain:
        answers = map(partial(explained, options), answers)
    if not key_files:
        return answers
    from . import marking

    keys = marking.read_keys(key_files, passphrase_file)
    marks = marking.verify(files, keys, marking.records_to_read(None), workers=workers, limits=options.limits)
    return map(marking.beside, answers, marks)


def explained(options: Options, answer: Scanned | Failed) -> Scanned | Failed:
    """A scan's answer with what carried its score. Raises UsageError for a detector that cannot tell."""
    from ..detect.explain import explain

    if isinstance(answer, Failed):
        return answer
    result = answer.result
    parts = explain(
        answer.path,
        result.track,
        result.channel,
        detector=options.detector,
        limits=options.limits,
        scored=result.score is not None,
    )
    told = tuple(schemas.Part(name=part.name, nats=round(part.nats, 4)) for part in parts)
    return answer.model_copy(update={"explanation": told})


def configured_key_files() -> list[Path]:
    """The key files that lie in the folder `keys` under EARWITNESS_HOME: a scan looks for their marks."""
    return sorted(file for file in (home() / "keys").glob("*") if file.is_file() and not file.name.startswith("."))


def _record(answer: Verdict | Failure) -> Scanned | Failed:
    if isinstance(answer, Failure):
        return schemas.from_failure(answer)
    return Scanned(path=schemas.text_path(answer.path), result=schemas.from_verdict(answer))


def judge(file: Path, options: Options) -> Result:
    """Judge one file. Raises AudioError when it cannot be read, else as `scan`."""
    return schemas.from_verdict(scan_as(options, file))


def any_genuine(records: Iterable[Scanned | Failed]) -> bool:
    """Whether a known fake among `records` passed as genuine, or could not even be read."""
    return any(isinstance(record, Failed) or record.result.decision == "genuine" for record in records)


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
