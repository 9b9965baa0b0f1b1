"""A pool of child processes, forked ahead of time, watched and recycled."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import structlog

from ...core.errors import EarwitnessError
from ...core.home import home
from ...core.providers import CPU, check_provider
from ...core.run import single_threaded
from .child import READY, serve
from .tasks import Outcome, Task

log = structlog.get_logger()
_PRELOAD = "earwitness.api.jobs.preload"
# The answer for a recording of 24 hours has some ten thousand spans of 60 bytes.
_LARGEST_OUTCOME = 1 << 25


class ChildDied(EarwitnessError):
    """The child process was killed or crashed while it worked on the file."""


class TookTooLong(EarwitnessError):
    """The file was not done within its time."""


class Draining(EarwitnessError):
    """The pool takes no work: it is shutting down, or no child can be forked."""


@dataclass(frozen=True)
class PoolSettings:
    """children: processes. seconds: wall time of one task. memory: bytes of a child's address space.

    recycle_after: tasks, after which a child is replaced. provider: of ONNX Runtime, see `core.onnx_session.open_on`.
    Raises UsageError for an unknown provider.
    """

    children: int = 2
    seconds: float = 30.0
    memory: int = 2 << 30
    recycle_after: int = 500
    provider: str = CPU

    def __post_init__(self) -> None:
        check_provider(self.provider)


@dataclass
class _Child:
    process: ForkServerProcess
    connection: Connection
    tasks: int = 0


@dataclass
class Pool:
    """Runs tasks in children; safe to call from several threads.

    on_death: called with "killed" or "time" when a child was lost, for the metrics. home: EARWITNESS_HOME of the
    children.
    """

    settings: PoolSettings = field(default_factory=PoolSettings)
    on_death: Callable[[str], None] = lambda reason: None
    home: Path = field(default_factory=home)
    _idle: queue.LifoQueue[_Child | None] = field(default_factory=queue.LifoQueue)
    _all: set[int] = field(default_factory=set)
    _closing: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Fork all children, and wait until each can work."""
        for _ in range(self.settings.children):
            self._idle.put(self._new())

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the children."""
        return tuple(self._all)

    def run(self, task: Task, stop: Callable[[], bool] = lambda: False) -> Outcome:
        """The outcome of a task. One that dies is tried once more, in a new child.

        stop: asked every fifth of a second; True gives the task up. Raises ChildDied, TookTooLong and Draining.
        """
        try:
            return self._once(task, stop)
        except ChildDied:
            return self._once(task, stop)

    def close(self) -> None:
        """End all children, those at work as well."""
        self._closing.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self._end(self._idle.get_nowait())
        self._idle.put(None)  # wakes whoever waits for a child

    def _once(self, task: Task, stop: Callable[[], bool]) -> Outcome:
        with self._borrowed() as child:
            # Sending fails where the child died while it was idle.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                child.connection.send_bytes(task.model_dump_json().encode())
            end = time.monotonic() + self.settings.seconds
            while not child.connection.poll(min(0.2, max(0.0, end - time.monotonic()))):
                if self._closing.is_set() or stop():
                    raise Draining("The server is shutting down.")
                if time.monotonic() >= end:
                    self.on_death("time")
                    raise TookTooLong(f"The file was not done within {self.settings.seconds:g} s.")
            try:
                answer = child.connection.recv_bytes(_LARGEST_OUTCOME)
            except (EOFError, OSError) as error:
                self.on_death("killed")
                sentence = "The decoder was stopped: the file is broken, or needs too much memory or time."
                raise ChildDied(sentence) from error
            child.tasks += 1
        outcome = Outcome.model_validate_json(answer)
        if outcome.cause:
            log.error("work cannot be done", kind=task.kind, reason=outcome.cause)
        return outcome

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[_Child]:
        """A child of one's own; it comes back only unharmed and not worn out, else a new one takes its place.

        None stands for a child that could not be forked; the next one who needs it tries again.
        """
        child = self._idle.get()
        if self._closing.is_set():
            self._idle.put(child)
            raise Draining("The server is shutting down.")
        if child is None or not child.process.is_alive():
            self._end(child)
            child = self._try_new()
        if child is None:
            self._idle.put(None)
            raise Draining("No decoder can be started at the moment.")
        well = False
        try:
            yield child
            well = True
        finally:
            if self._closing.is_set():
                self._end(child)
                self._idle.put(None)
            elif well and child.tasks < self.settings.recycle_after and child.process.is_alive():
                self._idle.put(child)
            else:
                self._end(child)
                self._idle.put(self._try_new())

    def _try_new(self) -> _Child | None:
        try:
            return self._new()
        except (OSError, EOFError):  # no process, no memory, or the child was killed before its first task
            return None

    def _new(self) -> _Child:
        child = self._fork()
        try:
            child.connection.recv_bytes(len(READY))
        except (OSError, EOFError):
            self._end(child)
            raise
        return child

    def _fork(self) -> _Child:
        context = multiprocessing.get_context("forkserver")
        ours, theirs = context.Pipe()
        settings = self.settings
        arguments = (theirs, str(self.home), settings.memory, int(settings.seconds) + 1, settings.provider)
        process = context.Process(target=serve, args=arguments, daemon=True)
        prepare()
        process.start()
        theirs.close()
        self._all.add(process.pid or 0)
        return _Child(process, ours)

    def _end(self, child: _Child | None) -> None:
        if child is None:
            return
        self._all.discard(child.process.pid or 0)
        child.connection.close()
        child.process.kill()
        child.process.join(5.0)


def prepare() -> None:
    """Start the process that children are forked from, and let it load decoders and models meanwhile."""
    multiprocessing.set_forkserver_preload([_PRELOAD])
    with single_threaded():
        forkserver.ensure_running()
