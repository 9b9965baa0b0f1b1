"""Weights as they are shipped: float16, and the largest matrices as bytes where a file would else be too large."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

# Bytes of one shipped file, without its header.
LIMIT = 3_950_000
# Marks a tensor of powers of two beside the bytes that they scale.
_EXPONENT = ".exponent"


def pack(state: Mapping[str, Tensor], limit: int = LIMIT) -> dict[str, Tensor]:
    """A state as it is stored: float16; the largest matrices as int8 with a power of two for each row, until it fits.

    A product of a byte and a power of two is exact in float16, so a graph that holds halves equals the file.
    """
    packed = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    size = sum(value.nbytes for value in packed.values())
    matrices = [name for name, value in packed.items() if value.is_floating_point() and value.dim() >= 2]
    # A codebook's entries are the signal itself; the matrices around it bear rounding better.
    matrices = [name for name in matrices if not name.startswith("quantiser.")]
    for name in sorted(matrices, key=lambda one: (-packed[one].nbytes, one)):
        if size <= limit:
            break
        size -= packed[name].nbytes
        packed[name], packed[name + _EXPONENT] = _bytes(state[name].float())
        size += packed[name].nbytes + packed[name + _EXPONENT].nbytes
    return {name: value.contiguous() for name, value in packed.items()}


def unpack(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The float32 state of a stored one."""
    state = {}
    for name, value in stored.items():
        exponent = stored.get(name + _EXPONENT)
        if exponent is not None:
            state[name] = value.float() * _scales(exponent, value)
        elif not name.endswith(_EXPONENT):
            state[name] = value.float() if value.is_floating_point() else value
    return state


def _bytes(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Rows as int8 in [-127, 127] and the int8 exponents e of their scales 2^e."""
    # 2^-24 is the smallest step that float16 knows.
    exponent = torch.ceil(torch.log2(matrix.abs().flatten(1).amax(dim=1) / 127)).clamp_min(-24)
    return (matrix / _scales(exponent, matrix)).round().clamp(-127, 127).to(torch.int8), exponent.to(torch.int8)


def _scales(exponent: Tensor, matrix: Tensor) -> Tensor:
    """2^e for each row, in a shape that multiplies the matrix."""
    return torch.exp2(exponent.float()).reshape(-1, *[1] * (matrix.dim() - 1))
