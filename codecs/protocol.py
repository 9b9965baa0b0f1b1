"""What every member of the zoo promises; contract tests run over the registry."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ..core.audio import Audio
from .tokens import Tokens


@runtime_checkable
class Resynthesiser(Protocol):
    """Turns speech into the same speech as a machine would say it: same rate, length and channels."""

    @property
    def name(self) -> str:
        """Name in the zoo."""
        ...

    @property
    def kbps(self) -> tuple[float, ...]:
        """Bitrates offered in kbit/s; empty: one fixed mode."""
        ...

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        """Copy-synthesise `audio`; `kbps` picks one of the bitrates (default: the highest)."""
        ...


@runtime_checkable
class Codec(Resynthesiser, Protocol):
    """A resynthesiser whose middle is a table of integers."""

    def encode(self, audio: Audio, levels: int | None = None) -> Tokens:
        """Codes of the first channel's mono mix, with `levels` quantiser stages (default: all)."""
        ...

    def decode(self, tokens: Tokens) -> Audio:
        """Speech of the tokens, (1, tokens.length) at the codec's rate."""
        ...
