"""The one way to open an ONNX graph: with a stated number of threads, quiet, on the CPU or where it was asked for."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as _state

from .errors import WeightsError
from .providers import CPU, PROVIDERS, check_provider


def open_session(
    file: Path | bytes, threads: int = 1, *, name: str = "", optimise: bool = True
) -> onnxruntime.InferenceSession:
    """A session of a graph on the CPU, given as a file or as its bytes. Raises WeightsError when ONNX Runtime cannot
    load it.

    name: what the sentence calls bytes. Without `optimise` it opens three times faster, for a graph that is run once.
    """
    return _open(file, threads, name, optimise, [PROVIDERS[CPU]])


def open_on(file: Path, threads: int = 1, provider: str = CPU) -> tuple[onnxruntime.InferenceSession, str]:
    """A session on an execution provider of PROVIDERS, and "" or a sentence on why it runs on the CPU instead.

    The CPU takes over where this ONNX Runtime was built without the provider or cannot start it. Raises UsageError
    for an unknown provider, WeightsError as `open_session`.
    """
    check_provider(provider)
    wanted = PROVIDERS[provider]
    if provider != CPU and wanted not in onnxruntime.get_available_providers():
        return open_session(file, threads), f"this ONNX Runtime has no provider {provider!r}; the CPU was used"
    session = _open(file, threads, "", True, [wanted, PROVIDERS[CPU]] if provider != CPU else [wanted])
    if wanted not in session.get_providers():
        return session, f"the provider {provider!r} could not be started; the CPU was used"
    return session, ""


def _open(
    file: Path | bytes, threads: int, name: str, optimise: bool, providers: list[str]
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    graph, called = (file, name) if isinstance(file, bytes) else (str(file), file.name)
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=providers)
    except (_state.Fail, _state.InvalidProtobuf, _state.InvalidGraph) as error:
        raise WeightsError(f"The graph {called!r} cannot be loaded: {error}") from error
    _give_back()
    return session


def _give_back() -> None:
    """Return to the system what the optimiser held for a moment; glibc keeps it, 23 MiB for the default detector."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
