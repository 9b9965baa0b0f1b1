from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from earwitness.codecs.generate.align import RATE, align
from earwitness.codecs.generate.normalise import PAUSE, sentences
from earwitness.codecs.generate.rank import Take, ranked
from earwitness.codecs.generate.text import SIL, phonemise
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError
from numpy.typing import NDArray

ReadAloud = Callable[[str], NDArray[np.float32]]


@pytest.fixture(autouse=True)
def _pocketsphinx(require: Callable[[str], None]) -> None:
    require("pocketsphinx")


def words(text: str) -> list[str]:
    return [word for sentence in sentences(text) for word in sentence if word != PAUSE]


def test_phones_come_in_order_and_cover_the_recording(read_aloud: ReadAloud, text: str) -> None:
    wave = read_aloud("soundstream")
    found = align(wave, words(text))
    spoken = [phone for phone in found.phones if phone != SIL]
    expected = [phone for sentence in phonemise(text) for phone in sentence if phone != SIL]
    # The aligner may choose another pronunciation of a word, such as "DH AE T" for "DH AH T".
    assert len(spoken) == len(expected)
    assert sum(a != b for a, b in zip(spoken, expected, strict=True)) <= 6
    assert bool((np.diff(found.ends, prepend=0) > 0).all()) and found.ends[-1] == wave.size
    assert len(found.words) == len(words(text))
    borders = [border for pair in found.words for border in pair]
    assert borders == sorted(borders) and {start for start, _ in found.words} <= {0, *found.ends.tolist()}


def test_silence_in_front_is_silence_and_moves_the_rest(read_aloud: ReadAloud, text: str) -> None:
    wave = read_aloud("soundstream")
    moved = align(np.concatenate([np.zeros(RATE, np.float32), wave]), words(text))
    still = align(wave, words(text))
    assert moved.phones[0] == SIL and moved.ends[0] >= RATE - 800
    tail = min(40, len(still.ends), len(moved.ends))
    gap = np.abs(moved.ends[-tail:] - RATE - still.ends[-tail:]) / RATE
    assert float(np.median(gap)) < 0.03


def test_a_word_that_the_dictionary_lacks_is_aligned_by_its_guess(read_aloud: ReadAloud, text: str) -> None:
    found = align(read_aloud("soundstream"), [*words(text)[:-1], "typographee"])
    assert found.phones.count("F") >= 2


def test_no_words_and_sound_without_them_are_errors() -> None:
    with pytest.raises(DataError, match="no word"):
        align(np.zeros(RATE, np.float32), [])
    with pytest.raises(DataError, match="not found"):
        align(np.zeros(800, np.float32), words("a long sentence which such a short silence cannot hold at all"))


def test_of_several_takes_the_understood_one_comes_first(read_aloud: ReadAloud, text: str) -> None:
    clear = read_aloud("soundstream")
    noise = (0.05 * np.random.default_rng(0).standard_normal(clear.size)).astype(np.float32)
    takes = [Take(0, Audio(noise[None, :8000], RATE)), Take(1, Audio(clear[None], RATE))]
    first, second = ranked(takes, text, phonemise(text))
    assert first.seed == 1 and first.score is not None
    assert second.score is None or second.score < first.score
