"""Written English as words: numbers, money, times, abbreviations and signs spelled out."""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

from ...core.errors import MissingPart, UsageError

PAUSE = ","
_SHORT = {
    "mr": "mister",
    "mrs": "missus",
    "ms": "miz",
    "dr": "doctor",
    "prof": "professor",
    "st": "saint",
    "jr": "junior",
    "sr": "senior",
    "vs": "versus",
    "etc": "et cetera",
    "e.g": "for example",
    "i.e": "that is",
    "no": "number",
}
_SIGNS = {"&": " and ", "+": " plus ", "=": " equals ", "@": " at ", "%": " percent ", "°": " degrees "}
_MONEY = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent")}
_PLURALS = {"penny": "pence"}
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": " ", "”": " ", "–": " , ", "—": " , ", "…": ". "})


def sentences(text: str) -> list[list[str]]:
    """Each sentence as lower-case words of a-z and apostrophes, PAUSE where the reader stops for breath.

    Raises UsageError for letters that English does not have, MissingPart for digits without inflect.
    """
    plain = _plain(text)
    parts = [_words(part) for part in re.split(r"[.!?;:\n]+(?=\s|$)|\n{2,}", _spelled_out(plain))]
    return [part for part in parts if part]


def _plain(text: str) -> str:
    """Without accents and typographers' marks."""
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    foreign = next((letter for letter in text if letter.isalpha() and not letter.isascii()), None)
    if foreign is not None:
        raise UsageError(f"The text holds the letter {foreign!r}, which no English word has; spell it in a-z.")
    return text


def _spelled_out(text: str) -> str:
    text = re.sub(r"\b(e\.g|i\.e)\.", lambda m: f" {_SHORT[m[1].lower()]} ", text, flags=re.IGNORECASE)
    # "No." stands for number only before one; the rest are abbreviations wherever a point follows.
    text = re.sub(r"\bno\.(?=\s*\d)", "number ", text, flags=re.IGNORECASE)
    shorts = "|".join(key for key in _SHORT if key.isalpha() and key != "no")
    text = re.sub(rf"\b({shorts})\.", lambda m: f"{_SHORT[m[1].lower()]} ", text, flags=re.IGNORECASE)
    for pattern, say in _NUMBERS:
        text = re.sub(pattern, _apart(say), text)
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    # Capitals with points (U.S.A.) and short words all in capitals are spelled by their letters.
    text = re.sub(r"\b(?:[A-Z]\.){2,}", lambda m: " ".join(m[0].replace(".", "")) + " ", text)
    return re.sub(r"\b[A-Z]{2,4}\b", _initials, text) if text != text.upper() else text


def _apart(say: Callable[[re.Match[str]], str]) -> Callable[[re.Match[str]], str]:
    return lambda match: f" {say(match)} "


def _initials(match: re.Match[str]) -> str:
    from .text import dictionary

    return match[0] if match[0].lower() in dictionary() else " ".join(match[0])


def _words(part: str) -> list[str]:
    found: list[str] = []
    for token in re.findall(r"[a-z']+|[,()\[\]]|--+", part.lower()):
        word = token.strip("'") if token not in _LEADING else token
        if token[0] in ",()[]-":
            if found and found[-1] != PAUSE:
                found.append(PAUSE)
        elif word:
            found.append(word)
    return found[:-1] if found and found[-1] == PAUSE else found


_LEADING = frozenset(("'tis", "'twas", "'em", "'cause", "'til"))


def _money(match: re.Match[str]) -> str:
    unit, small = _MONEY[match[1]]
    whole = int(match[2].replace(",", ""))
    words = f"{_cardinal(str(whole))} {unit}{'' if whole == 1 else 's'}"
    if match[3] and int(match[3]):
        name = small if int(match[3]) == 1 else _PLURALS.get(small, small + "s")
        words += f" and {_cardinal(match[3])} {name}"
    return words


def _time(match: re.Match[str]) -> str:
    hour = _cardinal(match[1])
    return f"{hour} o'clock" if match[2] == "00" else f"{hour} {_last_two(int(match[2]))}"


def _year(match: re.Match[str]) -> str:
    year = int(match[0])
    if year % 1000 < 10:
        return _cardinal(year)
    high, low = divmod(year, 100)
    return f"{_cardinal(high)} {_last_two(low) if low else 'hundred'}"


def _last_two(number: int) -> str:
    """The minutes of a time or the end of a year."""
    return f"oh {_cardinal(number)}" if number < 10 else _cardinal(number)


def _decimal(match: re.Match[str]) -> str:
    digits = " ".join(_cardinal(digit) for digit in match[2])
    return f"{_cardinal(match[1].replace(',', ''))} point {digits}"


def _whole(match: re.Match[str]) -> str:
    digits = match[0].replace(",", "")
    if len(digits) > 12 or (len(digits) > 1 and digits[0] == "0"):
        return " ".join(_cardinal(digit) for digit in digits)
    return _cardinal(digits)


def _cardinal(number: str | int) -> str:
    return str(_inflect().number_to_words(int(number), andword="")).replace("-", " ").replace(",", "")


def _ordinal(match: re.Match[str]) -> str:
    return str(_inflect().number_to_words(f"{int(match[1])}th", andword="")).replace("-", " ").replace(",", "")


@cache
def _inflect() -> Any:
    if importlib.util.find_spec("inflect") is None:
        raise MissingPart("Numbers are spelled out by inflect: pip install 'earwitness[train]', or write them out.")
    import inflect

    return inflect.engine()


# In this order: what a later pattern would take apart comes first.
_NUMBERS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"([$£€])\s?(\d[\d,]{0,14})(?:\.(\d\d))?\b", _money),
    (r"\b([01]?\d|2[0-3]):([0-5]\d)\b", _time),
    (r"\b(\d{1,6})(?:st|nd|rd|th)\b", _ordinal),
    (r"\b(\d[\d,]{0,11})\.(\d+)\b", _decimal),
    (r"(?<![\d,])(?:1[1-9]|20)\d\d(?![\d,.]*\d)", _year),
    (r"\d[\d,]*\d|\d", _whole),
)
