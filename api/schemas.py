"""The public shape of what earwitness says: one set of models for JSON Lines and HTTP."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
)

if TYPE_CHECKING:
    from ..detect.verdict import Failure, Verdict

Decision = Literal["genuine", "synthetic", "inconclusive"]
MarkVerdict = Literal[
    "marked", "marked_content_differs", "marked_unknown_record", "fingerprint_only", "no_evidence", "inconclusive"
]


class Schema(BaseModel):
    """Base: immutable, no unknown members."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(Schema):
    """A stretch of the recording with the mean score of the windows over it."""

    start: FiniteFloat = Field(ge=0, description="seconds from the beginning")
    end: FiniteFloat = Field(ge=0, description="seconds from the beginning")
    score: FiniteFloat = Field(description="log-likelihood ratio in nats, above 0 for synthetic")


class SyntheticSpan(Schema):
    """A stretch that sounds synthetic beside the rest of the recording."""

    start: FiniteFloat = Field(ge=0, description="seconds from the beginning")
    end: FiniteFloat = Field(ge=0, description="seconds from the beginning")
    score: FiniteFloat = Field(ge=0, description="evidence in nats beyond what a chance finding costs")


class Result(Schema):
    """The verdict on one recording. It says nothing of where the recording lay, so that it is the same everywhere."""

    seconds: FiniteFloat = Field(ge=0)
    score: FiniteFloat | None = Field(
        description="calibrated log-likelihood ratio in nats, above 0 for synthetic; null only when inconclusive"
    )
    probability: FiniteFloat | None = Field(ge=0, le=1, description="of synthetic, under `prior`")
    prior: FiniteFloat = Field(gt=0, lt=1, description="stated probability of synthetic before listening")
    decision: Decision
    reasons: tuple[str, ...]
    spans: tuple[Span, ...]
    synthetic_spans: tuple[SyntheticSpan, ...] = Field(
        default=(), description="parts that sound synthetic, found by the span expert whatever the whole sounds like"
    )
    warnings: tuple[str, ...]
    model: dict[str, str] = Field(description="name, version and digest of what listened")
    track: int = Field(default=0, ge=0, description="audio track with the highest score, from 0")
    channel: int = Field(default=0, ge=0, description="channel with the highest score, from 0")


class Located(Schema):
    """What is said of one file."""

    path: str


class MarkSpan(Schema):
    """A stretch that carries the mark."""

    start: FiniteFloat = Field(ge=0, description="seconds from the beginning")
    end: FiniteFloat = Field(ge=0, description="seconds from the beginning")


class MarkEdit(Schema):
    """A break in the time line of the mark."""

    at: FiniteFloat = Field(ge=0, description="seconds from the beginning")
    kind: Literal["cut", "insert", "replace", "jump"] = Field(
        description="taken out, unmarked sound put in, unmarked sound in place of marked, marked sound from elsewhere"
    )
    seconds: FiniteFloat = Field(ge=0)


class MarkResult(Schema):
    """What a search for marks found in one recording. "no_evidence" never means genuine."""

    verdict: MarkVerdict
    p_value: FiniteFloat = Field(
        gt=0, le=1, description="bound on the chance that unmarked sound looks like this, after the whole search"
    )
    hypotheses: int = Field(ge=1, description="places, speeds, keys and handles behind that bound")
    spans: tuple[MarkSpan, ...]
    edits: tuple[MarkEdit, ...]
    key_id: str | None
    record: str | None = Field(description="id of the record")
    handle: int | None = Field(description="the number that the mark carries")
    claims: dict[str, Any] | None = Field(description="of the record; null when there is none")
    speed: FiniteFloat = Field(gt=0, description="how much faster than marked, pitch included; 1: unchanged")
    tempo: FiniteFloat = Field(gt=0, description="how much faster than marked at the same pitch; 1: unchanged")
    pitch: FiniteFloat = Field(gt=0, description="factor on the pitch alone; 1: unchanged")
    seconds: FiniteFloat = Field(ge=0)
    track: int = Field(default=0, ge=0, description="audio track that says most, from 0")
    channel: int | None = Field(description="where the mark is strongest, from 0; null: the mean of all")
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


class Verified(MarkResult, Located):
    """A file and what was found in it."""


class MarkBand(Schema):
    """What everybody may know about a mark. The exact evidence would help to remove marks step by step."""

    verdict: MarkVerdict = Field(description='"no_evidence" never means genuine')
    p_value_band: Literal["<= 1e-12", "<= 1e-6", "> 1e-6"] = Field(
        description="bound on the chance that unmarked sound looks like this"
    )
    seconds: FiniteFloat = Field(ge=0)


class VerifiedBand(MarkBand, Located):
    """A file and what a server tells of its marks to those who do not own them."""


class Marked(Schema):
    """A mark that was put on."""

    record: str = Field(description="id of the record")
    key_id: str
    handle: int
    created: str = Field(description="UTC, ISO 8601")
    claims: dict[str, Any]
    seconds: FiniteFloat = Field(ge=0)
    rate: int
    channels: int
    format: str = Field(description="container and sample format")
    strength: FiniteFloat = Field(description="dB")
    clipped: int = Field(ge=0, description="samples brought back to full scale")
    p_value: FiniteFloat | None = Field(description="with which the mark was found again; null when not looked for")
    source_sha256: str
    marked_sha256: str
    warnings: tuple[str, ...]


class MarkRecord(Schema):
    """A stored record."""

    record: str = Field(description="id of the record")
    key_id: str
    handle: int
    created: str = Field(description="UTC, ISO 8601")
    claims: dict[str, Any]
    seconds: FiniteFloat
    rate: int
    channels: int
    strength: FiniteFloat
    version: str
    source_sha256: str
    marked_sha256: str
    fingerprint_sha256: str
    owner: str


class AttackName(Schema):
    """An attack that can be run on a file."""

    name: str
    family: str
    summary: str
    settings: tuple[str, ...]


class Part(Schema):
    """A family of statistics, and the nats that the score loses without it: above 0 it spoke for synthetic."""

    name: str
    nats: float


class Scanned(Located):
    """A file and its verdict. `marks` is there only when watermark keys are configured, and never moves the score;
    `explanation` only when it was asked for."""

    result: Result
    marks: MarkResult | None = None
    explanation: tuple[Part, ...] | None = None

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler, _info: SerializationInfo) -> dict[str, Any]:
        members: dict[str, Any] = dump(self)
        return {k: v for k, v in members.items() if v is not None or k not in ("marks", "explanation")}


class Failed(Located):
    """A file that could not be read."""

    error: str


class Evaluation(Schema):
    """Error rates of one group of trials. What needs both classes is null where one is missing; the interval of the
    EER is null with too few clusters."""

    group: str
    genuine: int = Field(description="with a score")
    synthetic: int = Field(description="with a score")
    unanswered: int = Field(description="rows without a score, left out")
    missing: int = Field(description="trials of the protocol that the score file does not hold")
    clusters: int
    eer: FiniteFloat | None = None
    eer_low: FiniteFloat | None = None
    eer_high: FiniteFloat | None = None
    auc: FiniteFloat | None = None
    min_dcf: FiniteFloat | None = Field(default=None, description="normalised detection cost, ASVspoof 5 parameters")
    act_dcf: FiniteFloat | None = Field(
        default=None, description="the same at the Bayes threshold of the scores as they are"
    )
    cllr: FiniteFloat | None = Field(default=None, description="log-likelihood-ratio cost in bits")
    cllr_min: FiniteFloat | None = Field(default=None, description="the same after the best monotone calibration")
    threshold: FiniteFloat = Field(description="nats, above which a trial is flagged")
    fpr: FiniteFloat | None = Field(default=None, description="genuine trials flagged at the threshold, as a share")
    fnr: FiniteFloat | None = Field(
        default=None, description="synthetic trials not flagged at the threshold, as a share"
    )
    ties: FiniteFloat | None = Field(default=None, description="share of scores that also occur in the other class")
    warnings: tuple[str, ...] = ()


class Comparison(Schema):
    """Two detectors on the same trials: a metric of each, and the difference with a 95 % interval by paired bootstrap
    of whole clusters. It is beyond chance when the interval does not hold 0."""

    metric: str
    trials: int
    clusters: int
    first: FiniteFloat
    second: FiniteFloat
    difference: FiniteFloat = Field(description="first minus second")
    low: FiniteFloat
    high: FiniteFloat


class Calibrated(Schema):
    """A detector that was adapted to somebody's own genuine recordings."""

    name: str
    base: str = Field(description="the detector that was adapted")
    clips: int = Field(description="different recordings that could be scored")
    unscored: int = Field(description="recordings that could not be read or scored")
    repeated: int = Field(description="files with the bytes of another one")
    false_alarms_before: int = Field(description="of the clips, by the base")
    false_alarms: int = Field(description="of the clips, now")
    wanted: FiniteFloat = Field(description="share of false alarms that was asked for")
    bound: FiniteFloat = Field(
        description="share of false alarms on recordings like these, at most, with `confidence`"
    )
    confidence: FiniteFloat
    held: bool = Field(description="whether the bound is at most the wanted share")
    needed: int = Field(description="clips from which on it can be")
    shift: FiniteFloat = Field(description="nats that scores moved by; above 0: more eager to say synthetic")
    low: FiniteFloat = Field(description="nats; genuine at or below")
    high: FiniteFloat = Field(description="nats; synthetic at or above")
    reasons: tuple[str, ...] = Field(description="why recordings could not be scored, the most frequent")


class Heard(Schema):
    """What is known of a stream after one more hop."""

    start: FiniteFloat = Field(ge=0, description="seconds from the beginning, of the window")
    end: FiniteFloat = Field(ge=0, description="seconds from the beginning, of the window and of the sound so far")
    decision: Decision
    score: FiniteFloat | None = Field(
        description="evidence of the last while in nats, above 0 for synthetic; null only when inconclusive"
    )
    window_score: FiniteFloat | None = Field(description="of this window alone; null when it could not be scored")
    speech: FiniteFloat | None = Field(description="net seconds in the window; null when not measured")
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    model: dict[str, str] = Field(description="name, version and digest of what listens")


class Weight(Schema):
    """One shipped or imported weight."""

    name: str
    kind: str
    version: str
    summary: str
    licence: str
    files: dict[str, str] = Field(description="sha256 by file name")


class KeyInfo(Schema):
    """An API key without its secret. Times are UTC, ISO 8601; `expires` is null for never."""

    id: str
    owner: str
    scopes: tuple[str, ...]
    created: str
    expires: str | None
    valid: bool


class System(Schema):
    """One codec or vocoder that can resynthesise speech."""

    name: str
    kind: str = Field(description="codec, vocoder, classical, copy-synthesis or program")
    rate: int = Field(description="Hz; 0 for any")
    kbps: tuple[float, ...] = Field(description="bitrates offered; empty for one fixed mode")
    parameters: int
    tokens: bool = Field(description="whether it encodes to a token file")
    summary: str
    trained: bool = Field(True, description="false: a shipped recipe without weights, which cannot be used yet")
    paper: str = Field("", description="what a network re-implements")
    quantiser: str = Field("", description="MVQ, SVQ, SQ or SQ+MVQ (CodecFake+); empty without codes")
    auxiliary: str = Field("", description="none, sem or dis (CodecFake+)")
    decoder: str = Field("", description="T for time, F for frequency (CodecFake+)")
    head: str = Field("", description="domain of the last layer where `decoder` does not say it")
    causal: bool | None = None
    hours: FiniteFloat = Field(0.0, description="hours of speech it was trained on; 0 when not known")
    published: str = Field("", description="size and quality of the published system")
    metrics: dict[str, FiniteFloat | str] = Field(default_factory=dict, description="measured on its weights")
    tried: str = Field("", description="what was tried, where there are no weights")


class EngineVoice(Schema):
    """One voice of a synthesiser that can make fakes for a dataset."""

    engine: str
    voice: str
    language: str = Field(description="BCP 47")
    licence: str = Field(description="of what the voice says")
    note: str = Field(description="whom to credit, what to know")
    held_out: bool = Field(description="kept out of training, as the attack that no detector has heard")
    missing: str = Field(description="what to install; empty when it can speak")


class Leak(Schema):
    """How well one trivial cue tells fakes from genuine speech, as AUC in 0.5 to 1."""

    cue: str
    auc: FiniteFloat
    limit: FiniteFloat
    leaks: bool


def from_verdict(verdict: Verdict) -> Result:
    """The public record of a verdict, without its path."""
    return Result(
        seconds=verdict.seconds,
        score=verdict.score,
        probability=verdict.probability,
        prior=verdict.prior,
        decision=verdict.decision,
        reasons=tuple(map(valid, verdict.reasons)),
        spans=tuple(Span(start=span.start, end=span.end, score=span.score) for span in verdict.spans),
        synthetic_spans=tuple(
            SyntheticSpan(start=span.start, end=span.end, score=span.score) for span in verdict.synthetic_spans
        ),
        warnings=tuple(map(valid, verdict.warnings)),
        model={key: valid(value) for key, value in verdict.model.items()},
        track=verdict.track,
        channel=verdict.channel,
    )


def from_failure(failure: Failure) -> Failed:
    """The public record of a file that could not be read."""
    return Failed(path=text_path(failure.path), error=valid(failure.error))


def text_path(path: str | os.PathLike[str]) -> str:
    """A path as valid Unicode: bytes that are none become \\xNN, so that every JSON parser takes the line."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def valid(text: str) -> str:
    """Text as valid Unicode, as in `text_path`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def line(record: Schema) -> str:
    """One JSON object without a line end. Characters that could steer a terminal are written as \\uNNNN."""
    text = json.dumps(record.model_dump(mode="json"), ensure_ascii=False, allow_nan=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
