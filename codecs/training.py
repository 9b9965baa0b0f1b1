"""From a recipe and a source of crops to a trained codec in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from .. import __version__
from ..core.errors import RecipeError
from ..core.train import BatchSource, Trained, fit
from .builders import build
from .recipe import CodecRecipe
from .task import CodecTask


def train(
    recipe: CodecRecipe,
    source: BatchSource,
    out: Path,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> Trained:
    """Train to the end of the schedule, resuming what lies in `out`. Crops must be whole frames long."""
    torch.manual_seed(recipe.seed)
    model = build(recipe.model, recipe.arguments)
    if recipe.init.from_ is not None:
        warm_start(model, recipe.init.from_)
    identity = {
        "recipe": recipe.name,
        "recipe_digest": recipe.digest(),
        "data_digest": source.digest,
        "seed": str(recipe.seed),
        "earwitness": __version__,
    }
    return fit(
        CodecTask(model, recipe),
        source,
        optimiser=recipe.optimiser,
        schedule=recipe.schedule,
        seed=recipe.seed,
        out=out,
        identity=identity,
        device=recipe.device,
        progress=progress,
    )


def crop_samples(recipe: CodecRecipe) -> int:
    """Length of a crop in samples: `data.seconds`, cut to whole frames of the model."""
    model = build(recipe.model, recipe.arguments)
    frame, rate = int(model.hop_length), int(model.rate)  # type: ignore[arg-type]
    return max(1, int(recipe.data.seconds * rate) // frame) * frame


def warm_start(model: nn.Module, file: Path) -> list[str]:
    """Copy every tensor whose name and shape match; returns their names. Raises RecipeError when none does."""
    try:
        stored = load_file(file)
    except (OSError, SafetensorError) as error:
        raise RecipeError(f"The weights to start from, {str(file)!r}, cannot be read: {error}.") from error
    state = model.state_dict()
    fitting = {name: tensor for name, tensor in stored.items() if name in state and state[name].shape == tensor.shape}
    if not fitting:
        raise RecipeError(f"No tensor of {str(file)!r} fits this model.")
    model.load_state_dict(fitting, strict=False)
    return sorted(fitting)
