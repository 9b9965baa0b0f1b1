"""From a recipe and a source of spoken pieces to a trained generator in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...core.train import OneNetwork, TableSource, Trained
from ..training import learn, start_file, warm_start
from .builders import build
from .recipe import GeneratorRecipe


class GeneratorTask(OneNetwork):
    """Implements core.train.Task: the weighted sum of the losses that a model names."""

    def __init__(self, model: nn.Module, weights: Mapping[str, float]) -> None:
        super().__init__(model)
        self.model: Any = model
        self.weights = weights

    def loss(self, turn: str, batch: Mapping[str, Tensor], step: int) -> tuple[Tensor, dict[str, float]]:
        """Loss of the generator's turn."""
        parts: dict[str, Tensor] = self.model.losses(batch)
        total = torch.stack([self.weights.get(name, 1.0) * part for name, part in parts.items()]).sum()
        return total, {name: part.item() for name, part in parts.items()}


def train(
    recipe: GeneratorRecipe,
    source: TableSource,
    out: Path,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> Trained:
    """Train to the end of the schedule, resuming what lies in `out`."""
    torch.manual_seed(recipe.seed)
    model = build(recipe.model, recipe.arguments)
    if recipe.init.from_ is not None:
        warm_start(model, start_file(recipe.init.from_))
    return learn(GeneratorTask(model, recipe.losses), recipe, source, out, progress)


def hop_length(recipe: GeneratorRecipe) -> int:
    """Samples between two frames of the recipe's model."""
    model: Any = build(recipe.model, recipe.arguments)
    return int(model.hop_length)
