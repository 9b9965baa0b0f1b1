"""The root command: turns errors, interrupts and closed pipes into sentences and exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from ...core.errors import EarwitnessError
from .options import DEBUG

USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
CLOSED_PIPE = 141  # 128 + SIGPIPE


class Root(TyperGroup):
    """Group of all commands. Usage errors that typer finds itself exit with 2 as well."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except EarwitnessError as error:
            if ctx.meta.get(DEBUG):
                traceback.print_exc()
            complain(str(error))
            raise typer.Exit(USAGE) from None
        except KeyboardInterrupt:
            complain("Interrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            drop_stdout()
            raise typer.Exit(CLOSED_PIPE) from None
        except OSError as error:
            # What the rooms expect they turn into sentences of their own; a full disk can strike anywhere.
            if ctx.meta.get(DEBUG):
                traceback.print_exc()
            place = f"{error.filename}: " if error.filename else ""
            complain(f"{place}{error.strerror or error}.")
            raise typer.Exit(USAGE) from None
        return result


def complain(sentence: str) -> None:
    """One line on stderr. It may quote a hostile name, so it is cleaned first."""
    from ...core.text import printable

    with contextlib.suppress(BrokenPipeError):
        print(f"earwitness: {printable(sentence)}", file=sys.stderr)


def drop_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter's last flush does not complain."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)


def tolerate_any_text() -> None:
    """Let stdout and stderr print what their encoding lacks as escapes: a file name never stops a scan."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
