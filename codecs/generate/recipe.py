"""The recipe of a generator: model and arguments, how much of a clip at a time, optimiser, schedule, seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ...core import recipe
from ...core.recipe import Strict
from ...core.settings import Optimiser, Schedule
from ..recipe import InitSection

PACKAGE = "earwitness.codecs.generate.recipes"
Model = Literal["audiolm", "matcha", "phonenet", "valler", "valle"]


class SpokenSection(Strict):
    """Pieces of `seconds`, `batch` a step, with prompts of `prompt_seconds`; codec: whose codes a token model learns.

    units: whose semantic units, of a model that continues without text. whole: only clips that fit into a piece, from
    their start to their end.
    """

    seconds: float = Field(default=2.56, gt=0)
    prompt_seconds: float = Field(default=2.0, gt=0)
    batch: int = Field(default=8, ge=1)
    codec: str = ""
    units: str = ""
    whole: bool = False


class GeneratorRecipe(Strict):
    """One trained generator, or their recogniser. `losses` are weights by name; what is not named counts 1."""

    name: str
    model: Model
    summary: str
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    arguments: dict[str, Any] = Field(default_factory=dict)
    data: SpokenSection = SpokenSection()
    losses: Mapping[str, float] = Field(default_factory=dict)
    optimiser: Optimiser = Optimiser(betas=(0.9, 0.98))
    schedule: Schedule
    init: InitSection = InitSection.model_validate({})

    @property
    def kind(self) -> str:
        """What its card is: a generator, or a recogniser."""
        return "recogniser" if self.model == "phonenet" else "generator"

    def digest(self) -> str:
        """sha256 over what decides the result, so not the device, and not options left at their defaults."""
        text = self.model_dump_json(exclude={"device"}, exclude_defaults=True)
        return hashlib.sha256(text.encode()).hexdigest()


def load(name_or_path: str | Path, **overrides: Any) -> GeneratorRecipe:
    """Read a recipe by path or shipped name. Raises RecipeError."""
    return recipe.load(recipe.find(name_or_path, PACKAGE), GeneratorRecipe, **overrides)
