"""The ONNX graphs of a codec: whole signals, and hop by hop for what can stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..core.onnx_export import export
from .models.streamcodec import StreamCodec
from .models.streamcodec_stream import DecodeStep, EncodeStep
from .neural import UNUSED


class _Encode(nn.Module):
    """wave (1, 1, n) -> codes (1, stages, frames)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, wave: Tensor) -> Tensor:
        return self.model.quantiser.encode(self.model.analyse(wave))  # type: ignore[no-any-return]


class _Decode(nn.Module):
    """codes (1, stages, frames) -> wave (1, 1, n)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: Tensor) -> Tensor:
        return self.model.synthesise(self.model.quantiser.decode(codes))  # type: ignore[no-any-return]


def graphs(model: Any, name: str, folder: Path) -> dict[str, Path]:
    """Write the graphs of `model` into `folder`: files by part. Raises WeightsError when one differs from torch."""
    parts = {"encode": folder / f"{name}-encode.onnx", "decode": folder / f"{name}-decode.onnx"}
    hop, stages = int(model.hop_length), len(model.bits)
    wave = torch.randn(1, 1, 40 * hop, generator=torch.Generator().manual_seed(0)) * 0.1
    with torch.no_grad():
        codes = _Encode(model)(wave)
    # Codes are integers: a tie that float noise breaks differently would show as a gap of many units.
    export(_Encode(model), {"wave": wave}, ["codes"], {"wave": {2: "n"}, "codes": {2: "frames"}}, parts["encode"])
    codes[:, stages // 2 :] = UNUSED
    export(_Decode(model), {"codes": codes}, ["wave"], {"codes": {2: "frames"}, "wave": {2: "n"}}, parts["decode"])
    if isinstance(model, StreamCodec):
        parts |= step_graphs(model, wave[..., : 2 * hop], name, folder)
    return parts


def step_graphs(model: StreamCodec, wave: Tensor, name: str, folder: Path) -> dict[str, Path]:
    """Write the graphs that stream: the same weights, with the state as further inputs and outputs."""
    parts = {}
    encoder, decoder = EncodeStep(model).eval(), DecodeStep(model).eval()
    with torch.no_grad():
        codes = encoder(wave, *encoder.start())[0]
    first: tuple[tuple[str, Any, Tensor, str, str], ...] = (
        ("encode-step", encoder, wave, "wave", "codes"),
        ("decode-step", decoder, codes, "codes", "wave"),
    )
    for part, step, given, source, target in first:
        state = step.start()
        inputs = {source: given, **{f"state{i}": tensor for i, tensor in enumerate(state)}}
        outputs = [target, *(f"after{i}" for i in range(len(state)))]
        parts[part] = folder / f"{name}-{part}.onnx"
        export(step, inputs, outputs, {source: {2: "n"}, target: {2: "m"}}, parts[part])
    return parts
