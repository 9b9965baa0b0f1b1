"""Runs exported codecs with ONNX Runtime, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..core.onnx_session import open_session
from .neural import Codes, Floats


class OnnxEngine:
    """Implements neural.CodecEngine over two graphs."""

    def __init__(self, encode: Path, decode: Path, threads: int = 1) -> None:
        self._encode, self._decode = open_session(encode, threads), open_session(decode, threads)

    def encode(self, wave: Floats) -> Codes:
        """(1, 1, n) -> (1, stages, frames)."""
        (codes,) = self._encode.run(["codes"], {"wave": wave.astype(np.float32)})
        return np.asarray(codes, dtype=np.int64)

    def decode(self, codes: Codes) -> Floats:
        """(1, stages, frames) -> (1, 1, n)."""
        (wave,) = self._decode.run(["wave"], {"codes": codes})
        return np.asarray(wave, dtype=np.float32)
