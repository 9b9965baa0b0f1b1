"""Lists as JSON Lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..schemas import Schema


def lines(target: str | None, records: Iterable[Schema]) -> None:
    """Write `records` to `target` ("-": standard output; None: nowhere), one JSON object a line."""
    if target is None:
        return
    from ..schemas import line
    from ..writers import opened

    with opened(target) as stream:
        stream.writelines(f"{line(record)}\n" for record in records)
