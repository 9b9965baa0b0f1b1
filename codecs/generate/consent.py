"""Whose voice may be rendered: any that trained the model, and any other only with a written consent.

A consent is a TOML file: `who` gave it, its `basis` (a word of BASES) and the `date`. What is made carries the file's
digest and the basis, never the name.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Container
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ...core.errors import InputError, UsageError
from ...core.files import sha256

BASES = ("own-voice", "written-consent", "licence", "public-domain", "synthetic")
_KEYS = ("who", "basis", "date")
_MOST_BYTES = 65_536


@dataclass(frozen=True)
class Consent:
    """A consent as it was read; digest: sha256 of the file."""

    who: str
    basis: str
    date: datetime.date
    digest: str

    def public(self) -> dict[str, str]:
        """What may be told of it: no name."""
        return {"sha256": self.digest, "basis": self.basis}


def read(path: Path) -> Consent:
    """Read a consent. Raises InputError that says what is missing or wrong in it."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"The consent {path.name!r} is larger than 64 KiB; it should hold a few lines.")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        digest = sha256(path)
    except OSError as error:
        raise InputError(f"The consent {str(path)!r} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"The consent {str(path)!r} cannot be read: {error}.") from error
    unknown = next((key for key in table if key not in _KEYS), None)
    if unknown is not None:
        raise InputError(f"The consent {path.name!r} has an unknown key {unknown!r}; it has who, basis and date.")
    missing = next((key for key in _KEYS if key not in table), None)
    if missing is not None:
        raise InputError(f"The consent {path.name!r} does not say {missing!r}; it needs who, basis and date.")
    who, basis = table["who"], table["basis"]
    if not isinstance(who, str) or not who.strip():
        raise InputError(f"The consent {path.name!r} does not say who gave it.")
    if basis not in BASES:
        near = get_close_matches(str(basis), BASES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; it is one of {', '.join(BASES)}."
        raise InputError(f"The consent {path.name!r} has the basis {basis!r}{hint}")
    return Consent(who.strip(), basis, _date(table["date"], path.name), digest)


def _date(value: Any, name: str) -> datetime.date:
    try:
        date = datetime.date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise InputError(f"The consent {name!r} has the date {value!r}; write it as 2026-11-30.") from error
    if isinstance(date, datetime.datetime):
        date = date.date()
    if not isinstance(date, datetime.date):
        raise InputError(f"The consent {name!r} has the date {value!r}; write it as 2026-11-30.")
    # A day of grace, for who writes it east of here.
    if date > datetime.date.today() + datetime.timedelta(days=1):
        raise InputError(f"The consent {name!r} is dated {date}, which is still to come.")
    return date


def check(prompt_digest: str, trained_on: Container[str], consent: Consent | None) -> None:
    """Whether a prompt's voice may be rendered. Raises UsageError when it may not.

    prompt_digest: sha256 of the file; trained_on: `short` digests of the clips in the training manifest.
    """
    if consent is None and short(prompt_digest) not in trained_on:
        raise UsageError(
            "The voice of this prompt is not one that the model was trained on, so it needs a consent: a TOML file "
            "with who, basis and date, given with --consent or among the consents of a dataset's recipe."
        )


def short(digest: str) -> str:
    """The first 16 hex digits: enough to know a file again, and a card's list stays small."""
    return digest[:16]
