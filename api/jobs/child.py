"""A child process: takes tasks from its parent one by one, under limits that the kernel holds.

A hostile file can make a decoder crash, loop or eat memory. Here that ends one child and one request.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import resource
import signal
import sys
from multiprocessing.connection import Connection

from ...core.errors import AudioError, DataError, EarwitnessError, LimitError, StorageError, UsageError
from ...core.home import set_home
from ...core.providers import CPU
from .spool import NO_ROOM
from .tasks import Outcome, Task

# A task is a few hundred bytes of paths and options; claims of a mark are capped on the way in.
LARGEST_TASK = 1 << 20
# What a child says when it can take its first task.
READY = b"ready"


def serve(connection: Connection, home: str, memory: int, cpu_seconds: int, provider: str) -> None:
    """Answer tasks until the parent closes the connection.

    memory: bytes of address space, or of data where `provider` is not the CPU: drivers of accelerators reserve many
    times more addresses than they use. cpu_seconds: of processor time for one task.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when a task ends
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with_parent()
    set_home(home)
    resource.setrlimit(resource.RLIMIT_AS if provider == CPU else resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection.send_bytes(READY)
    while True:
        try:
            task = Task.model_validate_json(connection.recv_bytes(LARGEST_TASK))
        except EOFError:
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (spent + cpu_seconds, resource.RLIM_INFINITY))
        try:
            outcome = perform(task.model_copy(update={"provider": provider}))
            connection.send_bytes(outcome.model_dump_json().encode())
        except BrokenPipeError:
            return


def perform(task: Task) -> Outcome:
    """Do one task; whatever the user could have caused becomes a refusal."""
    from . import work  # decoders and models: only children load them

    try:
        return work.BY_KIND[task.kind](task)
    except StorageError:
        return _NO_PLACE
    except LimitError as error:
        return _refused("limit", error, task)
    except AudioError as error:
        return _refused("audio", error, task)
    except UsageError as error:
        return _refused("usage", error, task)
    except DataError as error:
        return Outcome(refused="setup", detail="The records of marks do not answer; try again.", cause=str(error))
    except EarwitnessError as error:
        return Outcome(
            refused="setup", detail="The server lacks something for this, and has logged what.", cause=str(error)
        )
    except MemoryError:
        return Outcome(refused="limit", detail="The file needs more memory than one request may have.")
    except OSError as error:
        if error.errno in NO_ROOM:
            return _NO_PLACE
        raise


_NO_PLACE = Outcome(refused="storage", detail="There is no room for the marked file; try later.")


def _die_with_parent() -> None:
    """Let the kernel end this process with its parent, also in the middle of a decoder's loop.

    The parent holds the other end of a pipe; when that closes, SIGIO comes, which nobody handles here.
    """
    parent = multiprocessing.parent_process()
    if sys.platform == "linux" and parent is not None:
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)


def _refused(kind: str, error: EarwitnessError, task: Task) -> Outcome:
    # The sentence is for the one who sent the file; where it lay on the server is not their business.
    text = str(error)
    for path, words in ((task.path, "file"), (task.options.get("target"), "marked file")):
        for name in (path, os.path.basename(path)) if path else ():
            text = text.replace(repr(name), f"The {words}").replace(name, f"the {words}")
    return Outcome.model_validate({"refused": kind, "detail": text})
