"""From the name in a recipe to a generator's network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ..builders import Builders, built
from .matcha import Matcha, MatchaConfig
from .valle import Valle, ValleConfig
from .valler import Valler, VallerConfig

BUILDERS: Builders = {
    "matcha": (MatchaConfig, Matcha),
    "valle": (ValleConfig, Valle),
    "valler": (VallerConfig, Valler),
}


def build(model: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A fresh network. Raises RecipeError for unknown arguments."""
    return built(BUILDERS, model, arguments)
