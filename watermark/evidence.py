"""What a verification says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Decision = Literal[
    "marked", "marked_content_differs", "marked_unknown_record", "fingerprint_only", "no_evidence", "inconclusive"
]
# The bound on a false alarm for a whole recording, whatever is in it.
FOUND_P = 1e-6


@dataclass(frozen=True)
class MarkSpan:
    """Seconds of the recording that carry the mark."""

    start: float
    end: float


@dataclass(frozen=True)
class Edit:
    """A break in the time line of the mark.

    at: seconds in the recording. kind: "cut" (something was taken out), "insert" (unmarked sound was put in),
    "replace" (unmarked sound in place of marked), "jump" (marked sound from elsewhere follows). seconds: how much.
    """

    at: float
    kind: Literal["cut", "insert", "replace", "jump"]
    seconds: float


@dataclass(frozen=True)
class Evidence:
    """The verdict on one recording.

    p_value: bound on the probability that unmarked sound gives as strong a result, after the whole search, in (0, 1].
    hypotheses: how many places, speeds, keys and handles stand behind it. key_id, record, handle: what was heard, or
    None. speed: how much faster than marked it runs with its pitch; tempo: without its pitch; 1.0 means unchanged.
    pitch: factor on the pitch alone. seconds: length of what was heard. channel: where the mark is strongest, None
    for the mean of all. reasons: the verdict in words.
    """

    verdict: Decision
    p_value: float
    hypotheses: int
    spans: tuple[MarkSpan, ...]
    edits: tuple[Edit, ...]
    key_id: str | None
    record: str | None
    handle: int | None
    speed: float
    tempo: float
    pitch: float
    seconds: float
    channel: int | None
    reasons: tuple[str, ...]
