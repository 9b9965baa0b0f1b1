"""The use cases as tasks: from a Task to an Outcome. Only children import this: it loads decoders and models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from ...core.audio import probe
from ...core.errors import LimitError, UsageError
from ...core.weights import card
from ...detect.options import Options
from ...watermark.key import Key
from ...watermark.layout import VERSION
from .. import marking, service
from ..schemas import Schema
from .tasks import Outcome, Task


def scan(task: Task) -> Outcome:
    """A detection. options: those of `Options` that the caller named."""

    def judge(task: Task) -> Outcome:
        asked = Options(**task.options, provider=task.provider, limits=task.bounds.limits())
        result = service.judge(Path(task.path), asked)
        return _outcome(result, result.model)

    return _in_time(task, judge)


def mark(task: Task) -> Outcome:
    """A marked copy of a file. options: target, keys, passphrase, records, claims, strength, owner."""

    def embed(task: Task) -> Outcome:
        options = task.options
        made = marking.embed_file(
            Path(task.path),
            Path(options["target"]),
            _keys(options["keys"], options["passphrase"])[0],
            marking.records_to_write(options["records"]),
            options["claims"],
            options["strength"],
            owner=options["owner"],
            limits=task.bounds.limits(),
        )
        return _outcome(made, mark_model())

    return _in_time(task, embed)


def verify(task: Task) -> Outcome:
    """What marks a file carries. options: keys, passphrase, records."""

    def search(task: Task) -> Outcome:
        options = task.options
        records = marking.records_to_write(options["records"])
        keys = _keys(options["keys"], options["passphrase"])
        result = marking.verify_file(Path(task.path), keys, records, limits=task.bounds.limits())
        record = None if result.record is None else records.get(result.record)
        return _outcome(result, mark_model(), None if record is None else record.owner)

    return _in_time(task, search)


def record(task: Task) -> Outcome:
    """One record. options: records, id."""
    found = marking.records_to_write(task.options["records"]).get(task.options["id"])
    if found is None:
        return Outcome(refused="absent", detail="There is no such record.")
    return _outcome(marking.mark_record(found), mark_model(), found.owner)


BY_KIND: dict[str, Callable[[Task], Outcome]] = {"scan": scan, "mark": mark, "verify": verify, "record": record}


def mark_model() -> dict[str, str]:
    """Name, version and digest of what marks and listens for marks."""
    return {"name": "mark", "version": VERSION, "sha256": card("listener").files["numpy"]["sha256"]}


def _in_time(task: Task, work: Callable[[Task], Outcome]) -> Outcome:
    """The outcome, or `long` for more seconds than a direct answer may work on."""
    bounds = task.bounds
    if task.sync_seconds is None or task.sync_seconds >= bounds.max_seconds:
        return work(task)
    stated = probe(task.path, limits=bounds.limits()).seconds  # what no job would take either is refused here
    if stated is not None and stated > task.sync_seconds:
        return Outcome(long=True)
    try:
        return work(task.model_copy(update={"bounds": bounds.model_copy(update={"max_seconds": task.sync_seconds})}))
    except LimitError:
        return Outcome(long=True)


def _outcome(result: Schema, model: dict[str, str], owner: str | None = None) -> Outcome:
    return Outcome(result=result.model_dump(mode="json"), model=model, owner=owner)


def _keys(files: Sequence[str], passphrase: str | None) -> tuple[Key, ...]:
    if not files:
        raise UsageError("The operator of this server has set no key for marks.")
    return _read(tuple(files), passphrase)


@lru_cache(maxsize=4)
def _read(files: tuple[str, ...], passphrase: str | None) -> tuple[Key, ...]:
    """Read once in a child: opening an encrypted key takes as long as scanning a minute."""
    return tuple(marking.read_keys([Path(file) for file in files], None if passphrase is None else Path(passphrase)))
