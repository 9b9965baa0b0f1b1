from __future__ import annotations

import numpy as np
import pytest
from earwitness.codecs.generate.patterns import HOLE, Pattern, patterns
from earwitness.core.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st


@given(levels=st.integers(1, 9), frames=st.integers(0, 40), batch=st.integers(1, 3), seed=st.integers(0, 99))
def test_every_pattern_gives_back_the_codes_that_it_arranged(levels: int, frames: int, batch: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 1024, (batch, levels, frames))
    for pattern in patterns(levels):
        arranged = pattern.arrange(codes, fill=1024)
        assert arranged.shape == (batch, pattern.slots, pattern.steps(frames))
        assert np.array_equal(pattern.restore(arranged), codes)


@given(levels=st.integers(1, 8), frames=st.integers(1, 20))
def test_a_level_never_comes_before_the_coarser_ones_of_its_frame(levels: int, frames: int) -> None:
    for pattern in patterns(levels):
        places = pattern.places(frames)
        step = {int(place): at for slot in places for at, place in enumerate(slot) if place != HOLE}
        assert sorted(step) == list(range(levels * frames))
        order = np.array([step[number] for number in range(levels * frames)]).reshape(levels, frames)
        assert bool((np.diff(order, axis=0) >= (0 if pattern.name == "parallel" else 1)).all())
        assert bool((np.diff(order, axis=1) > 0).all())


def test_the_delay_pattern_is_the_staircase_of_the_paper() -> None:
    codes = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert Pattern("delay", 3).arrange(codes, fill=0).tolist() == [[1, 2, 3, 0, 0], [0, 4, 5, 6, 0], [0, 0, 7, 8, 9]]
    assert Pattern("flatten", 3).arrange(codes, fill=0).tolist() == [[1, 4, 7, 2, 5, 8, 3, 6, 9]]
    assert Pattern("delay", 2).slot_levels(2).tolist() == [[0, 0, HOLE], [HOLE, 1, 1]]


def test_what_is_no_whole_number_of_frames_or_another_number_of_levels_is_refused() -> None:
    with pytest.raises(UsageError, match="whole number of frames"):
        Pattern("flatten", 3).restore(np.zeros((1, 4), dtype=np.int64))
    with pytest.raises(UsageError, match="levels"):
        Pattern("delay", 3).arrange(np.zeros((2, 4), dtype=np.int64), 0)
    with pytest.raises(UsageError, match="known"):
        Pattern("zigzag", 3)  # type: ignore[arg-type]
