"""The one way to open an ONNX graph: on the CPU, with a stated number of threads, quiet."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from .errors import WeightsError


def open_session(file: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session of a graph. Raises WeightsError when ONNX Runtime cannot load it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail as error:
        raise WeightsError(f"The graph {file.name!r} cannot be loaded: {error}") from error
