"""Runs codecs and vocoders in torch: checkpoints, members without ONNX, and exports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..core.errors import WeightsError
from .builders import build
from .neural import Codes, Floats
from .packed_weights import unpack

# Running averages of the codebooks: needed to go on training, not to run.
_TRAINING_ONLY = (".usage", ".total")


def stored_state(model: nn.Module) -> dict[str, Tensor]:
    """The state that shipped weights hold."""
    return {key: value for key, value in model.state_dict().items() if not key.endswith(_TRAINING_ONLY)}


def load_model(model: str, arguments: Mapping[str, Any], file: Path) -> nn.Module:
    """A network with the weights of a safetensors file. Raises WeightsError when they do not fit."""
    network = build(model, arguments)
    try:
        stored = unpack(load_file(file))
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"The weights {str(file)!r} cannot be read: {error}.") from error
    try:
        missing, unexpected = network.load_state_dict(stored, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"The weights {file.name!r} do not fit {model}: {error}.") from error
    lacking = [key for key in missing if not key.endswith(_TRAINING_ONLY)]
    if lacking or unexpected:
        raise WeightsError(f"The weights {file.name!r} do not fit {model}: {', '.join([*lacking, *unexpected][:3])}.")
    return network.eval()


class TorchEngine:
    """Implements neural.CodecEngine and neural.ResynthEngine."""

    def __init__(self, model: nn.Module) -> None:
        self.model: Any = model.eval()

    @torch.no_grad()
    def encode(self, wave: Floats) -> Codes:
        """(1, 1, n) -> (1, stages, frames)."""
        codes: Codes = self.model.quantiser.encode(self.model.analyse(torch.from_numpy(wave))).numpy()
        return codes

    @torch.no_grad()
    def decode(self, codes: Codes) -> Floats:
        """(1, stages, frames) -> (1, 1, n)."""
        wave: Floats = self.model.synthesise(self.model.quantiser.decode(torch.from_numpy(codes))).numpy()
        return wave

    @torch.no_grad()
    def resynth(self, wave: Floats) -> Floats:
        """(1, 1, n) -> (1, 1, n)."""
        out: Floats = self.model.synthesise(self.model.analyse(torch.from_numpy(wave))).numpy()
        return out
