from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from earwitness.codecs import listeners
from earwitness.codecs.generate.normalise import PAUSE, sentences
from earwitness.codecs.generate.text import PHONES
from numpy.typing import NDArray

ReadAloud = Callable[[str], NDArray[np.float32]]


@pytest.fixture(autouse=True)
def _pocketsphinx(require: Callable[[str], None]) -> None:
    require("pocketsphinx")


def test_the_sentence_that_was_read_is_chosen_among_others(read_aloud: ReadAloud, text: str) -> None:
    right = [word for sentence in sentences(text) for word in sentence if word != PAUSE]
    others = ["the weather will be cold tomorrow and the day after", "no doubt he was very good and all that was his"]
    choices = [others[0].split(), right, others[1].split()]
    assert listeners.chosen(read_aloud("soundstream"), choices) == 1
    assert listeners.chosen(read_aloud("soundstream"), choices[::-1]) == 1
    assert listeners.chosen(read_aloud("soundstream"), [right, *choices[:1]]) == 0


def test_phones_are_heard_without_words_and_none_in_silence(read_aloud: ReadAloud) -> None:
    heard = listeners.phones(read_aloud("soundstream"))
    assert len(heard) > 20 and set(heard) <= set(PHONES)
    assert len(listeners.phones(np.zeros(16_000, np.float32))) < 5
