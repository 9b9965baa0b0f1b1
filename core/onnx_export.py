"""From a torch module to an ONNX file that ONNX Runtime runs: half-size weights, checked against the module."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from .errors import WeightsError
from .files import replacing
from .onnx_session import open_session
from .onnx_tables import make_tables

OPSET = 18
# Smaller arrays are not worth a Cast; the kernels of `core.spectral_torch` need their full precision.
_HALVE_FROM = 512
_EXACT = ("basis", "bank", "transform", "window")


def export(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    dynamic: Mapping[str, Mapping[int, str]],
    file: Path,
    *,
    half: bool = True,
    tolerance: float = 1e-4,
) -> None:
    """Write `module` as one ONNX file and check that both agree on `inputs` to `tolerance`.

    `dynamic` names the free axes of each input and output. Raises WeightsError when they differ.
    """
    module = module.eval()
    with replacing(file) as temporary:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                tuple(inputs.values()),
                str(temporary),
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_axes={name: dict(axes) for name, axes in dynamic.items()},
                opset_version=OPSET,
                # Folding would store a codebook and its transpose both; ONNX Runtime folds when it loads the file.
                do_constant_folding=False,
                dynamo=False,
            )
        if half:
            onnx.save(make_tables(halve(share(onnx.load(temporary)))), temporary)
        _check(module, inputs, outputs, temporary, tolerance)


def share(model: onnx.ModelProto) -> onnx.ModelProto:
    """Keep equal constants once: the tracer writes a buffer down again at each place that reads it."""
    first: dict[bytes, str] = {}
    same: dict[str, str] = {}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            name = node.output[0]
            kept = first.setdefault(node.attribute[0].t.SerializeToString(), name)
            if kept != name:
                same[name] = kept
                continue
        node.input[:] = [same.get(name, name) for name in node.input]
        nodes.append(node)
    for output in model.graph.output:
        if output.name in same:
            nodes.append(helper.make_node("Identity", [same[output.name]], [output.name]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 weights as float16 behind a Cast, which ONNX Runtime folds when it loads the file."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or any(word in tensor.name for word in _EXACT):
            continue
        array = numpy_helper.to_array(tensor)
        if array.size < _HALVE_FROM or not np.array_equal(array, array.astype(np.float16).astype(np.float32)):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _check(
    module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], file: Path, tolerance: float
) -> None:
    session = open_session(file)
    got = session.run(list(outputs), {name: value.numpy() for name, value in inputs.items()})
    with torch.no_grad():
        want = module(*inputs.values())
    for name, theirs, ours in zip(outputs, got, want if isinstance(want, tuple) else (want,), strict=True):
        gap = float(np.max(np.abs(np.asarray(theirs, dtype=np.float64) - ours.double().numpy()), initial=0.0))
        if not gap <= tolerance:
            raise WeightsError(f"The ONNX export of {file.name!r} differs from torch by {gap:.2g} in {name!r}.")
