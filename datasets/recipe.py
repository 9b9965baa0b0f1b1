"""Recipes of datasets, and which genuine clips they select."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ..codecs.generate.modes import Mode
from ..core import recipe as recipes
from ..core.errors import DataError
from .manifest import Clip

RECIPES = "earwitness.datasets.recipes"


class Select(recipes.Strict):
    """Which genuine clips to take. Empty lists and zeros set no bound."""

    splits: tuple[Literal["train", "dev", "test"], ...] = ("train", "dev")
    corpora: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    min_seconds: float = 1.0
    max_seconds: float = 0.0
    minutes_per_speaker: float = 0.0
    clips_per_split: int = 0
    clips_per_corpus: int = 0


class SystemRecipe(recipes.Strict):
    """A neural system of the zoo. No kbps: all that it offers; checkpoints are files, "" is the shipped one."""

    name: str
    checkpoints: tuple[str, ...] = Field(default=("",), min_length=1)
    kbps: tuple[float, ...] = ()


class EngineRecipe(recipes.Strict):
    """A synthesiser that speaks the texts of the clips: by `per_text` of `voices`, or of all that it has.

    `held_out`: yes, the engine that is kept from training is meant; this is a test set.
    """

    name: str
    voices: tuple[str, ...] = ()
    per_text: int = Field(default=1, ge=1)
    held_out: bool = False


class GeneratorEntry(recipes.Strict):
    """A trained generator in one mode: `per_clip` fakes for `share` of the clips with an English text.

    `name`: an installed one, or the folder of a training where the checkpoints lie. speak: the text in the voice of
    another clip of the speaker; infill: a word or stretch of the clip spoken again; resample: all its codes;
    continue: its beginning continued, without a text.
    """

    name: str
    mode: Mode
    per_clip: int = Field(default=1, ge=1)
    share: float = Field(default=1.0, gt=0, le=1)


class ConsentEntry(recipes.Strict):
    """A consent `file` (who, basis, date; beside the recipe), and whose voices it covers.

    Those of clips of `corpora` and under one of `licences`; an empty list sets no bound, and both cannot be empty.
    """

    file: str
    corpora: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _for_somebody(self) -> Self:
        if not self.corpora and not self.licences:
            raise ValueError("name the corpora or licences that the consent covers")
        return self


class FakesRecipe(recipes.Strict):
    """How many fakes for each clip (0: every system, checkpoint and bitrate) by which systems, and by which engines
    and generators.

    `equalise` brings each fake to the long-term spectrum of its source, where a system's tilt would tell it. A
    generator's speech is marked, and its twins with it, unless `purpose` says what it is made for without a mark.
    """

    per_clip: int = Field(default=1, ge=0)
    equalise: bool = False
    systems: tuple[SystemRecipe, ...] = ()
    engines: tuple[EngineRecipe, ...] = ()
    generators: tuple[GeneratorEntry, ...] = ()
    consents: tuple[ConsentEntry, ...] = ()
    purpose: str = ""

    @model_validator(mode="after")
    def _by_something(self) -> Self:
        if not self.systems and not self.engines and not self.generators:
            raise ValueError("name what makes the fakes, in systems, engines or generators")
        return self


class MarkRecipe(recipes.Strict):
    """Marked twins for `share` of the genuine clips and all their fakes. strength: dB; by default the mark's own."""

    share: float = Field(default=0.5, gt=0, le=1)
    strength: float | None = Field(default=None, gt=0)


class AugmentRecipe(recipes.Strict):
    """`copies` augmented versions of each pair by a policy of `augment`, with or without the clean one."""

    policy: str = "wide"
    copies: int = Field(default=1, ge=1)
    keep_clean: bool = True


class BuildRecipe(recipes.Strict):
    """A recipe of `earwitness dataset build`. `audit = "report"` writes a leak down instead of failing."""

    name: str
    about: str = ""
    seed: int = 0
    audit: Literal["strict", "report"] = "strict"
    select: Select = Select()
    fakes: FakesRecipe
    watermark: MarkRecipe | None = None
    augment: AugmentRecipe | None = None

    def text(self, indent: int | None = None) -> str:
        """As JSON; what came later is left out where it is not used, so that older datasets keep their identity."""
        absent: dict[str, Any] = {} if self.watermark is not None else {"watermark": True}
        newer = ("engines", "generators", "consents", "purpose")
        absent["fakes"] = {name: True for name in newer if not getattr(self.fakes, name)}
        return self.model_dump_json(indent=indent, exclude=absent)


def read_recipe(recipe: Path | str | BuildRecipe) -> tuple[BuildRecipe, Path]:
    """The recipe of a file, a shipped name or as it is, and the folder for its relative checkpoints.

    Raises RecipeError.
    """
    if isinstance(recipe, BuildRecipe):
        return recipe, Path.cwd()
    path = recipes.find(recipe, RECIPES)
    return recipes.load(path, BuildRecipe), path.parent


def select(clips: Sequence[Clip], rules: Select, seed: int) -> list[Clip]:
    """The genuine speech that the rules allow; where there is too much of it, a seeded choice.

    Raises DataError when nothing is left.
    """
    kept = [
        clip
        for clip in clips
        if clip.kind == "speech"
        and clip.label == "bonafide"
        and clip.split in rules.splits
        and (not rules.corpora or clip.corpus in rules.corpora)
        and clip.corpus not in rules.leave_out
        and (not rules.languages or clip.language.split("-")[0] in rules.languages)
        and clip.seconds >= rules.min_seconds
        and (not rules.max_seconds or clip.seconds <= rules.max_seconds)
    ]
    # The rank hangs on the content alone, so that more data does not reshuffle what was chosen before.
    kept.sort(key=lambda clip: hashlib.sha256(os.fsencode(f"{seed}|{clip.key}")).digest())
    spoken: dict[str, float] = defaultdict(float)
    taken: dict[str, int] = defaultdict(int)
    by_corpus: dict[str, int] = defaultdict(int)
    chosen = []
    for clip in kept:
        full = rules.minutes_per_speaker and spoken[clip.speaker] + clip.seconds > rules.minutes_per_speaker * 60
        enough = rules.clips_per_split and taken[clip.split] >= rules.clips_per_split
        many = rules.clips_per_corpus and by_corpus[clip.corpus] >= rules.clips_per_corpus
        if full or enough or many:
            continue
        spoken[clip.speaker] += clip.seconds
        taken[clip.split] += 1
        by_corpus[clip.corpus] += 1
        chosen.append(clip)
    if not chosen:
        raise DataError("The recipe's [select] leaves no genuine speech of the data.")
    return sorted(chosen, key=lambda clip: clip.path)
