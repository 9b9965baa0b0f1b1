"""Synthesisers that run offline, as drivers: they make fakes that say what genuine clips say.

Programs come from Debian, neural ones from packages whose model files are pinned by hash (`pins.toml`). Only voices
whose licence lets what they say be passed on.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...core.errors import UsageError
from . import espeak, festival, flite
from .kokoro import Kokoro
from .openjtalk import OpenJTalk
from .piper import Piper
from .protocol import Engine, Voice, voice_of

__all__ = ["Engine", "Voice", "engines", "open_engine", "voice_of"]

_ENGINES: dict[str, Engine] = {
    engine.name: engine for engine in (espeak.ENGINE, festival.ENGINE, flite.ENGINE, Kokoro(), OpenJTalk(), Piper())
}


def engines() -> Mapping[str, Engine]:
    """All engines by name, installed or not."""
    return dict(_ENGINES)


def open_engine(name: str) -> Engine:
    """The engine of a name; its parts are checked when it is used. Raises UsageError that lists the known ones."""
    if name not in _ENGINES:
        raise UsageError(f"There is no engine {name!r}; known: {', '.join(_ENGINES)}.")
    return _ENGINES[name]
