"""Mapping a function over many items: in this process or in a pool, with the same results in the same order."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Literal, TypeVar

from .errors import EarwitnessError, UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")
Engine = Literal["local", "pool"]

# Items under way for each worker: enough to keep all busy behind one slow item.
_AHEAD = 4
# Read by OpenMP, OpenBLAS, MKL and numexpr when they are loaded, so they must be in place when a worker starts.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def map(
    function: Callable[[Item], Result], items: Iterable[Item], *, engine: Engine = "local", workers: int = 1
) -> Iterator[Result]:
    """Yield function(item) for each item, in order; items are taken a bounded number ahead.

    engine "local" runs here; "pool" runs in `workers` spawned single-threaded processes, for which function
    and items must be picklable. An exception of the function surfaces at its item's turn, as it is, and
    ends the iteration. Raises UsageError for an impossible engine, worker count or function, and
    EarwitnessError when a worker process dies.
    """
    if workers < 1:
        raise UsageError(f"At least 1 worker is needed, not {workers}.")
    if engine == "local":
        return (function(item) for item in items)
    if engine != "pool":
        raise UsageError(f"There is no engine {engine!r}; known: local, pool.")
    try:
        pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(f"Worker processes cannot be given {function!r}: it must be importable.") from error
    return _pooled(function, items, workers)


def seed_for(base_seed: int, key: str) -> int:
    """A seed in [0, 2**63) for one item, the same wherever and in whatever order items are worked on."""
    digest = hashlib.sha256(f"{base_seed}\0{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _pooled(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    source = iter(items)
    waiting: deque[Future[Result]] = deque()
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_settle_worker)
    try:
        while True:
            while len(waiting) < _AHEAD * workers:
                try:
                    item = next(source)
                except StopIteration:
                    break
                with single_threaded():
                    waiting.append(pool.submit(function, item))
            if not waiting:
                return
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise EarwitnessError(
            "A worker process died, often for lack of memory; try again with fewer workers."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def single_threaded() -> Iterator[None]:
    """The environment that processes started inside inherit, so that their numeric libraries take one thread each."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _settle_worker() -> None:
    """Ctrl-C ends a worker at once and without a traceback; the parent tells the user."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
