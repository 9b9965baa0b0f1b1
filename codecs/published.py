"""Published checkpoints of EnCodec and DAC under the names of our own networks.

Both layouts are taken: transformers' (EncodecModel, DacModel) and the authors' repositories'. Weight norm is folded
into plain weights. Only the 24 kHz EnCodec is mapped; the 48 kHz one has other layers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from ..core.errors import WeightsError

_GAINS = ((".parametrizations.weight.original0", ".parametrizations.weight.original1"), (".weight_g", ".weight_v"))
# In order; what is left over afterwards is unknown.
_ENCODEC = (
    (r"^(encoder|decoder)\.(?:layers|model)\.", r"\1."),
    (r"\.conv(?:tr)?\.conv(?:tr)?\.", ".conv."),
    (r"^quantizer\.(?:vq\.)?layers\.(\d+)\.(?:codebook|_codebook)\.embed$", r"quantiser.stages.\1.codebook"),
    (r"^quantizer\.(?:vq\.)?layers\.(\d+)\.(?:codebook|_codebook)\.cluster_size$", r"quantiser.stages.\1.usage"),
    (r"^quantizer\.(?:vq\.)?layers\.(\d+)\.(?:codebook|_codebook)\.embed_avg$", r"quantiser.stages.\1.total"),
)
_UNIT = {"snake1": 0, "conv1": 1, "snake2": 2, "conv2": 3}


def fold_weight_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Plain weights for every pair of gain and direction (Salimans and Kingma 2016); the rest as it is."""
    folded = dict(state)
    for gain_name, direction_name in _GAINS:
        for name in [name for name in state if name.endswith(gain_name)]:
            base = name.removesuffix(gain_name)
            gain, direction = folded.pop(name), folded.pop(base + direction_name)
            length = direction.flatten(1).norm(dim=1).reshape(gain.shape)
            folded[f"{base}.weight"] = direction * (gain / length)
    return folded


def encodec_state(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of `models.encodec.Encodec` from a 24 kHz EnCodec checkpoint. Raises WeightsError for other names."""
    state: dict[str, Tensor] = {"quantiser.active": torch.tensor(True)}
    for name, tensor in fold_weight_norm(published).items():
        if name.endswith(".inited"):
            continue
        ours = name
        for pattern, replacement in _ENCODEC:
            ours = re.sub(pattern, replacement, ours)
        if not re.match(r"(encoder|decoder)\.\d+\.|quantiser\.stages\.\d+\.", ours):
            raise WeightsError(f"{name!r} is no tensor of a 24 kHz EnCodec checkpoint.")
        state[ours] = tensor
    return state


def dac_state(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of `models.dac.Dac` from a DAC checkpoint. Raises WeightsError for other names."""
    folded = fold_weight_norm(published)
    blocks = len({name.split(".")[2] for name in folded if name.startswith("encoder.block.") and "res_unit" in name})
    units = len({match[1] for name in folded if (match := re.match(r"encoder\.block\.\d+\.(res_unit\d+)\.", name))})
    state: dict[str, Tensor] = {"quantiser.active": torch.tensor(True)}
    for name, tensor in folded.items():
        stage = re.match(r"quantizer\.quantizers\.(\d+)\.(in_proj|out_proj|codebook)\.(weight|bias)$", name)
        if stage:
            part = {"in_proj": "inlet", "out_proj": "outlet", "codebook": "codebook"}[stage[2]]
            ours = f"quantiser.stages.{stage[1]}.{part}" + ("" if part == "codebook" else f".{stage[3]}")
        elif blocks:
            ours = _dac_transformers(name, blocks, units)
        else:
            ours = _dac_authors(name)
        state[ours] = tensor
    return state


def _dac_transformers(name: str, blocks: int, units: int) -> str:
    """Our name for a tensor of transformers' DacModel with so many blocks, and units in each."""
    unit = re.match(r"(encoder|decoder)\.block\.(\d+)\.res_unit(\d+)\.(\w+?)\.(\w+)$", name)
    if unit:
        half, block, number, layer, kind = unit.groups()
        position = int(number) - 1 if half == "encoder" else int(number) + 1
        return f"{half}.{int(block) + 1}.{position}.block.{_UNIT[layer]}.{kind}"
    edge = re.match(r"(encoder|decoder)\.block\.(\d+)\.(snake1|conv1|conv_t1)\.(\w+)$", name)
    if edge:
        half, block, layer, kind = edge.groups()
        position = (0 if half == "decoder" else units) + (layer != "snake1")
        return f"{half}.{int(block) + 1}.{position}.{kind}"
    end = re.match(r"(encoder|decoder)\.(conv1|snake1|conv2)\.(\w+)$", name)
    if end:
        position = {"conv1": 0, "snake1": blocks + 1, "conv2": blocks + 2}[end[2]]
        return f"{end[1]}.{position}.{end[3]}"
    raise WeightsError(f"{name!r} is no tensor of a DAC checkpoint.")


def _dac_authors(name: str) -> str:
    """Our name for a tensor of descript-audio-codec."""
    match = re.match(r"(?:encoder\.block|decoder\.model)\.(\d+)(?:\.block\.(\d+))?(\.block\.\d+)?\.(\w+)$", name)
    if match is None:
        raise WeightsError(f"{name!r} is no tensor of a DAC checkpoint.")
    block, layer, inner, kind = match.groups()
    middle = ("" if layer is None else f".{layer}") + (inner or "")
    return f"{name.split('.', maxsplit=1)[0]}.{block}{middle}.{kind}"
