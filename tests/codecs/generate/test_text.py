from __future__ import annotations

import pytest
from earwitness.codecs.generate import letters
from earwitness.codecs.generate.normalise import sentences
from earwitness.codecs.generate.text import MOST_SECONDS, PHONES, SIL, phonemise, pronounce
from earwitness.core.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def _dictionary(require: object) -> None:
    require("pocketsphinx")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It cost $1,234.50.", "it cost one thousand two hundred thirty four dollars and fifty cents"),
        ("£2.01 or €1", "two pounds and one penny or one euro"),
        ("At 10:05 on March 3rd, 1984", "at ten oh five on march third , nineteen eighty four"),
        ("3.14 is 50% of 007", "three point one four is fifty percent of zero zero seven"),
        ("In 2005 and 2024, no. 5", "in two thousand five and twenty twenty four , number five"),
        ("Dr. O’Brien’s café -- 5:00", "doctor o'brien's cafe , five o'clock"),
        ("The U.S.A. and the NASA", "the u s a and the nasa"),
        ("1000000 people", "one million people"),
    ],
)
def test_numbers_money_times_and_abbreviations_are_spelled_out(text: str, words: str) -> None:
    assert [" ".join(sentence) for sentence in sentences(text)] == [words]


def test_a_text_is_cut_into_sentences_with_silence_at_the_ends_and_at_commas() -> None:
    first, second = phonemise("Hello, world. Yes!")
    assert first == (SIL, "HH", "AH", "L", "OW", SIL, "W", "ER", "L", "D", SIL)
    assert second == (SIL, "Y", "EH", "S", SIL)


@pytest.mark.parametrize(
    ("word", "phones"),
    [("zorkle's", "Z"), ("gluck's", "S"), ("blitches", "Z"), ("phonation", "N"), ("xkcd", "IY")],
)
def test_words_that_the_dictionary_lacks_are_guessed_or_spelled(word: str, phones: str) -> None:
    said = pronounce(word)
    assert set(said) <= set(PHONES) and said[-1] == phones and len(said) >= 4


def test_letter_to_sound_rules_are_learnt_from_words_and_apply_to_new_ones() -> None:
    known = {
        word: tuple(word.upper().replace("C", "K"))
        for word in ("bad", "dab", "cab", "cad", "dad", "bed", "deb", "ebb", "add", "ace", "bead")
    }
    rules = letters.learn(known, least=1)
    assert letters.guess("cabbed", rules) == tuple("KABBED")


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("", "en", "no word"),
        (" ... !", "en", "no word"),
        ("привет", "en", "letter 'п'"),
        ("hello", "de", "'de' is unknown"),
        ("one word after the other " * 1100, "en", "30 minutes|minutes to say"),
        ("word " * 900, "en", f"{MOST_SECONDS:.0f} s"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(text: str, language: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        phonemise(text, language)


@given(st.text(alphabet=st.characters(max_codepoint=0x24F), max_size=60))
def test_any_text_gives_known_phones_or_a_sentence(text: str) -> None:
    try:
        spoken = phonemise(text)
    except UsageError as error:
        assert str(error).endswith(".")
    else:
        assert all(set(phones) <= set(PHONES) and phones[0] == phones[-1] == SIL for phones in spoken)
