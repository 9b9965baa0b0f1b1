"""Runs exported codecs with ONNX Runtime, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from .neural import Codes, Floats


def _session(file: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


class OnnxEngine:
    """Implements neural.CodecEngine over two graphs."""

    def __init__(self, encode: Path, decode: Path, threads: int = 1) -> None:
        self._encode, self._decode = _session(encode, threads), _session(decode, threads)

    def encode(self, wave: Floats) -> Codes:
        """(1, 1, n) -> (1, stages, frames)."""
        (codes,) = self._encode.run(["codes"], {"wave": wave.astype(np.float32)})
        return np.asarray(codes, dtype=np.int64)

    def decode(self, codes: Codes) -> Floats:
        """(1, stages, frames) -> (1, 1, n)."""
        (wave,) = self._decode.run(["wave"], {"codes": codes})
        return np.asarray(wave, dtype=np.float32)
