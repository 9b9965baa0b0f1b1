"""From a trained checkpoint to a member of the zoo: half-size safetensors, ONNX graphs, card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file

from ..core.errors import WeightsError
from ..core.files import replacing
from ..core.weights import Card, write_card
from . import facts
from .engine_torch import load_model, stored_state
from .graphs import graphs
from .packed_weights import pack, unpack
from .recipe import CodecRecipe


def publish(
    recipe: CodecRecipe,
    checkpoint: Path,
    folder: Path,
    *,
    metrics: Mapping[str, Any] | None = None,
    licence: str = "Apache-2.0",
    hours: float | None = None,
) -> Path:
    """Write weights, graphs and card of a trained checkpoint into `folder`; returns the card's path.

    `hours` of training speech, where the checkpoint does not say.
    Raises WeightsError when the checkpoint was not made by this recipe.
    """
    made = made_by(recipe.name, recipe.digest(), checkpoint)
    model: Any = load_model(recipe.model, recipe.arguments, checkpoint)
    stored = pack(stored_state(model))
    model.load_state_dict(unpack(stored), strict=False)
    parts = {"safetensors": folder / f"{recipe.name}.safetensors"}
    with replacing(parts["safetensors"]) as temporary:
        save_file(stored, temporary, metadata=made)
    quantiser = getattr(model, "quantiser", None)
    bits: tuple[float, ...] = () if quantiser is None else tuple(model.bits)
    if quantiser is not None:
        parts |= graphs(model, recipe.name, folder)
    hop = int(model.hop_length)
    settings = {
        "model": recipe.model,
        "arguments": dict(recipe.arguments),
        "rate": int(model.rate),
        "hop_length": hop,
        "bits": list(bits),
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": int(made.get("step", 0)),
        "hours": float(made.get("hours", 0.0)) if hours is None else hours,
        "scalable": bool(getattr(model, "scalable", True)),
        "facts": facts.card_entry(recipe.model),
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


def made_by(recipe: str, digest: str, checkpoint: Path) -> dict[str, str]:
    """What a checkpoint says of its making. Raises WeightsError when it was not the recipe of that digest."""
    with safe_open(str(checkpoint), framework="pt") as file:  # type: ignore[no-untyped-call]
        made = dict(file.metadata() or {})
    if made.get("recipe_digest") != digest:
        raise WeightsError(f"{checkpoint.name!r} was not made by the recipe {recipe!r} as it is now.")
    return made
