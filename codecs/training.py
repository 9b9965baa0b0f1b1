"""From a recipe and a source of crops to a trained codec in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ..core import weights
from ..core.errors import RecipeError
from ..core.settings import Optimiser, Schedule
from ..core.train import BatchSource, TableSource, Task, Trained, fit, identity
from .builders import build
from .consistency import ConsistencyTask
from .engine_torch import stored_state
from .models.music2latent import Music2Latent
from .packed_weights import unpack
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
    if recipe.init.from_ is None and getattr(model, "borrows", False):
        raise RecipeError(
            f"{recipe.name}: init.from must name the codec whose encoder and codebooks {recipe.model} uses."
        )
    if recipe.init.from_ is not None:
        warm_start(model, start_file(recipe.init.from_))
    task = ConsistencyTask(model, recipe) if isinstance(model, Music2Latent) else CodecTask(model, recipe)
    return learn(task, recipe, source, out, progress)


class Trainable(Protocol):
    """What recipes of networks have in common."""

    name: str
    seed: int
    device: Literal["auto", "cpu", "cuda"]
    optimiser: Optimiser
    schedule: Schedule

    def digest(self) -> str: ...


def learn(
    task: Task,
    recipe: Trainable,
    source: BatchSource | TableSource,
    out: Path,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> Trained:
    """`core.train.fit` as a recipe says, its identity in every file."""
    return fit(
        task,
        source,
        optimiser=recipe.optimiser,
        schedule=recipe.schedule,
        seed=recipe.seed,
        out=out,
        identity=identity(recipe.name, recipe.digest(), recipe.seed, source),
        device=recipe.device,
        progress=progress,
    )


def crop_samples(recipe: CodecRecipe) -> int:
    """Length of a crop in samples: `data.seconds`, cut to whole frames of the model."""
    model = build(recipe.model, recipe.arguments)
    frame, rate = int(model.hop_length), int(model.rate)  # type: ignore[arg-type]
    return max(1, int(recipe.data.seconds * rate) // frame) * frame


def start_file(given: Path) -> Path:
    """The file of a warm start: `given` itself, or the weights of that name when it has no suffix.

    Raises WeightsError for a name that is not known.
    """
    if given.suffix or given.is_file():
        return given
    return weights.path(weights.card(str(given)), "safetensors")


def warm_start(model: nn.Module, file: Path) -> list[str]:
    """Copy every tensor whose name and shape match; returns their names. Raises RecipeError when none does.

    Codebooks come along only as a whole: some of them beside fresh ones, and switched on, would be noise.
    """
    try:
        stored = unpack(load_file(file))
    except (OSError, SafetensorError) as error:
        raise RecipeError(f"The weights to start from, {str(file)!r}, cannot be read: {error}.") from error
    state = model.state_dict()
    fitting = {name: tensor for name, tensor in stored.items() if name in state and state[name].shape == tensor.shape}
    books = {name for name in stored_state(model) if name.startswith("quantiser.")}
    if not books <= fitting.keys():
        fitting = {name: tensor for name, tensor in fitting.items() if not name.startswith("quantiser.")}
    if not fitting:
        raise RecipeError(f"No tensor of {str(file)!r} fits this model.")
    model.load_state_dict(fitting, strict=False)
    return sorted(fitting)
