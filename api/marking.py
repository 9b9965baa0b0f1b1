"""Use cases of the watermark: keys, files that are marked and searched, records, attacks. Nothing here prints."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..core import run
from ..core.audio import Audio, Limits, load, save
from ..core.errors import InputError, UsageError
from ..core.home import home
from ..watermark import DEFAULT_STRENGTH, Key, Record, Records, generate
from ..watermark import files as watermark_files
from ..watermark.key_file import read_key, write_key
from ..watermark.plan import Search
from ..watermark.records import open_records
from . import schemas
from .schemas import AttackName, Failed, Marked, MarkRecord, MarkResult, Scanned, Verified

# The store under EARWITNESS_HOME that is used when none is named.
RECORDS = "records.sqlite"


def make_key(file: Path, passphrase_file: Path | None = None) -> str:
    """Write a new key to a new file, encrypted when there is a passphrase; returns the key's id."""
    key = generate()
    write_key(file, key, None if passphrase_file is None else read_passphrase(passphrase_file))
    return key.id


def read_keys(files: Sequence[Path], passphrase_file: Path | None = None) -> list[Key]:
    """The keys of key files, each once. The passphrase is for those that are encrypted.

    Raises InputError and UsageError as `read_key`; UsageError when none of the files needs the passphrase.
    """
    if passphrase_file is None:
        return list(dict.fromkeys(map(read_key, files)))
    passphrase = read_passphrase(passphrase_file)
    if len(files) == 1:
        return [read_key(files[0], passphrase)]
    return list(dict.fromkeys(_either(file, passphrase) for file in files))


def _either(file: Path, passphrase: bytes) -> Key:
    try:
        return read_key(file)
    except InputError:
        return read_key(file, passphrase)


def read_passphrase(file: Path) -> bytes:
    """The first line of a file, without its line end. Raises InputError when it cannot be read or is empty."""
    try:
        with open(file, "rb") as stream:
            passphrase = stream.readline(4096).rstrip(b"\r\n")
    except OSError as error:
        raise InputError(f"The passphrase file {str(file)!r} cannot be read: {error.strerror}.") from error
    if not passphrase:
        raise InputError(f"The passphrase file {str(file)!r} has an empty first line.")
    return passphrase


def records_to_write(place: str | None) -> Records:
    """The store at a file or SQLAlchemy URL, by default under EARWITNESS_HOME; made when it is absent."""
    return open_records(home() / RECORDS if place is None else place)


def records_to_read(place: str | None) -> Records | None:
    """The store at a file or URL; None when none is named and there is none under EARWITNESS_HOME.

    Raises UsageError when the named file does not exist.
    """
    file = home() / RECORDS if place is None else Path(place)
    if place is not None and "://" in place:
        return open_records(place)
    if file.is_file():
        return open_records(file)
    if place is None:
        return None
    raise UsageError(f"There are no records at {place!r}; 'earwitness watermark embed' writes them.")


def embed_file(
    source: Path,
    target: Path,
    key: Key,
    records: Records,
    claims: dict[str, Any] | None = None,
    strength: float | None = None,
    *,
    owner: str = "",
    verify: bool = True,
    overwrite_source: bool = False,
    limits: Limits | None = None,
    comment: str = "",
) -> Marked:
    """Write `source` with a mark to `target`, and the mark's record to `records`: both or neither.

    strength: dB, default DEFAULT_STRENGTH. Other arguments and errors as `watermark.files.embed_file`.
    """
    made = watermark_files.embed_file(
        source,
        target,
        key,
        records,
        claims=claims,
        strength=DEFAULT_STRENGTH if strength is None else strength,
        owner=owner,
        verify=verify,
        overwrite_source=overwrite_source,
        limits=limits,
        comment=comment,
    )
    record = made.record
    return Marked(
        record=record.id,
        key_id=record.key_id,
        handle=record.handle,
        created=record.created,
        claims=record.claims,
        seconds=round(record.seconds, 3),
        rate=record.rate,
        channels=record.channels,
        format=f"{made.format} {made.subtype}",
        strength=record.strength,
        clipped=made.clipped,
        p_value=made.p_value,
        source_sha256=record.source_sha256,
        marked_sha256=record.marked_sha256,
        warnings=tuple(map(schemas.valid, made.warnings)),
    )


def verify_file(
    path: Path,
    keys: Sequence[Key],
    records: Records | None = None,
    search: Search = "full",
    *,
    limits: Limits | None = None,
) -> MarkResult:
    """What a file says about the marks of `keys`. Raises AudioError when it cannot be read."""
    found = watermark_files.verify_file(path, keys, records, search=search, limits=limits)
    evidence = found.evidence
    record = None if records is None or evidence.record is None else records.get(evidence.record)
    return MarkResult(
        verdict=evidence.verdict,
        p_value=evidence.p_value,
        hypotheses=evidence.hypotheses,
        spans=tuple(schemas.MarkSpan(start=span.start, end=span.end) for span in evidence.spans),
        edits=tuple(schemas.MarkEdit(at=edit.at, kind=edit.kind, seconds=edit.seconds) for edit in evidence.edits),
        key_id=evidence.key_id,
        record=evidence.record,
        handle=evidence.handle,
        claims=None if record is None else record.claims,
        speed=evidence.speed,
        tempo=evidence.tempo,
        pitch=evidence.pitch,
        seconds=evidence.seconds,
        track=found.track,
        channel=evidence.channel,
        reasons=tuple(map(schemas.valid, evidence.reasons)),
        warnings=tuple(map(schemas.valid, found.warnings)),
    )


def verify(
    files: Iterable[Path],
    keys: Sequence[Key],
    records: Records | None = None,
    *,
    search: Search = "full",
    workers: int = 1,
    limits: Limits | None = None,
) -> Iterator[Verified | Failed]:
    """What each file says about the marks of `keys`, in order; what cannot be read gives a Failed.

    Raises UsageError without a key, before the first file.
    """
    if not keys:
        raise UsageError("A mark can only be looked for with a key; name a key file with --key.")
    one = partial(_verified, keys=tuple(keys), records=records, search=search, limits=limits)
    return run.map(one, files, engine="pool" if workers > 1 else "local", workers=workers)


def _verified(
    path: Path, keys: Sequence[Key], records: Records | None, search: Search, limits: Limits | None
) -> Verified | Failed:
    try:
        result = verify_file(path, keys, records, search, limits=limits)
    except InputError as error:
        return Failed(path=schemas.text_path(path), error=schemas.valid(str(error)))
    return Verified(path=schemas.text_path(path), **dict(result))


def beside(answer: Scanned | Failed, marks: Verified | Failed) -> Scanned | Failed:
    """A scan's answer with the marks of the same file beside its result."""
    if isinstance(answer, Failed):
        return answer
    if isinstance(marks, Failed):
        return Failed(path=answer.path, error=marks.error)
    members = {name: getattr(marks, name) for name in MarkResult.model_fields}
    return answer.model_copy(update={"marks": MarkResult(**members)})


def newest_records(records: Records, limit: int) -> list[MarkRecord]:
    """The records that came last, the newest first."""
    return [mark_record(record) for record in records.newest(limit)]


def find_record(records: Records, id: str) -> MarkRecord:
    """The record with this id. Raises UsageError when there is none."""
    record = records.get(id)
    if record is None:
        raise UsageError(f"There is no record {id!r} in the store.")
    return mark_record(record)


def mark_record(record: Record) -> MarkRecord:
    """The public form of a record."""
    members = {name: getattr(record, name) for name in MarkRecord.model_fields if name != "record"}
    return MarkRecord(record=record.id, **members)


def attacks() -> list[AttackName]:
    """Every attack that `attack_file` knows."""
    from ..watermark.attacks import names

    return [
        AttackName(
            name=one.name,
            family=one.family,
            summary=one.help,
            settings=tuple(f"{s.what} {s.low:g} to {s.high:g}" for s in one.settings),
        )
        for one in names()
    ]


def attack_file(name: str, source: Path, target: Path, seed: int = 0) -> float:
    """Write what an attack (such as "opus:16") makes of a sound file; returns its seconds. Raises UsageError."""
    from ..watermark.attacks import attack

    audio = attack(name, load(source), seed, resynthesise)
    save(target, audio)
    return audio.seconds


def try_out(sources: Sequence[Path], attack: str, folder: Path) -> list[Verified]:
    """Mark sound files with a new key, attack them, and verify what is left; both files of each stay in `folder`.

    The key is forgotten, and so are its records.
    """
    key, found = generate(), []
    with tempfile.TemporaryDirectory() as temporary:
        records = open_records(Path(temporary) / RECORDS)
        for source in sources:
            marked, attacked = folder / f"{source.stem}-marked.wav", folder / f"{source.stem}-attacked.wav"
            embed_file(source, marked, key, records)
            attack_file(attack, marked, attacked)
            result = verify_file(attacked, [key], records)
            found.append(Verified(path=schemas.text_path(attacked), **dict(result)))
    return found


def resynthesise(name: str, audio: Audio, kbps: float | None) -> Audio:
    """What a member of the zoo makes of a sound."""
    from ..codecs import zoo

    return zoo.open(name).resynth(audio, kbps)
