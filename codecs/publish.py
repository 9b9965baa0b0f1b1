"""From a trained checkpoint to a member of the zoo: half-size safetensors, ONNX graphs, card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..core.errors import WeightsError
from ..core.files import replacing
from ..core.onnx_export import export, round_to_half
from ..core.weights import Card, write_card
from .engine_torch import load_model, stored_state
from .neural import UNUSED
from .recipe import CodecRecipe


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


def publish(
    recipe: CodecRecipe,
    checkpoint: Path,
    folder: Path,
    *,
    metrics: Mapping[str, Any] | None = None,
    licence: str = "Apache-2.0",
) -> Path:
    """Write weights, graphs and card of a trained checkpoint into `folder`; returns the card's path.

    Raises WeightsError when the checkpoint was not made by this recipe.
    """
    made = _metadata(checkpoint)
    if made.get("recipe_digest") != recipe.digest():
        raise WeightsError(f"{checkpoint.name!r} was not made by the recipe {recipe.name!r} as it is now.")
    model: Any = load_model(recipe.model, recipe.arguments, checkpoint)
    round_to_half(model)
    parts = {"safetensors": folder / f"{recipe.name}.safetensors"}
    halved = {key: v.half() if v.is_floating_point() else v for key, v in stored_state(model).items()}
    with replacing(parts["safetensors"]) as temporary:
        save_file({key: value.contiguous() for key, value in halved.items()}, temporary, metadata=made)
    quantiser = getattr(model, "quantiser", None)
    bits: tuple[float, ...] = () if quantiser is None else tuple(model.bits)
    if quantiser is not None:
        parts |= _graphs(model, recipe.name, folder)
    hop = int(model.hop_length)
    settings = {
        "model": recipe.model,
        "arguments": dict(recipe.arguments),
        "rate": int(model.rate),
        "hop_length": hop,
        "bits": list(bits),
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": int(made.get("step", 0)),
    }
    card = Card(
        name=recipe.name,
        kind="codec" if bits else "vocoder",
        folder=folder,
        summary=recipe.summary,
        licence=licence,
        recipe=recipe.name,
        recipe_digest=recipe.digest(),
        data_digest=made.get("data_digest", ""),
        seed=recipe.seed,
        metrics=dict(metrics or {}),
        settings=settings,
    )
    return write_card(card, parts)


def _metadata(checkpoint: Path) -> dict[str, str]:
    with safe_open(str(checkpoint), framework="pt") as file:  # type: ignore[no-untyped-call]
        return dict(file.metadata() or {})


def _graphs(model: Any, name: str, folder: Path) -> dict[str, Path]:
    parts = {"encode": folder / f"{name}-encode.onnx", "decode": folder / f"{name}-decode.onnx"}
    hop, stages = int(model.hop_length), len(model.bits)
    wave = torch.randn(1, 1, 40 * hop, generator=torch.Generator().manual_seed(0)) * 0.1
    with torch.no_grad():
        codes = _Encode(model)(wave)
    # Codes are integers: a tie that float noise breaks differently would show as a gap of many units.
    export(_Encode(model), {"wave": wave}, ["codes"], {"wave": {2: "n"}, "codes": {2: "frames"}}, parts["encode"])
    codes[:, stages // 2 :] = UNUSED
    export(_Decode(model), {"codes": codes}, ["wave"], {"codes": {2: "frames"}, "wave": {2: "n"}}, parts["decode"])
    return parts
