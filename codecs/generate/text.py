"""From written English to the phones that are to be said: sentences, words, dictionary, letter to sound.

Phones are the 39 of ARPAbet without stress, from the CMU dictionary in the pocketsphinx wheel (BSD), and SIL.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from functools import cache

from ...core.errors import MissingPart, UsageError
from . import letters
from .normalise import PAUSE, sentences

SIL = "SIL"
_ARPABET = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
PHONES = (SIL, *_ARPABET.split())
IDS: Mapping[str, int] = {phone: number for number, phone in enumerate(PHONES)}
# Usual pace of read English, to know before how long a text will be.
_PHONE_SECONDS, _PAUSE_SECONDS = 0.085, 0.4
MOST_SECONDS = 120.0
_MOST_LETTERS = 20_000
_VOICELESS, _HISSING = frozenset({"P", "T", "K", "F", "TH"}), frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})

Phones = tuple[str, ...]


def phonemise(text: str, language: str = "en") -> list[Phones]:
    """The phones of each sentence of a text, SIL at its ends and at commas.

    Raises UsageError for a language other than English, for letters that English does not have, and for a text
    that is empty or would take more than MOST_SECONDS; MissingPart without pocketsphinx or inflect.
    """
    if language.lower().replace("_", "-").split("-")[0] not in ("en", "eng", "english"):
        raise UsageError(f"Only English ('en') can be spoken so far; {language!r} is unknown here.")
    if len(text) > _MOST_LETTERS:
        raise _too_long(len(text) / 15 * _PHONE_SECONDS * 12)
    spoken = [_sentence(words) for words in sentences(text)]
    if not spoken:
        raise UsageError("There is nothing to say: the text holds no word.")
    if (seconds := sum(map(estimate, spoken))) > MOST_SECONDS:
        raise _too_long(seconds)
    return spoken


def estimate(phones: Sequence[str]) -> float:
    """Seconds that phones take at the usual pace."""
    pauses = sum(phone == SIL for phone in phones)
    return pauses * _PAUSE_SECONDS + (len(phones) - pauses) * _PHONE_SECONDS


def _too_long(seconds: float) -> UsageError:
    length = f"{seconds / 60:.0f} minutes" if seconds > 120 else f"{seconds:.0f} s"
    return UsageError(
        f"The text would take about {length} to say, and at most {MOST_SECONDS:.0f} s are spoken at once; "
        "cut it into parts."
    )


def _sentence(words: Sequence[str]) -> Phones:
    phones = [SIL]
    for word in words:
        phones += [SIL] if word == PAUSE else pronounce(word)
    return (*phones, SIL)


def pronounce(word: str) -> Phones:
    """Phones of one word of lower-case letters and apostrophes: the dictionary's first, a rule's, or a guess."""
    known = dictionary()
    if word in known:
        return known[word]
    stem, apostrophe, ending = word.partition("'")
    if apostrophe and ending == "s" and stem:
        said = pronounce(stem)
        last = said[-1] if said else ""
        return (*said, *(("IH", "Z") if last in _HISSING else ("S",) if last in _VOICELESS else ("Z",)))
    guessed = letters.guess(word)
    return guessed if any(letter in "aeiouy" for letter in word) and guessed else spelled(word)


def spelled(word: str) -> Phones:
    """The names of the letters of a word, one after the other."""
    known = dictionary()
    names = (known["a(2)"] if letter == "a" else known[letter] for letter in word if letter.isalpha())
    return tuple(phone for name in names for phone in name)


@cache
def dictionary() -> Mapping[str, Phones]:
    """Words, lower case, and their phones; further pronunciations have "(2)" ... behind the word."""
    if importlib.util.find_spec("pocketsphinx") is None:
        raise MissingPart("The pronouncing dictionary comes with pocketsphinx: pip install 'earwitness[train]'.")
    from pocketsphinx import get_model_path

    with open(get_model_path("en-us/cmudict-en-us.dict"), encoding="utf-8") as file:
        rows = (line.split() for line in file)
        return {word: tuple(phones) for word, *phones in rows}
