"""Protocol (key) files of public corpora: which recordings are bona fide and which are spoofs, and by what."""

from __future__ import annotations

from .reader import FORMATS, read
from .trial import Protocol, Trial

__all__ = ["FORMATS", "Protocol", "Trial", "read"]
