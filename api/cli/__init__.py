"""The command line. `main` is the console script `earwitness`."""

from __future__ import annotations

from .app import main

__all__ = ["main"]
