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
    """Replace each inverse-STFT kernel (2 * bins, 1, n_fft) that the graph holds by the operations that make it.

    At n_fft 800 the kernel takes 2.6 MB, more than the weights around it.
    """
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        table = _table(node)
        nodes += [node] if table is None else _making(table.shape[2], node.output[0])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _table(node: NodeProto) -> NDArray[np.float32] | None:
    """The inverse-STFT kernel that a node holds."""
    if node.op_type != "Constant" or node.attribute[0].name != "value":
        return None
    table = numpy_helper.to_array(node.attribute[0].t)
    if table.dtype != np.float32 or table.ndim != 3 or table.size < _FROM:
        return None
    n_fft = table.shape[2]
    if table.shape != (2 * (n_fft // 2 + 1), 1, n_fft) or n_fft % 2:
        return None
    same = np.allclose(table[:, 0], spectral.istft_basis(n_fft), rtol=0, atol=1e-9)
    return table if same else None


def _making(n_fft: int, name: str) -> list[NodeProto]:
    """Nodes whose last output, called `name`, is spectral.istft_basis(n_fft)[:, None]."""
    bins, times = np.arange(n_fft // 2 + 1)[:, None], np.arange(n_fft)[None]
    held = {"bins": bins, "times": times, "turns": np.array(n_fft), "step": np.array(2 * np.pi / n_fft)}
    held |= {"weight": spectral.istft_weight(n_fft)[:, None], "window": spectral.hann(n_fft)[None]}

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
