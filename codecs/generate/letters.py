"""Letter to sound for words that the dictionary lacks: the widest known context of a letter decides.

Rules as in Default & Refine (Davel & Barnard 2004, "A Default-and-Refinement Approach to Pronunciation Prediction"):
each letter has a default sound, and a context is kept only where its sound differs from what the narrower ones say.
`learn` made the shipped rules from the CMU dictionary in the pocketsphinx wheel (BSD).
"""

from __future__ import annotations

import gzip
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

Phones = tuple[str, ...]
Rules = Mapping[str, Phones]

FILE = "letters.txt.gz"
# Letters to the left and right that a context holds, from the narrowest.
_WIDTHS = ((0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (4, 4))
_EDGE = "#"
_MOST = 2  # phones that one letter can stand for: the x of "box"
# What a piece of two phones costs besides, in nats; else the r of "for" takes the vowel and o falls silent.
_PAIR = 4.0
# What an unseen pair of letter and sound costs, and a vowel that a consonant would take from its neighbour.
_UNSEEN, _STOLEN = 9.0, 4.0
_CONSONANTS, _VOWELS = frozenset("bcdfghjklmnpqrstvxz"), frozenset("AEIOU")


def guess(word: str, rules: Rules | None = None) -> Phones:
    """ARPAbet phones of a word of the letters a-z; others are passed over."""
    rules = shipped() if rules is None else rules
    letters = "".join(letter for letter in word if letter.isascii() and letter.isalpha())
    sounds: list[str] = []
    for place in range(len(letters)):
        keys = (_context(letters, place, *width) for width in reversed(_WIDTHS))
        sounds += next((rules[key] for key in keys if key in rules), ())
    return tuple(sounds)


@cache
def shipped() -> Rules:
    """The rules in the package."""
    packed = resources.files("earwitness.codecs.generate").joinpath(FILE).read_bytes()
    lines = (line.split("\t") for line in gzip.decompress(packed).decode("ascii").splitlines())
    return {key: tuple(sounds.split()) for key, sounds in lines}


def write(rules: Rules, file: Path) -> None:
    """Write rules as `shipped` reads them; the same rules give the same bytes."""
    lines = (f"{key}\t{' '.join(sounds)}\n" for key, sounds in sorted(rules.items()))
    file.write_bytes(gzip.compress("".join(lines).encode("ascii"), mtime=0))


def learn(words: Mapping[str, Phones], *, rounds: int = 4, least: int = 2) -> Rules:
    """Rules from pronounced words (letters a-z only); a context seen less than `least` times makes no rule.

    Letters and sounds are aligned by Viterbi training: a letter stands for none, one or two sounds.
    """
    pairs = [(word, phones) for word, phones in words.items() if 0 < len(phones) <= _MOST * len(word)]
    costs = _first_costs(pairs)
    aligned: list[tuple[str, list[Phones]]] = []
    for _ in range(rounds):
        aligned = [(word, _align(word, phones, costs)) for word, phones in pairs]
        costs = _costs(aligned)
    return _refine(aligned, least)


def _first_costs(pairs: Sequence[tuple[str, Phones]]) -> dict[str, dict[Phones, float]]:
    """From the words with as many letters as sounds, read one to one."""
    even = [(word, [(phone,) for phone in phones]) for word, phones in pairs if len(word) == len(phones)]
    return _costs(even)


def _costs(aligned: Sequence[tuple[str, Sequence[Phones]]]) -> dict[str, dict[Phones, float]]:
    """Negative log share of each sound of a letter."""
    counts: dict[str, Counter[Phones]] = defaultdict(Counter)
    for word, sounds in aligned:
        for letter, sound in zip(word, sounds, strict=True):
            counts[letter][sound] += 1
    return {
        letter: {sound: -math.log(n / seen.total()) for sound, n in seen.items()} for letter, seen in counts.items()
    }


def _align(word: str, phones: Phones, costs: Mapping[str, Mapping[Phones, float]]) -> list[Phones]:
    """The cheapest cut of the phones into one piece for each letter."""
    best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for letter in word:
        known, row = costs.get(letter, {}), dict[int, tuple[float, int]]()
        for end, (cost, _) in best[-1].items():
            for size in range(min(_MOST, len(phones) - end) + 1):
                piece = phones[end : end + size]
                stolen = letter in _CONSONANTS and any(phone[0] in _VOWELS for phone in piece)
                total = cost + known.get(piece, _UNSEEN) + _PAIR * (size == _MOST) + _STOLEN * stolen
                if end + size not in row or total < row[end + size][0]:
                    row[end + size] = (total, end)
        best.append(row)
    pieces, end = list[Phones](), len(phones)
    for row in reversed(best[1:]):
        start = row[end][1]
        pieces.append(phones[start:end])
        end = start
    return pieces[::-1]


def _refine(aligned: Sequence[tuple[str, Sequence[Phones]]], least: int) -> Rules:
    rules: dict[str, Phones] = {}
    for width in _WIDTHS:
        seen: dict[str, Counter[Phones]] = defaultdict(Counter)
        for word, sounds in aligned:
            for place, sound in enumerate(sounds):
                seen[_context(word, place, *width)][sound] += 1
        fresh = {}
        for key, counts in seen.items():
            sound, number = counts.most_common(1)[0]
            left, letter, right = key.split("|")
            before = _known(rules, left, letter, right)
            if number >= least and sound != before and (before is None or number > counts[before]):
                fresh[key] = sound
        rules |= fresh
    return rules


def _known(rules: Rules, left: str, letter: str, right: str) -> Phones | None:
    """What the rules so far say of a letter between these neighbours."""
    for before, after in reversed(_WIDTHS):
        if before <= len(left) and after <= len(right):
            key = f"{left[len(left) - before :]}|{letter}|{right[:after]}"
            if key in rules:
                return rules[key]
    return None


def _context(word: str, place: int, before: int, after: int) -> str:
    left = word[max(0, place - before) : place]
    right = word[place + 1 : place + 1 + after]
    return f"{left.rjust(before, _EDGE)}|{word[place]}|{right.ljust(after, _EDGE)}"
