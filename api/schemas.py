"""The public shape of what earwitness says: one set of models for JSON Lines today and for HTTP later."""

from __future__ import annotations

import json
import os
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from ..detect.verdict import Failure, Verdict

Decision = Literal["genuine", "synthetic", "inconclusive"]


class Schema(BaseModel):
    """Base: immutable, no unknown members."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(Schema):
    """A stretch of the recording with the mean score of the windows over it."""

    start: FiniteFloat = Field(ge=0, description="seconds from the beginning")
    end: FiniteFloat = Field(ge=0, description="seconds from the beginning")
    score: FiniteFloat = Field(description="log-likelihood ratio in nats, above 0 for synthetic")


class Result(Schema):
    """The verdict on one file."""

    path: str
    seconds: FiniteFloat = Field(ge=0)
    score: FiniteFloat | None = Field(
        description="calibrated log-likelihood ratio in nats, above 0 for synthetic; null only when inconclusive"
    )
    probability: FiniteFloat | None = Field(ge=0, le=1, description="of synthetic, under `prior`")
    prior: FiniteFloat = Field(gt=0, lt=1, description="stated probability of synthetic before listening")
    decision: Decision
    reasons: tuple[str, ...]
    spans: tuple[Span, ...]
    warnings: tuple[str, ...]
    model: dict[str, str] = Field(description="name, version and digest of what listened")
    track: int = Field(default=0, ge=0, description="audio track with the highest score, from 0")
    channel: int = Field(default=0, ge=0, description="channel with the highest score, from 0")


class Failed(Schema):
    """A file that could not be read."""

    path: str
    error: str


class Evaluation(Schema):
    """Error rates of one group of scores; the interval of the EER is None with too few clusters."""

    group: str
    genuine: int
    synthetic: int
    unanswered: int = Field(description="rows without a score, left out")
    clusters: int
    eer: FiniteFloat
    eer_low: FiniteFloat | None
    eer_high: FiniteFloat | None
    auc: FiniteFloat
    min_dcf: FiniteFloat = Field(description="normalised detection cost, ASVspoof 5 parameters")
    act_dcf: FiniteFloat = Field(description="the same at the Bayes threshold of the scores as they are")
    cllr: FiniteFloat = Field(description="log-likelihood-ratio cost in bits")


class Weight(Schema):
    """One shipped or imported weight."""

    name: str
    kind: str
    version: str
    summary: str
    licence: str
    files: dict[str, str] = Field(description="sha256 by file name")


class System(Schema):
    """One codec or vocoder that can resynthesise speech."""

    name: str
    kind: str = Field(description="codec, vocoder or classical")
    rate: int = Field(description="Hz; 0 for any")
    kbps: tuple[float, ...] = Field(description="bitrates offered; empty for one fixed mode")
    parameters: int
    tokens: bool = Field(description="whether it encodes to a token file")
    summary: str


class Leak(Schema):
    """How well one trivial cue tells fakes from genuine speech, as AUC in 0.5 to 1."""

    cue: str
    auc: FiniteFloat
    limit: FiniteFloat
    leaks: bool


def from_verdict(verdict: Verdict) -> Result:
    """The public record of a verdict."""
    return Result(
        path=text_path(verdict.path),
        seconds=verdict.seconds,
        score=verdict.score,
        probability=verdict.probability,
        prior=verdict.prior,
        decision=verdict.decision,
        reasons=tuple(map(_valid, verdict.reasons)),
        spans=tuple(Span(start=span.start, end=span.end, score=span.score) for span in verdict.spans),
        warnings=tuple(map(_valid, verdict.warnings)),
        model={key: _valid(value) for key, value in verdict.model.items()},
        track=verdict.track,
        channel=verdict.channel,
    )


def from_failure(failure: Failure) -> Failed:
    """The public record of a file that could not be read."""
    return Failed(path=text_path(failure.path), error=_valid(failure.error))


def text_path(path: str | os.PathLike[str]) -> str:
    """A path as valid Unicode: bytes that are none become \\xNN, so that every JSON parser takes the line."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _valid(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def line(record: Schema) -> str:
    """One JSON object without a line end. Characters that could steer a terminal are written as \\uNNNN."""
    text = json.dumps(record.model_dump(mode="json"), ensure_ascii=False, allow_nan=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
