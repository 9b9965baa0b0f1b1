"""Cutting and gathering: nothing is lost, and length does not move a score."""

from __future__ import annotations

import numpy as np
import pytest
from earwitness.detect.windows import COLUMNS, cut, gather, importance

NAN = float("nan")


@pytest.mark.parametrize("block", [1, 7, 100, 1000])
@pytest.mark.parametrize("length", [0, 1, 4, 15, 16, 99, 100, 101, 149, 150, 151, 250, 999])
def test_windows_tile_the_stream_whatever_its_blocks(length: int, block: int) -> None:
    sound = np.arange(2 * length, dtype=np.float32).reshape(2, length)
    windows = list(cut((sound[:, i : i + block] for i in range(0, length, block)), 100))
    assert np.array_equal(np.concatenate([w for _, w in windows] or [sound], axis=1), sound)
    sizes = [w.shape[1] for _, w in windows]
    assert [start for start, _ in windows] == [sum(sizes[:i]) for i in range(len(sizes))]
    assert all(size == 100 for size in sizes[:-1])
    if length > 100:
        assert 50 < sizes[-1] <= 150


def rows(*windows: tuple[float, float, float]) -> np.ndarray:
    """(raw, speech, level) of windows of 8 s, behind a coder as far as 1.5 nats tell."""
    return np.array(
        [
            [8.0 * i, 8.0 * i + 8, raw, s, level, 7000.0, NAN, NAN, NAN, 1.5]
            for i, (raw, s, level) in enumerate(windows)
        ]
    )


def test_the_score_is_the_mean_by_speech() -> None:
    score = gather(rows((1.0, 6.0, -20.0), (4.0, 2.0, -20.0)), 16.0)
    assert score.llr == pytest.approx(1.75) and score.speech == 8.0 and score.bandwidth == 7000.0
    assert score.coded == 1.5 and np.isnan(score.content)
    assert score.frames.tolist() == [[0.0, 8.0, 1.0], [8.0, 16.0, 4.0]]


def test_background_and_pauses_do_not_count() -> None:
    score = gather(rows((1.0, 6.0, -20.0), (50.0, 7.0, -60.0), (9.0, 0.0, -20.0)), 24.0)
    assert score.llr == 1.0 and score.speech == 6.0 and len(score.frames) == 1


def test_a_score_does_not_drift_with_length() -> None:
    once = rows((1.0, 6.0, -20.0), (2.0, 5.0, -22.0))
    assert gather(np.tile(once, (200, 1)), 3200.0).llr == pytest.approx(gather(once, 16.0).llr)


def test_without_measured_speech_windows_count_by_length() -> None:
    table = rows((1.0, NAN, -20.0), (3.0, NAN, -20.0))
    table[1, 1] = 12.0
    assert importance(table).tolist() == [8.0, 4.0]
    score = gather(table, 12.0)
    assert score.llr == pytest.approx(5 / 3) and np.isnan(score.speech)


def test_nothing_heard() -> None:
    for table in (np.zeros((0, COLUMNS)), rows((1.0, 0.0, -20.0))):
        score = gather(table, 8.0)
        assert np.isnan(score.llr) and score.speech == 0.0 and score.frames.shape == (0, 3)
