"""Training as a use case: which recipe, which data, what becomes of the result. Torch is loaded only to train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ..codecs import recipe as codec_recipes
from ..codecs import zoo
from ..codecs.generate import recipe as generator_recipes
from ..codecs.neural import NeuralCodec
from ..core import recipe as recipes
from ..core.errors import DataError, MissingPart, UsageError
from ..core.home import home
from .workshop import Progress

DETECTOR_RECIPES = "earwitness.detect.recipes"
LISTENER_RECIPES = "earwitness.watermark.recipes"
MANIFESTS = ("manifest.jsonl", "manifest.parquet")
NEEDS_TRAIN = "Training needs the extra 'train': pip install 'earwitness[train]'."


@dataclass(frozen=True)
class TrainingOptions:
    """What the caller may change of a recipe, and whether a begun training goes on."""

    device: str | None = None
    steps: int | None = None
    resume: bool = False
    workers: int = 1

    def overrides(self) -> dict[str, Any]:
        """The changes as a table to lay over the recipe."""
        table: dict[str, Any] = {} if self.device is None else {"device": self.device}
        return table if self.steps is None else {**table, "schedule": {"steps": self.steps}}


def train(recipe: str, data: Path, out: Path, options: TrainingOptions, progress: Progress | None = None) -> Path:
    """Train what a recipe describes on a folder of recordings, or on a built dataset, into `out`.

    Returns the file of weights (codecs) or the card (generators, detectors, the watermark's listener). Raises
    RecipeError, DataError, UsageError, and MissingPart without torch.
    """
    if is_detector(recipe):
        return _train_detector(recipe, data, out, options)
    _check_begun(out, options.resume)
    if is_generator(recipe):
        return _train_generator(generator_recipes.load(recipe, **options.overrides()), data, out, progress)
    if recipe in recipes.shipped(LISTENER_RECIPES):
        return _train_listener(recipe, data, out, options)
    return _train_codec(codec_recipes.load(recipe, **options.overrides()), data, out, progress)


def train_codec(
    recipe: str,
    data: Path,
    *,
    name: str | None,
    out: Path | None,
    options: TrainingOptions,
    progress: Progress | None,
) -> tuple[str, Path]:
    """Train a codec on a folder of audio and add it to the zoo of this EARWITNESS_HOME; returns name and card."""
    loaded = codec_recipes.load(recipe, **options.overrides())
    name = name or f"{loaded.name}-{data.resolve().name}"
    folder = home() / "weights"
    if name in zoo.names() and not (folder / f"{name}.toml").exists():
        raise UsageError(f"{name!r} is the name of a shipped codec; choose another with --name.")
    out = out or home() / "training" / name
    _check_begun(out, options.resume)
    named = codec_recipes.load(recipe, **options.overrides(), name=name)
    file = _train_codec(named, data, out, progress)
    from ..codecs.publish import publish

    folder.mkdir(parents=True, exist_ok=True)
    return name, publish(named, file, folder)


def is_detector(recipe: str) -> bool:
    """Whether a recipe, by shipped name or by the keys of its file, is a detector's."""
    path = Path(recipe)
    if path.suffix != ".toml":
        return recipe in recipes.shipped(DETECTOR_RECIPES)
    return "model" not in recipes.read(recipes.find(path, DETECTOR_RECIPES))


def is_generator(recipe: str) -> bool:
    """Whether a recipe, by shipped name or by the model that its file names, is a generator's."""
    path = Path(recipe)
    if path.suffix != ".toml":
        return recipe in recipes.shipped(generator_recipes.PACKAGE)
    found = recipes.read(recipes.find(path, generator_recipes.PACKAGE))
    return found.get("model") in get_args(generator_recipes.Model)


def _check_begun(out: Path, resume: bool) -> None:
    if not resume and (out / "checkpoint").exists():
        raise UsageError(f"{str(out)!r} holds a training that was begun; add --resume to go on with it.")


def _train_codec(recipe: codec_recipes.CodecRecipe, data: Path, out: Path, progress: Progress | None) -> Path:
    try:
        from ..codecs.training import crop_samples
        from ..codecs.training import train as fit
    except ImportError as error:
        raise MissingPart(NEEDS_TRAIN) from error
    from ..datasets.pack import Crops, Packed, pack
    from ..datasets.readers import read_folder

    packed = Packed.open(data) if (data / "pack.toml").exists() else pack(read_folder(data), out / "pack")
    seconds = crop_samples(recipe) / packed.rate
    crops = Crops(packed, seconds, recipe.data.batch, recipe.seed)

    def report(step: int, numbers: Mapping[str, float]) -> None:
        if progress is not None:
            progress("training", step, recipe.schedule.steps)

    return fit(recipe, crops, out, report).file


def _train_generator(
    recipe: generator_recipes.GeneratorRecipe, data: Path, out: Path, progress: Progress | None
) -> Path:
    """On a folder that 'dataset align' made; what has codes or units learns those that are made first.

    A recogniser's units are clustered at the end.
    """
    try:
        from ..codecs.generate import registry
        from ..codecs.generate.audiolm import CODES
        from ..codecs.generate.publish import publish, token_settings, unit_settings
        from ..codecs.generate.recogniser import cluster
        from ..codecs.generate.training import hop_length
        from ..codecs.generate.training import train as fit
    except ImportError as error:
        raise MissingPart(NEEDS_TRAIN) from error
    from ..datasets.aligned import Aligned
    from ..datasets.coded import codes, tables, units
    from ..datasets.utterances import Spoken

    def report(what: str, total: int) -> Callable[[int, object], None]:
        return lambda done, _: None if progress is None else progress(what, done, total)

    aligned, section = Aligned.open(data), recipe.data
    codec = zoo.open_codec(section.codec) if section.codec else None
    found = tokens = None
    if isinstance(codec, NeuralCodec):
        found = codes(aligned, codec, report("coding", len(aligned.packed.clips)))
        tokens = token_settings(codec.name, codec.spec.digest, found)
        if section.units:
            recogniser = registry.recogniser(section.units)
            meant = units(aligned, recogniser, report("units", len(aligned.packed.clips)))
            tokens |= unit_settings(section.units, recogniser.digest, meant)
            found = tables(found, meant, CODES)
    source = Spoken(
        aligned,
        section.seconds,
        section.prompt_seconds,
        section.batch,
        recipe.seed,
        hop=hop_length(recipe),
        whole=section.whole,
        codes=found,
    )
    trained = fit(recipe, source, out, report("training", recipe.schedule.steps))
    used = [number for number, clip in enumerate(aligned.packed.clips) if clip.split == "train"]
    state = None
    if recipe.kind == "recogniser":
        order = np.random.default_rng(recipe.seed).permutation(used)
        model: Any = trained.generator
        state = {"units": cluster(model, (aligned.packed.wave(number) for number in order), recipe.seed)}
    heard = (aligned.packed.clips[number].sha256 for number in used)
    return publish(recipe, trained.file, out, heard, tokens=tokens, state=state)


def _train_detector(recipe: str, data: Path, out: Path, options: TrainingOptions) -> Path:
    if options.steps is not None or options.device is not None or options.resume:
        raise UsageError("These detectors are fitted in one go: --steps, --device and --resume are for codecs.")
    manifest = next((data / name for name in MANIFESTS if (data / name).is_file()), data)
    if not manifest.is_file():
        raise DataError(f"{str(data)!r} holds no manifest; make one with: earwitness dataset build RECIPE.")
    try:
        from ..detect.baseline import train_baseline
        from ..detect.statistics_training import train_statistics
    except ImportError as error:
        raise MissingPart(NEEDS_TRAIN) from error
    file = recipes.find(recipe, DETECTOR_RECIPES)
    fit = train_statistics if "resolutions" in recipes.read(file) else train_baseline
    return fit(manifest, file, out, workers=options.workers).card


def _train_listener(recipe: str, data: Path, out: Path, options: TrainingOptions) -> Path:
    """Train the watermark's listener on the training speech of a folder, one clip of each speaker after the other."""
    try:
        from ..watermark.listener_training import ListenerRecipe, hear, train
    except ImportError as error:
        raise MissingPart(NEEDS_TRAIN) from error
    from ..core.audio import Audio, load
    from ..datasets.readers import read_folder
    from ..watermark.attacks import attack
    from ..watermark.layout import RATE
    from .marking import resynthesise

    file = recipes.find(recipe, LISTENER_RECIPES)
    if options.device not in (None, "cpu"):
        raise UsageError("The listener is so small that it is trained on the CPU only; leave --device out.")
    options = replace(options, device=None)
    loaded = recipes.load(file, ListenerRecipe, **options.overrides())
    by_speaker: dict[str, list[Path]] = {}
    for clip in sorted(read_folder(data), key=lambda clip: clip.path):
        if clip.kind == "speech" and clip.split == "train":
            by_speaker.setdefault(clip.speaker or clip.path, []).append(Path(clip.path))
    turns = [
        paths[turn]
        for turn in range(max(map(len, by_speaker.values()), default=0))
        for paths in by_speaker.values()
        if turn < len(paths)
    ][: loaded.clips]
    if not turns:
        raise DataError(f"{str(data)!r} holds no training speech.")
    clips = (load(path, rate=RATE).mono().samples for path in turns)

    def heard(name: str, audio: Audio, seed: int) -> Audio:
        return audio if name == "none" else attack(name, audio, seed, resynthesise)

    return train(loaded, hear(loaded, clips, heard), out)
