"""From the name in a recipe to a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from ..core.recipe import Strict, check
from .models.dac import Dac, DacConfig
from .models.encodec import Encodec, EncodecConfig
from .models.hifigan import HifiGan, HifiGanConfig
from .models.mdctcodec import MdctCodec, MdctCodecConfig
from .models.music2latent import Music2Latent, Music2LatentConfig
from .models.nsf import Nsf, NsfConfig
from .models.soundstream import SoundStream, SoundStreamConfig
from .models.spectralcodec import SpectralCodec, SpectralCodecConfig
from .models.streamcodec import StreamCodec, StreamCodecConfig
from .models.vocos import Vocos, VocosConfig
from .models.vocos_tokens import VocosTokens, VocosTokensConfig
from .models.wavtokenizer import WavTokenizer, WavTokenizerConfig

Builders = Mapping[str, tuple[type[Strict], Callable[[Any], nn.Module]]]

BUILDERS: Builders = {
    "dac": (DacConfig, Dac),
    "encodec": (EncodecConfig, Encodec),
    "hifigan": (HifiGanConfig, HifiGan),
    "mdctcodec": (MdctCodecConfig, MdctCodec),
    "music2latent": (Music2LatentConfig, Music2Latent),
    "nsf": (NsfConfig, Nsf),
    "soundstream": (SoundStreamConfig, SoundStream),
    "spectralcodec": (SpectralCodecConfig, SpectralCodec),
    "streamcodec": (StreamCodecConfig, StreamCodec),
    "vocos": (VocosConfig, Vocos),
    "vocos-tokens": (VocosTokensConfig, VocosTokens),
    "wavtokenizer": (WavTokenizerConfig, WavTokenizer),
}


def build(model: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A fresh network. Raises RecipeError for unknown arguments."""
    return built(BUILDERS, model, arguments)


def built(builders: Builders, model: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A fresh network of one of the `builders`. Raises RecipeError for unknown arguments."""
    config, builder = builders[model]
    return builder(check(dict(arguments), config, f"arguments of {model}"))
