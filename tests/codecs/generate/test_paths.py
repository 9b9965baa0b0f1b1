from __future__ import annotations

import itertools

import numpy as np
import pytest
from earwitness.codecs.generate.paths import collapse, viterbi
from earwitness.core.errors import DataError
from numpy.typing import NDArray


def test_a_path_is_read_without_repeats_and_blanks() -> None:
    assert collapse([0, 3, 3, 0, 0, 3, 5, 5, 0]) == [3, 3, 5]
    assert collapse([]) == collapse([0, 0]) == []
    assert collapse([1, 1, 0, 1, 2], blank=1) == [0, 2]


def best(scores: NDArray[np.float64], labels: list[int], optional: list[bool]) -> tuple[float, tuple[int, ...]]:
    """By trying every way to end the labels."""
    frames = len(scores)
    found: tuple[float, tuple[int, ...]] = (float("-inf"), ())
    for cuts in itertools.combinations_with_replacement(range(frames + 1), len(labels) - 1):
        ends = (*cuts, frames)
        lengths = np.diff(ends, prepend=0)
        if any(length == 0 and not may for length, may in zip(lengths, optional, strict=True)):
            continue
        path = np.repeat(labels, lengths)
        found = max(found, (float(scores[np.arange(frames), path].sum()), ends))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_viterbi_finds_what_trying_everything_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, frames = int(rng.integers(1, 6)), int(rng.integers(5, 9))
    labels = rng.integers(0, 4, count).tolist()
    optional = [bool(number % 2 == seed % 2) for number in range(count)]
    scores = np.log(rng.dirichlet(np.ones(4) * 0.5, frames) + 1e-9)
    ends, total = viterbi(scores, labels, optional)
    value, _ = best(scores, labels, optional)
    assert total == pytest.approx(value)
    path = np.repeat(labels, np.diff(ends, prepend=0))
    assert float(scores[np.arange(frames), path].sum()) == pytest.approx(value)


def test_labels_that_must_be_get_a_frame_each_and_those_that_may_can_have_none() -> None:
    scores = np.full((3, 3), -5.0)
    scores[:, 2] = 0.0
    ends, total = viterbi(scores, [0, 2, 1], [True, False, True])
    assert ends.tolist() == [0, 3, 3] and total == 0.0
    assert viterbi(scores, [0, 1, 2], [False] * 3)[0].tolist() == [1, 2, 3]
    assert viterbi(scores[:1], [1], [True])[0].tolist() == [1]
    with pytest.raises(DataError, match="do not fit into 3 frames"):
        viterbi(scores, [0, 1, 2, 0], [False] * 4)
    with pytest.raises(ValueError, match="neighbouring"):
        viterbi(scores, [0, 1], [True, True])
