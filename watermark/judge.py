"""From what was heard to a verdict in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .content import Content, rates
from .evidence import FOUND_P, Decision, Evidence
from .records import Record
from .scene import Alignment
from .trace import Piece, join

# Between this bound and FOUND_P a mark may be there; below this many seconds with sound nothing can be said.
_HINT_P = 1e-2
_SHORTEST = 2.0


@dataclass(frozen=True)
class Findings:
    """What a verifier heard: of the key with the strongest result, log_p after the whole search."""

    key_id: str | None
    log_p: float
    hypotheses: int
    seconds: float
    loud_seconds: float
    pieces: tuple[Piece, ...]
    handle: int | None
    hollow: bool
    alignment: Alignment | None
    channel: int | None


def judge(findings: Findings, content: Content) -> Evidence:
    """The verdict: a mark counts as found at a bound of 1e-6, a record when the content agrees with it as well."""
    if findings.key_id is not None and findings.log_p <= math.log(FOUND_P):
        return _found(findings, content)
    match = content.lookup()
    if match is not None:
        reason = (
            f"No mark was found, but the content is that of record {match.record_id}: "
            f"{match.bit_error_rate:.0%} of the fingerprint's bits differ."
        )
        return _evidence(findings, "fingerprint_only", None, (reason,), record_id=match.record_id)
    if findings.loud_seconds < _SHORTEST:
        reason = f"Only {findings.loud_seconds:.0f} s are loud enough to listen to; {_SHORTEST:.0f} s are needed."
        return _evidence(findings, "inconclusive", None, (reason,))
    if findings.log_p <= math.log(_HINT_P):
        reason = "There is a hint of a mark, too weak to count: a longer or less processed copy may tell."
        return _evidence(findings, "inconclusive", None, (reason,))
    reason = "No mark of these keys was found. That says nothing about where the sound comes from."
    return _evidence(findings, "no_evidence", None, (reason,))


def _found(findings: Findings, content: Content) -> Evidence:
    assert findings.key_id is not None
    if findings.hollow:
        reason = (
            f"The pilot of key {findings.key_id} is there, but no record's chips are: that is what somebody can copy "
            "from marked sounds without the key, so it does not count as a mark."
        )
        return _evidence(findings, "inconclusive", None, (reason,))
    record = None if findings.handle is None else content.record(findings.key_id, findings.handle)
    if record is None:
        which = "its record number could not be read" if findings.handle is None else "no such record is stored here"
        reason = f"The sound carries a mark of key {findings.key_id}, but {which}: what it was made for is unknown."
        return _evidence(findings, "marked_unknown_record", None, (reason,))
    same, share = content.agrees(record)
    if not same:
        reason = (
            f"The sound carries the mark of record {record.id}, but only {share:.0%} of its content agrees with what "
            "was marked: the mark may have been copied, or the sound mixed with other sound or harmed badly."
        )
        return _evidence(findings, "marked_content_differs", record, (reason,))
    reason = f"The sound carries the mark of record {record.id}, and its content is the one that was marked"
    reason += "." if share > 0.9 else f" for {share:.0%} of what can be compared."
    return _evidence(findings, "marked", record, (reason,))


def _evidence(
    findings: Findings,
    verdict: Decision,
    record: Record | None,
    reasons: tuple[str, ...],
    record_id: str | None = None,
) -> Evidence:
    found = verdict.startswith("marked")
    spans, edits = join(list(findings.pieces)) if found else ((), ())
    speed, tempo, pitch = (1.0, 1.0, 1.0)
    if found and findings.alignment is not None:
        speed, tempo, pitch = rates(findings.alignment)
    return Evidence(
        verdict=verdict,
        p_value=math.exp(max(-700.0, findings.log_p)),
        hypotheses=findings.hypotheses,
        spans=spans,
        edits=edits,
        key_id=findings.key_id if found else None,
        record=record_id if record is None else record.id,
        handle=findings.handle if found else None,
        speed=round(speed, 4),
        tempo=round(tempo, 4),
        pitch=round(pitch, 4),
        seconds=round(findings.seconds, 3),
        channel=findings.channel if found else None,
        reasons=reasons,
    )
