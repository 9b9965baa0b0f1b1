"""Execution providers of ONNX Runtime by name. Light: a server checks a name without loading the runtime."""

from __future__ import annotations

from .errors import UsageError

CPU = "cpu"
# Those that run a float graph as it is, and what ONNX Runtime calls them.
PROVIDERS = {
    CPU: "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}


def check_provider(provider: str) -> None:
    """Raises UsageError for a name that is not in PROVIDERS."""
    if provider not in PROVIDERS:
        raise UsageError(f"There is no execution provider {provider!r}; known: {', '.join(PROVIDERS)}.")
