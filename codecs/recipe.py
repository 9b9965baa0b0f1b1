"""The recipe of a codec or vocoder: builder and arguments, losses, optimiser, schedule, seed, warm start."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ..core import recipe
from ..core.recipe import Strict
from ..core.settings import Optimiser, Schedule

PACKAGE = "earwitness.codecs.recipes"


class Losses(Strict):
    """Weights of the losses and the steps at which parts of the training begin.

    `mel_warmup`: steps over which the spectral loss grows to its weight. A waveform decoder that meets it at once
    settles on noise of the right colour and never finds the phase.
    """

    mel: float = 1.0
    mel_warmup: int = Field(default=0, ge=0)
    wave: float = 0.0
    commitment: float = 0.25
    adversarial: float = 1.0
    feature: float = 2.0
    mel_sizes: tuple[int, ...] = (256, 512, 1024, 2048)
    quantise_from: int = 300
    critic_from: int = 1_000_000_000
    critic_every: int = 2
    stage_dropout: float = Field(default=0.5, ge=0, lt=1)


class CriticSection(Strict):
    """Resolutions of the STFT (n_fft) and MDCT (size) critics, periods of the folding ones, and their width."""

    stft: tuple[int, ...] = ()
    mdct: tuple[int, ...] = ()
    periods: tuple[int, ...] = ()
    channels: int = 16


class DataSection(Strict):
    """Crops: `seconds` each, `batch` a step."""

    seconds: float = 0.5
    batch: int = 8


class InitSection(Strict):
    """Warm start: copy every tensor whose name and shape match, from a safetensors file or weights known by name."""

    from_: Path | None = Field(None, alias="from")


class CodecRecipe(Strict):
    """One trained codec or vocoder."""

    name: str
    model: Literal[
        "dac",
        "encodec",
        "hifigan",
        "mdctcodec",
        "music2latent",
        "nsf",
        "soundstream",
        "spectralcodec",
        "streamcodec",
        "vocos",
        "vocos-tokens",
        "wavtokenizer",
    ]
    summary: str
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    arguments: dict[str, Any] = Field(default_factory=dict)
    data: DataSection = DataSection()
    losses: Losses = Losses()
    critic: CriticSection = CriticSection()
    optimiser: Optimiser = Optimiser()
    schedule: Schedule
    init: InitSection = InitSection.model_validate({})

    def digest(self) -> str:
        """sha256 over what decides the result, so not the device, and not options left at their defaults."""
        text = self.model_dump_json(exclude={"device"}, exclude_defaults=True)
        return hashlib.sha256(text.encode()).hexdigest()


def load(name_or_path: str | Path, **overrides: Any) -> CodecRecipe:
    """Read a recipe by path or shipped name. Raises RecipeError."""
    return recipe.load(recipe.find(name_or_path, PACKAGE), CodecRecipe, **overrides)
