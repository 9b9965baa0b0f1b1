"""Fourier tables out of ONNX files: a few operations make them, which ONNX Runtime folds when it loads the file."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from . import spectral

# The tables of smaller transforms are not worth the nodes.
_FROM = 2**16


def make_tables(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace each STFT or inverse-STFT kernel (2 * bins, 1, n_fft) that the graph holds by what makes it.

    At n_fft 800 such a kernel takes 2.6 MB, more than the weights around it.
    """
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        weight = _weight(node)
        nodes += [node] if weight is None else _making(weight, node.output[0])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _weight(node: NodeProto) -> NDArray[np.float64] | None:
    """What each bin counts, (bins,), in the kernel that a node holds; None where it holds no such kernel."""
    if node.op_type != "Constant" or node.attribute[0].name != "value":
        return None
    table = numpy_helper.to_array(node.attribute[0].t)
    if table.dtype != np.float32 or table.ndim != 3 or table.size < _FROM:
        return None
    n_fft = table.shape[2]
    if table.shape != (2 * (n_fft // 2 + 1), 1, n_fft) or n_fft % 2:
        return None
    for weight in (np.ones(n_fft // 2 + 1), spectral.istft_weight(n_fft)):
        rows = spectral.stft_basis(n_fft) * np.concatenate([weight, weight])[:, None]
        if np.allclose(table[:, 0], rows, rtol=0, atol=1e-7 * weight.max()):
            return weight
    return None


def _making(weight: NDArray[np.float64], name: str) -> list[NodeProto]:
    """Nodes whose last output, called `name`, is the kernel (2 * bins, 1, n_fft) with these weights of the bins."""
    n_fft = 2 * (len(weight) - 1)
    bins, times = np.arange(n_fft // 2 + 1)[:, None], np.arange(n_fft)[None]
    held = {"bins": bins, "times": times, "turns": np.array(n_fft), "step": np.array(2 * np.pi / n_fft)}
    held |= {"weight": weight[:, None], "window": spectral.hann(n_fft)[None]}

    def made(kind: str, inputs: list[str], output: str, **settings: Any) -> NodeProto:
        return helper.make_node(kind, [f"{name}.{one}" for one in inputs], [f"{name}.{output}"], **settings)

    constants = [
        helper.make_node("Constant", [], [f"{name}.{key}"], value=numpy_helper.from_array(value.astype(np.float32)))
        for key, value in held.items()
    ]
    axis = helper.make_node("Constant", [], [f"{name}.axis"], value=numpy_helper.from_array(np.array([1])))
    last = helper.make_node("Unsqueeze", [f"{name}.rows", f"{name}.axis"], [name])
    return [
        *(*constants, axis),
        # Products of whole numbers stay exact in float32 up to 2^24; the remainder keeps the angle within one turn.
        made("Mul", ["bins", "times"], "product"),
        made("Mod", ["product", "turns"], "rest", fmod=1),
        made("Mul", ["rest", "step"], "angle"),
        made("Mul", ["weight", "window"], "scale"),
        made("Cos", ["angle"], "cosine"),
        made("Sin", ["angle"], "sine"),
        made("Neg", ["sine"], "minus"),
        made("Mul", ["cosine", "scale"], "real"),
        made("Mul", ["minus", "scale"], "imaginary"),
        made("Concat", ["real", "imaginary"], "rows", axis=0),
        last,
    ]
