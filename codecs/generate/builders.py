"""From the name in a recipe to a generator's network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ..builders import Builders, built
from .audiolm import AudioLm, AudioLmConfig
from .matcha import Matcha, MatchaConfig
from .phonenet import PhoneNet, PhoneNetConfig
from .valle import Valle, ValleConfig
from .valler import Valler, VallerConfig

BUILDERS: Builders = {
    "audiolm": (AudioLmConfig, AudioLm),
    "matcha": (MatchaConfig, Matcha),
    "phonenet": (PhoneNetConfig, PhoneNet),
    "valle": (ValleConfig, Valle),
    "valler": (VallerConfig, Valler),
}


def build(model: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A fresh network. Raises RecipeError for unknown arguments."""
    return built(BUILDERS, model, arguments)
