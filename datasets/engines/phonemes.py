"""English as phonemes, by the program espeak-ng: what the neural engines here are fed with."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Mapping, Sequence

from ...core import program
from ...core.errors import UsageError

PROGRAM = "espeak-ng"
ADVICE = f"the program {PROGRAM} (apt-get install {PROGRAM})"
# A mark closes a clause when a space follows it, or nothing: "3.5" and "10:30" stay whole.
_CLAUSE = re.compile(r"(.+?)([.,;:!?]*)(?:(?<=[.,;:!?])\s+|\s*$)")
_LANGUAGE_SWITCH = re.compile(r"\([a-z-]+\)")


def present() -> bool:
    """Whether espeak-ng is on the PATH."""
    return shutil.which(PROGRAM) is not None


def clauses(text: str, name: str, accent: str = "en-us") -> list[str]:
    """IPA of each clause, its last punctuation mark behind it, decomposed (NFD).

    espeak-ng leaves punctuation out, so each clause is asked for alone. Raises UsageError for text without a sound,
    AudioError when the program fails; `name` is the engine's.
    """
    found = []
    for clause, marks in _CLAUSE.findall(text):
        spoken = program.run([PROGRAM, "-q", "--ipa=3", "-v", accent, "--", clause], name).decode("utf-8", "replace")
        bare = _LANGUAGE_SWITCH.sub("", spoken.replace("_", "").replace("\u200d", ""))
        if line := " ".join(unicodedata.normalize("NFD", bare).split()):
            found.append(line + marks[-1:])
    if not found:
        raise UsageError(f"There are no words to speak in {text!r}.")
    return found


def symbols(parts: Sequence[str], table: Mapping[str, object], most: int) -> list[str]:
    """Clauses joined to texts of at most `most` symbols, all of them in `table`; what it does not have is left out.

    A clause that is longer is split between words, a word that is longer is cut.
    """
    joined: list[str] = []
    for part in parts:
        known = "".join(character for character in part if character in table)
        for piece in [known] if len(known) <= most else known.split(" "):
            if joined and len(joined[-1]) + 1 + len(piece) <= most:
                joined[-1] += " " + piece
            else:
                joined.append(piece[:most])
    return joined
