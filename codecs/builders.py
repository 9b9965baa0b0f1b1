"""From the name in a recipe to a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from ..core.recipe import Strict, check
from .models.soundstream import SoundStream, SoundStreamConfig
from .models.streamcodec import StreamCodec, StreamCodecConfig
from .models.vocos import Vocos, VocosConfig

BUILDERS: dict[str, tuple[type[Strict], Callable[[Any], nn.Module]]] = {
    "soundstream": (SoundStreamConfig, SoundStream),
    "streamcodec": (StreamCodecConfig, StreamCodec),
    "vocos": (VocosConfig, Vocos),
}


def build(model: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A fresh network. Raises RecipeError for unknown arguments."""
    config, builder = BUILDERS[model]
    return builder(check(dict(arguments), config, f"arguments of {model}"))
