"""Imported by the process that all children are forked from, so that they share its pages and start at once."""

from __future__ import annotations

import contextlib

from ...core import decode_av
from ...core.errors import WeightsError
from ...detect import registry
from . import child, work

__all__ = ["child", "decode_av", "work"]

with contextlib.suppress(WeightsError):  # altered weights: the first task says so in a sentence
    registry.open()
