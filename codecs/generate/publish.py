"""From a trained checkpoint to a generator or recogniser: half-size safetensors, the clips it heard, and a card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...core.files import replacing
from ...core.weights import Card, write_card
from ..packed_weights import pack
from ..publish import made_by
from .builders import build
from .consent import short
from .recipe import GeneratorRecipe
from .sampling import repetition_threshold


def token_settings(codec: str, digest: str, codes: Sequence[NDArray[np.integer[Any]]]) -> dict[str, Any]:
    """What a token model's speaker must know: the codec, its weights, and how often real speech repeats a code.

    codes: (levels, frames) of real speech.
    """
    repetition = repetition_threshold([line[0].astype(np.int64) for line in codes])
    return {"codec": codec, "codec_sha256": digest, "repetition": repetition}


def unit_settings(recogniser: str, digest: str, units: Sequence[NDArray[np.integer[Any]]]) -> dict[str, Any]:
    """The same of the recogniser whose units a model learns; units: (1, frames) of real speech."""
    repetition = repetition_threshold([line[0].astype(np.int64) for line in units])
    return {"units": recogniser, "units_sha256": digest, "unit_repetition": repetition}


def publish(
    recipe: GeneratorRecipe,
    checkpoint: Path,
    folder: Path,
    clips: Iterable[str],
    *,
    tokens: Mapping[str, Any] | None = None,
    state: Mapping[str, Tensor] | None = None,
    metrics: Mapping[str, Any] | None = None,
    licence: str = "Apache-2.0",
) -> Path:
    """Write weights, list of clips and card of a trained checkpoint into `folder`; returns the card's path.

    clips: sha256 of each file of the training manifest. tokens: of a token model, see `token_settings` and
    `unit_settings`. state: tensors made after the training. Raises
    WeightsError when another recipe made the checkpoint.
    """
    made = made_by(recipe.name, recipe.digest(), checkpoint)
    model: Any = build(recipe.model, recipe.arguments)
    parts = {"safetensors": folder / f"{recipe.name}.safetensors", "clips": folder / f"{recipe.name}-clips.txt"}
    with replacing(parts["safetensors"]) as temporary:
        save_file(pack({**load_file(checkpoint), **(state or {})}), temporary, metadata=made)
    with replacing(parts["clips"]) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in sorted({short(clip) for clip in clips if clip})))
    card = Card(
        name=recipe.name,
        kind=recipe.kind,
        folder=folder,
        summary=recipe.summary,
        licence=licence,
        recipe=recipe.name,
        recipe_digest=recipe.digest(),
        data_digest=made.get("data_digest", ""),
        seed=recipe.seed,
        metrics=dict(metrics or {}),
        settings={
            "model": recipe.model,
            "arguments": dict(recipe.arguments),
            **(tokens or {}),
            "parameters": sum(p.numel() for p in model.parameters()),
            "steps": int(made.get("step", 0)),
            "hours": float(made.get("hours", 0.0)),
            "language": "en",
        },
    )
    return write_card(card, parts)
