"""From a score to one of three outcomes, with its reasons in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from ..core.errors import DataError
from .calibrate import Calibration
from .verdict import Decision, Score, Span

# Without knowledge of where a recording comes from neither side is favoured; the prior is shown with every answer.
EVEN = 0.5
SILENT_DB = -75.0
# Spans that a sentence names; the answer holds all.
NAMED = 3

# What a neural codec or a vocoder makes of real speech counts as.
CodecIs = Literal["synthetic", "genuine"]


@dataclass(frozen=True)
class Rules:
    """When a score is not answered.

    prior: of being synthetic, for the probability. least_speech: net seconds below which no score is given;
    little_speech: below which a warning stands beside it. least_bandwidth: Hz that the speech must reach.
    most_novelty: distance from the training clips (1 on average) beyond which nothing is decided. most_gap: how far
    two experts may be on opposite sides, in units of the raw score. least_content: nats for synthesised content that
    a synthetic verdict needs where copies by neural codecs count as genuine. coded_high: nats that a synthetic
    verdict needs where a speech coder of calls is heard, when that is more than elsewhere.
    """

    prior: float = EVEN
    least_speech: float = 1.0
    little_speech: float = 3.0
    least_bandwidth: float = 3000.0
    most_novelty: float = math.inf
    most_gap: float = math.inf
    least_content: float = math.inf
    coded_high: float = -math.inf

    def __post_init__(self) -> None:
        if not 0.0 < self.prior < 1.0:
            raise DataError(f"The prior must lie between 0 and 1, not {self.prior}.")

    def table(self) -> dict[str, float]:
        """As stored in a model card."""
        return asdict(self)

    @classmethod
    def of(cls, table: dict[str, Any]) -> Rules:
        """From a model card's table. Raises DataError for unknown keys."""
        try:
            return cls(**{key: float(value) for key, value in table.items()})
        except (TypeError, ValueError) as error:
            raise DataError(f"The rules of a model card cannot be read: {error}.") from error


@dataclass(frozen=True)
class Outcome:
    """A decision and its reasons; `answered` is False when no score may be shown."""

    decision: Decision
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    answered: bool = True


def probability(llr: float, prior: float) -> float:
    """Probability of synthetic after a log-likelihood ratio in nats."""
    odds = llr + math.log(prior) - math.log1p(-prior)
    return 1.0 / (1.0 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1.0 + math.exp(odds))


def unanswerable(score: Score, rules: Rules) -> str | None:
    """Why no score is given for this channel, or None. NaN measurements are not held against it."""
    if score.seconds == 0:
        return "there is no sound in it"
    if score.level < SILENT_DB or score.level == -math.inf:
        return f"it is silent (under {SILENT_DB:.0f} dB of full scale)"
    if score.speech < rules.least_speech:
        return f"there is too little speech ({score.speech:.1f} s, {rules.least_speech:.1f} s are needed)"
    if math.isnan(score.llr):
        return "there was nothing that the detector could score"
    if score.bandwidth < rules.least_bandwidth:
        return (
            f"its band is too narrow (speech reaches {score.bandwidth:.0f} Hz, "
            f"{rules.least_bandwidth:.0f} Hz are needed)"
        )
    return None


def decide(score: Score, calibration: Calibration, rules: Rules, codec_is: CodecIs = "synthetic") -> Outcome:
    """The outcome for one channel's calibrated score; a verdict on the whole gives way to doubt about a part.

    codec_is: what speech is that only went through a neural codec or vocoder.
    """
    outcome = _whole(score, calibration, rules)
    if outcome.decision == "synthetic" and codec_is == "genuine" and not score.content >= rules.least_content:
        reason = "it sounds like synthesis, but a neural codec or vocoder on real speech may explain that"
        return replace(outcome, decision="inconclusive", reasons=(*outcome.reasons, reason))
    if outcome.answered and outcome.decision != "synthetic" and score.synthetic:
        reason = f"a part of it may be synthetic ({named_spans(score.synthetic)})"
        return replace(outcome, decision="inconclusive", reasons=(*outcome.reasons, reason))
    return outcome


def named_spans(spans: Sequence[Span]) -> str:
    """The spans of most evidence in words, in order of time."""
    most = sorted(sorted(spans, key=lambda span: -span.score)[:NAMED])
    more = f" and {len(spans) - NAMED} more" if len(spans) > NAMED else ""
    return ", ".join(f"{span.start:.1f}-{span.end:.1f} s" for span in most) + more


def _whole(score: Score, calibration: Calibration, rules: Rules) -> Outcome:
    why = unanswerable(score, rules)
    if why is not None:
        return Outcome("inconclusive", (why,), answered=False)
    warnings: tuple[str, ...] = ()
    if score.speech < rules.little_speech:
        warnings += (f"only {score.speech:.1f} s of speech",)
    if abs(score.llr) >= calibration.cap:
        warnings += (f"the score is cut at {calibration.cap:.1f} nats, the most that its calibration data support",)
    doubt = _doubt(score, rules)
    if doubt is not None:
        return Outcome("inconclusive", (doubt,), warnings)
    if score.coded > 0 and calibration.high <= score.llr < rules.coded_high:
        reason = (
            "it sounds as if a speech coder of calls or voice messages had passed it, which is easily taken for "
            f"synthesis ({score.llr:+.2f} nats, {rules.coded_high:+.2f} are needed)"
        )
        return Outcome("inconclusive", (reason,), warnings)
    if score.llr >= calibration.high:
        reason = f"it sounds like synthesis rather than a recording ({score.llr:+.2f} nats)"
        return Outcome("synthetic", (reason,), warnings)
    if score.llr <= calibration.low:
        reason = f"it sounds like a recording rather than synthesis ({score.llr:+.2f} nats)"
        return Outcome("genuine", (reason,), warnings)
    reason = (
        f"the score {score.llr:+.2f} lies between {calibration.low:+.2f} and {calibration.high:+.2f} nats, "
        "where recordings and synthesis are too often confused"
    )
    return Outcome("inconclusive", (reason,), warnings)


def _doubt(score: Score, rules: Rules) -> str | None:
    """Why the score is shown but decides nothing. NaN measurements are not held against it."""
    if score.novelty > rules.most_novelty:
        return (
            f"it sounds unlike anything that the detector has learned from (distance {score.novelty:.2f}, "
            f"up to {rules.most_novelty:.2f} is known)"
        )
    if score.gap < -rules.most_gap:
        return "the two experts in the detector disagree about it"
    return None
