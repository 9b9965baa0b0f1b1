"""Progress on stderr, and only when a person watches it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


def counted(items: Iterable[Item], total: int, what: str, *, show: bool = True) -> Iterator[Item]:
    """Pass `items` on, with a bar while `show` holds and stderr is a terminal."""
    with reporter(show=show) as report:
        for number, item in enumerate(items, 1):
            report(what, number, total)
            yield item


@contextmanager
def reporter(*, show: bool = True) -> Iterator[Callable[[str, int, int], None]]:
    """A function `report(what, done, total)` that moves a bar, or does nothing when no one watches."""
    if not show or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)
