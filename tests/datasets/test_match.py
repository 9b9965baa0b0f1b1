from __future__ import annotations

from collections.abc import Callable

import numpy as np
from earwitness.datasets.match import match_spectrum
from numpy.typing import NDArray

Say = Callable[..., NDArray[np.float32]]


def test_a_match_with_itself_changes_nothing_and_has_no_delay(say: Say) -> None:
    sound = say(1)
    matched = match_spectrum(sound, sound, 16000)
    assert matched.dtype == np.float32
    assert np.abs(matched - sound)[300:-300].max() < 1e-3


def test_the_gain_has_bounds(say: Say) -> None:
    sound = say(1, level=0.05)
    louder = match_spectrum(sound, sound * np.float32(100), 16000)
    softer = match_spectrum(sound, sound / np.float32(100), 16000)
    assert np.isclose(np.std(louder) / np.std(sound), 10 ** (12 / 20), rtol=0.05)
    assert np.isclose(np.std(softer) / np.std(sound), 10 ** (-20 / 20), rtol=0.05)


def test_short_and_silent_sound(say: Say) -> None:
    short = say(3)[:100]
    assert np.array_equal(match_spectrum(short, say(3), 16000), short)
    assert np.isfinite(match_spectrum(np.zeros(2000, np.float32), say(3), 16000)).all()
    assert np.isfinite(match_spectrum(say(3), np.zeros(2000, np.float32), 16000)).all()
