"""Text that others wrote (file names, tags), made harmless for the place where it is shown."""

from __future__ import annotations

import unicodedata

# Controls, formatting characters (bidirectional overrides, invisible ones), lone surrogates, private use,
# unassigned, line and paragraph separators.
_HARMFUL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# The joiners that Persian, Indic scripts and emoji are spelt with.
_SPARED = {"\u200c", "\u200d"}
# What spreadsheets take for the start of a formula, with the full-width forms.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def printable(text: str) -> str:
    r"""`text` on one line with everything that could steer a terminal or mislead a reader written out.

    As \xNN, \uNNNN or \UNNNNNNNN; a byte of a file name that is not UTF-8 as its own \xNN. Letters of all
    scripts, accents and emoji remain. Rich markup is not touched: use rich.markup.escape on the result.
    """
    return "".join(_escaped(character) for character in text)


def csv_cell(text: str) -> str:
    """`text` as a spreadsheet shows it and never runs it: a leading = + - @, tab or line break gets a ' in front.

    For text only, not for numbers; controls inside are the business of `printable`, quoting of the csv module.
    """
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _HARMFUL or character in _SPARED:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # os.fsdecode put the byte there
        code -= 0xDC00
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
