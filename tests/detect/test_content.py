"""Synthesised speech against copies of real speech: what is fitted, on whom it is tried, and when it lets pass."""

from __future__ import annotations

import math

import numpy as np
import pytest
from earwitness.detect.calibrate import Calibration
from earwitness.detect.content import Content, fit_content
from earwitness.detect.decide import Rules, decide
from earwitness.detect.sorting import LEAST, Sorted
from earwitness.detect.verdict import Score

SIZE = 6


def clips(apart: float, clusters: int = 24, seed: int = 0) -> tuple[Sorted, np.ndarray]:
    draw = np.random.default_rng(seed)
    synthesised = np.arange(240) % 2 == 0
    x = draw.standard_normal((240, SIZE))
    x[:, 2] += apart * synthesised
    cluster = [f"{i % clusters}" for i in range(240)]
    return Sorted(x, synthesised, cluster, np.ones(240)), np.array([i % clusters % 4 for i in range(240)])


def fitted(sorted_: Sorted, fold: np.ndarray) -> tuple[Content, dict[str, float]]:
    return fit_content(sorted_, fold, np.zeros(SIZE), np.ones(SIZE), 1.0, 0.05)


def test_what_differs_is_found_and_few_copies_pass() -> None:
    content, numbers = fitted(*clips(3.0))
    fresh, _ = clips(3.0, seed=1)
    nats = fresh.x @ content.sorter.direction + content.sorter.offset
    passed = nats > content.least
    assert passed[~fresh.positive].mean() < 0.12 and passed[fresh.positive].mean() > 0.7
    assert numbers["content_auc"] > 0.95 and numbers["content_eer"] < 0.1
    assert np.average(nats[fresh.positive]) > 1 and np.average(nats[~fresh.positive]) < -1


def test_where_nothing_differs_hardly_anything_passes() -> None:
    content, numbers = fitted(*clips(0.0))
    assert abs(numbers["content_auc"] - 0.5) < 0.15 and numbers["content_passed"] < 0.2
    assert np.abs(clips(0.0)[0].x @ content.sorter.direction).max() < 2.0


def test_too_few_clusters_or_folds_know_nothing() -> None:
    sorted_, _ = clips(3.0, clusters=2 * (LEAST - 1))
    for fold in (np.arange(240) % 4, np.zeros(240, int)):
        content, numbers = fitted(sorted_, fold)
        assert not content.sorter.direction.any() and content.least == math.inf and numbers == {}


@pytest.mark.parametrize(
    ("content", "codec_is", "decision"),
    [
        (math.nan, "synthetic", "synthetic"),
        (-2.0, "synthetic", "synthetic"),
        (2.0, "genuine", "synthetic"),
        (0.5, "genuine", "inconclusive"),
        (math.nan, "genuine", "inconclusive"),
    ],
)
def test_where_codecs_are_genuine_only_content_makes_synthetic(content: float, codec_is: str, decision: str) -> None:
    score = Score(3.0, np.zeros((1, 3)), 5.0, 4.0, -20.0, 8000.0, content=content)
    outcome = decide(score, Calibration(cap=5.0), Rules(least_content=1.0), codec_is)  # type: ignore[arg-type]
    assert outcome.decision == decision and outcome.answered
    assert ("neural codec" in outcome.reasons[-1]) == (decision == "inconclusive")


def test_where_codecs_are_genuine_a_recording_stays_one() -> None:
    score = Score(-3.0, np.zeros((1, 3)), 5.0, 4.0, -20.0, 8000.0)
    assert decide(score, Calibration(cap=5.0), Rules(), "genuine").decision == "genuine"
    assert (
        decide(Score(3.0, np.zeros((1, 3)), 5.0, 4.0), Calibration(), Rules(), "genuine").decision == "inconclusive"
    )
