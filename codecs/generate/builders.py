"""From the name in a recipe to a generator's network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from ...core.recipe import Strict, check
from .matcha import Matcha, MatchaConfig
from .valle import Valle, ValleConfig
from .valler import Valler, VallerConfig

BUILDERS: dict[str, tuple[type[Strict], Callable[[Any], nn.Module]]] = {
    "matcha": (MatchaConfig, Matcha),
    "valle": (ValleConfig, Valle),
    "valler": (VallerConfig, Valler),
}


def build(model: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A fresh network. Raises RecipeError for unknown arguments."""
    config, builder = BUILDERS[model]
    return builder(check(dict(arguments), config, f"arguments of {model}"))
