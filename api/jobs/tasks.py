"""What a child process is asked and what it answers: JSON on both ways, because a child that a hostile file has
taken over must not be able to hand its parent anything but text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ...core.providers import CPU
from ..schemas import Schema

if TYPE_CHECKING:
    from ...core.audio import Limits


class Bounds(Schema):
    """core.audio.Limits as JSON."""

    max_seconds: float
    max_bytes: int
    max_channels: int

    def limits(self) -> Limits:
        """The same as the decoder takes them."""
        from ...core.audio import Limits  # the parent of the children has no need for the decoders

        return Limits(self.max_seconds, self.max_bytes, self.max_channels)


class Task(Schema):
    """One piece of work on one file. kind: of the work; options: what that kind takes.

    sync_seconds: answer `long` instead of working on more seconds than these. provider: of ONNX Runtime, as the
    process has it that does the work.
    """

    kind: Literal["scan", "mark", "verify", "record"]
    path: str
    bounds: Bounds
    options: dict[str, Any] = Field(default_factory=dict)
    sync_seconds: float | None = None
    provider: str = CPU


class Outcome(Schema):
    """Exactly one of: a result, `long`, or a refusal (name of the error's class, and its sentence).

    owner: of the mark's record that the result speaks of. cause: why a server cannot do this, for its operator only.
    """

    result: dict[str, Any] | None = None
    model: dict[str, str] = Field(default_factory=dict)
    owner: str | None = None
    long: bool = False
    refused: Literal["", "audio", "limit", "usage", "setup", "storage", "absent"] = ""
    detail: str = ""
    cause: str = ""
