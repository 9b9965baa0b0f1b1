"""The fields of a form as what they stand for."""

from __future__ import annotations

from collections.abc import Collection

from ..problems import ProblemError


def one_of(name: str, text: str, known: Collection[str]) -> str:
    """The text of the field `name`. Raises ProblemError when it is no known word."""
    if text not in known:
        raise ProblemError("invalid-request", f"The field {name!r} is one of {', '.join(known)}.")
    return text
