"""earwitness: who heard whom. Audio deepfake detection and provenance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api.client import Client
    from .api.client_async import AsyncClient
    from .core.audio import Audio
    from .detect.scan import scan
    from .detect.verdict import Verdict

__all__ = ["AsyncClient", "Audio", "Client", "Verdict", "__version__", "scan"]
__version__ = "0.1.0"

_HOMES = {
    "AsyncClient": ".api.client_async",
    "Audio": ".core.audio",
    "Client": ".api.client",
    "scan": ".detect.scan",
    "Verdict": ".detect.verdict",
}


def __getattr__(name: str) -> Any:
    # Lazy, so that `earwitness --help` need not load numpy and ONNX Runtime.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module 'earwitness' has no attribute {name!r}")
