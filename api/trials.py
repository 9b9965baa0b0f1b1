"""Scores and labels brought together: from a labelled file, or by file name with protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..core.errors import DataError
from ..datasets.protocols import Protocol, Trial
from ..datasets.protocols import read as read_protocol
from ..detect.walk import SUFFIXES
from .score_files import ScoreRow

LABELS = {"bonafide": False, "spoof": True}
# How published score files call the two classes beside their scores.
WORDS = {**LABELS, "bona-fide": False, "real": False, "genuine": False, "fake": True}
TRAITS, CONDITIONS = ("kind", "system"), ("codec",)
_DOUBTFUL = -1


@dataclass(frozen=True)
class Scored:
    """One trial: score (nats, above 0 for synthetic; None without an answer) and its label.

    traits: of fakes only (kind, system ...). conditions: of both classes (codec ...). missing: the score file does
    not hold it at all.
    """

    path: str
    synthetic: bool
    score: float | None
    cluster: str
    traits: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    missing: bool = False


@dataclass(frozen=True)
class Joined:
    """All trials of the quoted subset in the protocol's order, scored or not.

    surplus: scores of recordings that no protocol lists. apart: scores of trials outside of the quoted subset.
    """

    rows: tuple[Scored, ...]
    surplus: int = 0
    apart: int = 0


def labelled(scores: Sequence[ScoreRow]) -> Joined:
    """The rows of a file with a column `label` (bonafide | spoof), and optionally cluster, kind, system, codec.

    Raises DataError that names the line, also for a path that occurs twice and when a class is missing.
    """
    rows: list[Scored] = []
    seen: set[str] = set()
    for row in scores:
        label = row.columns.get("label")
        if label not in LABELS:
            raise DataError(f"{row.where}: label must be 'bonafide' or 'spoof', not {label!r}.")
        if row.path and row.path in seen:
            raise DataError(f"{row.where}: {row.path!r} was scored before; each trial counts once.")
        seen.add(row.path)

        def named(names: Sequence[str], columns: Mapping[str, object] = row.columns) -> dict[str, str]:
            return {name: str(columns[name]) for name in names if columns.get(name)}

        fake = LABELS[label]
        cluster = str(row.columns.get("cluster") or row.path or row.where)
        rows.append(Scored(row.path, fake, row.score, cluster, named(TRAITS) if fake else {}, named(CONDITIONS)))
    if len({row.synthetic for row in rows if row.score is not None}) < 2:
        raise DataError("Both genuine and synthetic clips are needed to measure how well they are told apart.")
    return Joined(tuple(rows))


def read_protocols(files: Sequence[Path], format: str | None) -> list[Protocol]:
    """See `datasets.protocols.read`."""
    return [read_protocol(file, format) for file in files]


def join(protocols: Sequence[Protocol], scores: Sequence[ScoreRow]) -> Joined:
    """Scores joined to trials by file name, without folders and suffix where those are not needed to tell them apart.

    Raises DataError for a trial that is listed or scored twice, for a score that could be of several trials, for a
    label beside a score that the protocol contradicts, and when nothing fits.
    """
    trials = [trial for protocol in protocols for trial in protocol.trials]
    within = [not p.quoted or trial.subset == p.quoted for p in protocols for trial in p.trials]
    index = _Index(trials)
    found: dict[int, ScoreRow] = {}
    surplus = 0
    for row in scores:
        at = index.find(row)
        if at is None:
            surplus += 1
            continue
        if at in found:
            raise DataError(
                f"{row.where}: {row.path!r} was scored before ({found[at].where}); each trial counts once."
            )
        _agree(trials[at], row)
        found[at] = row
    if not found:
        raise DataError(
            f"None of the {len(scores)} scores belongs to a trial of the protocol: {scores[0].path!r} is none of "
            f"{trials[0].file!r} ..."
        )
    rows = [
        Scored(
            trial.file,
            trial.synthetic,
            found[at].score if at in found else None,
            trial.speaker or trial.file,
            trial.traits,
            trial.conditions,
            missing=at not in found,
        )
        for at, trial in enumerate(trials)
        if within[at]
    ]
    return Joined(tuple(rows), surplus, sum(not within[at] for at in found))


def _parts(path: str) -> tuple[str, ...]:
    """Folders and name, without the suffix of a sound file."""
    pure = PurePosixPath(path.strip().replace("\\", "/"))
    name = pure.stem if pure.suffix.lower() in SUFFIXES else pure.name
    return (*(part for part in pure.parent.parts if part not in (".", "/")), name)


def _tails(parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The longest first, the bare name last."""
    return (parts[start:] for start in range(len(parts)))


class _Index:
    """Trials by their paths. A score fits a trial when one of the two paths is the end of the other: MLAAD's fakes
    are called like the genuine recordings that they copy, and only their folders tell them apart."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._whole: dict[tuple[str, ...], int] = {}
        self._ends: dict[tuple[str, ...], int] = {}
        for at, trial in enumerate(trials):
            parts = _parts(trial.file)
            if parts in self._whole:
                raise DataError(f"The protocols list {trial.file!r} twice.")
            self._whole[parts] = at
            for end in list(_tails(parts))[1:]:
                self._ends[end] = _DOUBTFUL if end in self._ends else at

    def find(self, row: ScoreRow) -> int | None:
        """The trial of a score; None: of no trial. Raises DataError for a score that could be of several."""
        parts = _parts(row.path)
        at = next((self._whole[tail] for tail in _tails(parts) if tail in self._whole), None)
        at = self._ends.get(parts) if at is None else at
        if at == _DOUBTFUL:
            raise DataError(
                f"{row.where}: {row.path!r} could be several trials; name its folders as the protocol does."
            )
        return at


def _agree(trial: Trial, row: ScoreRow) -> None:
    label = row.columns.get("label")
    if label in WORDS and WORDS[str(label)] != trial.synthetic:
        truth = "spoof" if trial.synthetic else "bona fide"
        raise DataError(
            f"{row.where}: the label {label!r} of {row.path!r} contradicts the protocol, which says {truth}."
        )
