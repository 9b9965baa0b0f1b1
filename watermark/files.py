"""Files: one that is marked block by block and written whole or not at all, and one that is searched for marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.audio import Limits, Probe, Samples, StreamResampler, Writer, blocks, probe, subtype_like
from ..core.errors import AudioError
from ..core.files import check_target, replacing, sha256
from .embedder import Embedder
from .evidence import FOUND_P, Evidence
from .fingerprint import RATE, FingerprintStream, Words
from .gains import DEFAULT_STRENGTH
from .key import Key
from .layout import VERSION
from .plan import Search
from .records import Record, Records, new_id, now, words_sha256
from .verifier import Verifier

# Under these a refusal names the length or the level as what is wrong with a file.
_SHORT_SECONDS, _QUIET_DB = 5.0, -60.0
# Verdicts from the one that says most; of the tracks of a file the best one speaks for it.
_ORDER = (
    "marked",
    "marked_content_differs",
    "marked_unknown_record",
    "fingerprint_only",
    "inconclusive",
    "no_evidence",
)


@dataclass(frozen=True)
class MarkedFile:
    """What was written.

    format, subtype: libsndfile's names. clipped: samples that the mark lifted beyond full scale and that were brought
    back to it; the level of the rest is as it was. p_value: with which the mark was found again, None without
    verification. warnings: what was wrong with the input, but not fatal.
    """

    record: Record
    format: str
    subtype: str
    clipped: int
    p_value: float | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class FileEvidence:
    """The evidence of a file: that of its best audio track (from 0), and what was wrong with the file."""

    evidence: Evidence
    track: int
    warnings: tuple[str, ...]


def embed_file(
    source: Path | str,
    target: Path | str,
    key: Key,
    records: Records,
    *,
    claims: dict[str, Any] | None = None,
    strength: float = DEFAULT_STRENGTH,
    owner: str = "",
    verify: bool = True,
    overwrite_source: bool = False,
    limits: Limits | None = None,
    comment: str = "",
) -> MarkedFile:
    """Write `source` with a mark to `target`, in constant memory, at the same rate, length, channels and level.

    The suffix of `target` names the format; the sample format (8, 16, 24, 32 bits, float) is kept where it has it.
    The record, with the fingerprint of the marked sound, comes into `records` when the file is finished and just
    before it takes its place; whatever fails, neither file nor record is there. verify: look for the mark in the
    finished file, and refuse it when the mark is not found at p <= 1e-6. overwrite_source: let `target` be `source`.
    comment: for the metadata of `target`, as of `core.audio.Writer`.
    Raises UsageError for a suffix, strength or target that cannot be, AudioError for a source that cannot be read,
    has several audio tracks, no samples or under 8 kHz, or in which the mark is not found again, DataError when the
    record cannot be kept.
    """
    source, target = Path(source), Path(target)
    found = probe(source, limits=limits)
    if found.tracks > 1:
        raise AudioError(
            f"{str(source)!r} has {found.tracks} audio tracks, and a mark goes on one: take one of them out first."
        )
    check_target(source, target, overwrite_source)
    subtype = subtype_like(target, found.codec)
    handle = records.new_handle(key.id)
    embedder = Embedder(found.rate, found.channels, key, handle, strength)
    with ExitStack() as undo:
        with replacing(target) as temporary:
            made = _write(found, temporary, target.name, subtype, embedder, limits, comment)
            p_value = _found_again(temporary, target.name, key, made) if verify else None
            record = Record(
                id=new_id(),
                handle=handle,
                key_id=key.id,
                created=now(),
                claims=claims or {},
                seconds=made.samples / found.rate,
                rate=found.rate,
                channels=found.channels,
                strength=strength,
                version=VERSION,
                fingerprint_sha256=words_sha256(made.words),
                source_sha256=sha256(source),
                marked_sha256=sha256(temporary),
                owner=owner,
            )
            # Before the file takes its place: a record without a file harms nobody, a marked file without its record
            # would never be recognised.
            records.add(record, made.words)
            undo.callback(records.remove, record.id)
        undo.pop_all()
    return MarkedFile(record, made.format, made.subtype, made.clipped, p_value, made.warnings)


def verify_file(
    path: Path | str,
    keys: Sequence[Key],
    records: Records | None = None,
    *,
    search: Search = "full",
    limits: Limits | None = None,
) -> FileEvidence:
    """Look for marks of `keys` in every audio track of a file, in constant memory.

    Of several tracks the one that says most speaks for the file, its p-value multiplied by their number.
    Raises AudioError for a file that cannot be read, UsageError without a key.
    """
    first = probe(path, limits=limits)
    warnings: list[str] = []
    heard = []
    for track in range(first.tracks):
        form = probe(path, track=track, limits=limits) if track else first
        verifier = Verifier(form.rate, form.channels, keys, records, search)
        for block in blocks(path, track=track, limits=limits, warnings=warnings):
            verifier.push(block)
        heard.append((verifier.finish(), track))
    evidence, track = min(heard, key=lambda entry: (_ORDER.index(entry[0].verdict), entry[0].p_value))
    return FileEvidence(_of_several(evidence, len(heard)), track, tuple(dict.fromkeys(warnings)))


@dataclass(frozen=True)
class _Written:
    samples: int
    level_db: float
    format: str
    subtype: str
    clipped: int
    words: Words
    warnings: tuple[str, ...]


def _write(
    found: Probe,
    temporary: Path,
    name: str,
    subtype: str | None,
    embedder: Embedder,
    limits: Limits | None,
    comment: str,
) -> _Written:
    """Decode, mark, fingerprint and encode, a block of ten seconds at a time."""
    warnings: list[str] = []
    words = [np.zeros(0, np.uint32)]
    prints, down = FingerprintStream(), StreamResampler(found.rate, RATE, 1)
    samples, energy = 0, 0.0
    length = None if found.seconds is None else round(found.seconds * found.rate)
    with Writer(temporary, found.rate, found.channels, subtype, length=length, name=name, comment=comment) as file:

        def put(marked: Samples) -> None:
            file.write(marked)
            words.append(prints.push(down.push(marked.mean(axis=0, keepdims=True))[0]))

        for block in blocks(found.path, limits=limits, warnings=warnings):
            samples += block.shape[1]
            energy += float(np.square(block, dtype=np.float64).sum())
            put(embedder.push(block))
        if not samples:
            raise AudioError(f"{found.path!r} holds no samples to mark.")
        put(embedder.finish())
        words.append(prints.push(down.flush()[0]))
        form, kind = file.format, file.subtype
    level = 10 * math.log10(max(energy / (samples * found.channels), 1e-12))
    return _Written(samples, level, form, kind, file.clipped, np.concatenate(words), tuple(warnings))


def _found_again(file: Path, name: str, key: Key, made: _Written) -> float:
    """The p-value of the mark in the finished file. Raises AudioError when it is not found."""
    evidence = verify_file(file, [key], search="plain").evidence
    if evidence.p_value <= FOUND_P:
        return evidence.p_value
    if made.level_db < _QUIET_DB:
        why = f"the sound is too quiet ({made.level_db:.0f} dB of full scale)"
    elif evidence.seconds < _SHORT_SECONDS:
        why = f"{evidence.seconds:.1f} s are too short"
    else:
        why = f"there is too little signal for this strength, or {made.format} {made.subtype} takes the mark away"
    raise AudioError(
        f"{name!r} was not written: the mark was not found again in it (p {evidence.p_value:.2g}, needed "
        f"{FOUND_P:g}); {why}."
    )


def _of_several(evidence: Evidence, tracks: int) -> Evidence:
    """The evidence of the best of so many tracks, with the bound that this choice leaves."""
    if tracks == 1:
        return evidence
    p_value = min(1.0, evidence.p_value * tracks)
    changed = replace(evidence, p_value=p_value, hypotheses=evidence.hypotheses * tracks)
    if evidence.verdict.startswith("marked") and p_value > FOUND_P:
        reason = f"After a look at {tracks} tracks the bound lies above {FOUND_P:g}."
        return replace(changed, verdict="inconclusive", reasons=(*evidence.reasons, reason))
    return changed
