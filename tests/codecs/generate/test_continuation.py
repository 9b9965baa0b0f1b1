from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from earwitness.codecs import zoo
from earwitness.codecs.generate import registry
from earwitness.codecs.generate.audiolm import CODES
from earwitness.codecs.generate.builders import build
from earwitness.codecs.generate.continuation import Continuer
from earwitness.codecs.generate.prompt import loudness, prepared
from earwitness.codecs.generate.publish import publish, token_settings, unit_settings
from earwitness.codecs.generate.recipe import GeneratorRecipe
from earwitness.codecs.neural import NeuralCodec
from earwitness.core.audio import Audio
from earwitness.core.errors import AudioError, UsageError, WeightsError
from earwitness.core.train import export
from numpy.typing import NDArray

RATE, HOP = 16_000, 400
ReadAloud = Callable[[str], NDArray[np.float32]]
SMALL = {
    "phonenet": {"channels": 32, "hidden": 48, "blocks": 3, "middle": 2, "units": 256},
    "audiolm": {"dim": 32, "heads": 2, "layers": 1, "hidden": 32, "unit_dim": 16, "unit_layers": 1, "window": 32},
}


def untrained(model: str, folder: Path) -> tuple[GeneratorRecipe, Path]:
    """A recipe, and a checkpoint that it has at its start."""
    recipe = GeneratorRecipe.model_validate(
        {"name": model, "model": model, "summary": "toy", "arguments": SMALL[model], "schedule": {"steps": 1}}
    )
    torch.manual_seed(0)
    export(build(model, recipe.arguments), folder / "model.safetensors", {"recipe_digest": recipe.digest()})
    return recipe, folder / "model.safetensors"


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a recogniser."""
    folder = tmp_path_factory.mktemp("phonenet")
    recipe, file = untrained("phonenet", folder)
    centres = torch.randn(256, 32, generator=torch.Generator().manual_seed(1))
    publish(recipe, file, folder, [], state={"units": centres})
    return folder


def published(folder: Path, recogniser: str, digest: str) -> str:
    """The folder of a continuer that learnt the units of a recogniser."""
    codec, lines = zoo.open_codec("wavtokenizer"), [np.arange(60)[None] % 7]
    assert isinstance(codec, NeuralCodec)
    settings = token_settings(codec.name, codec.spec.digest, lines) | unit_settings(recogniser, digest, lines)
    recipe, file = untrained("audiolm", folder)
    publish(recipe, file, folder, [], tokens=settings)
    return str(folder)


@pytest.fixture(scope="module")
def continuer(heard: Path, tmp_path_factory: pytest.TempPathFactory) -> Continuer:
    folder = tmp_path_factory.mktemp("audiolm")
    return registry.open_continuer(published(folder, str(heard), registry.recogniser(str(heard)).digest))


def test_the_recording_stays_and_goes_on_for_as_long_as_asked(continuer: Continuer, read_aloud: ReadAloud) -> None:
    audio = Audio(0.5 * read_aloud("soundstream")[None, :30_123], RATE)
    made = continuer.go_on(audio, 2.0, seed=0)
    border = round(made.start * RATE)
    assert border % HOP == 0 and 160 <= 30_123 - border < 160 + HOP
    assert np.array_equal(made.audio.samples[:, :border], audio.samples[:, :border])
    assert made.audio.samples.shape == (1, border + 2 * RATE) and 0 <= made.clarity <= 1
    assert np.array_equal(made.alone().samples, made.audio.samples[:, border:])
    # No click where the model takes over.
    steps = np.abs(np.diff(made.audio.samples[0]))
    assert steps[border - 5 : border + 165].max() < max(steps[:border].max(), steps[border + 200 :].max())


def test_through_the_codec_the_recording_is_a_codec_copy(continuer: Continuer, read_aloud: ReadAloud) -> None:
    audio = Audio(read_aloud("soundstream")[None, :32_000], RATE)
    made = continuer.go_on(audio, 1.0, seed=0, keep_samples=False)
    voice = prepared(audio)
    copy = zoo.open("wavtokenizer").resynth(Audio(voice[None], RATE)).samples[0]
    copy = copy * (loudness(audio.samples[0]) / loudness(voice))
    # The decoder's GroupNorms look at the whole clip, and its view reaches some frames beyond the border.
    early = slice(0, round(made.start * RATE) - RATE // 2)
    gap = made.audio.samples[0, early] - copy[early]
    # Within the error that the codec makes itself.
    error = audio.samples[0, early] - copy[early]
    assert float(np.sqrt(np.mean(gap**2))) < 0.5 * float(np.sqrt(np.mean(error**2)))


def test_the_seed_decides_what_follows_and_steps_are_told(continuer: Continuer, read_aloud: ReadAloud) -> None:
    audio, ticks = Audio(read_aloud("soundstream")[None, :24_000], RATE), list[tuple[int, int]]()
    one = continuer.go_on(audio, 0.5, seed=3, tick=lambda done, steps: ticks.append((done, steps)))
    again, other = (continuer.go_on(audio, 0.5, seed=seed) for seed in (3, 4))
    assert np.array_equal(one.audio.samples, again.audio.samples)
    assert not np.array_equal(one.audio.samples, other.audio.samples)
    steps = (1 + CODES) * 20
    assert ticks == [(done, steps) for done in range(1, steps + 1)]


def test_what_cannot_be_continued_is_refused(continuer: Continuer, read_aloud: ReadAloud) -> None:
    speech = Audio(read_aloud("soundstream")[None], RATE)
    for seconds in (0.1, 31.0, float("nan")):
        with pytest.raises(UsageError, match=r"0\.2 to 30 s"):
            continuer.go_on(speech, seconds, seed=0)
    for samples, reason in [
        (np.zeros((1, 2 * RATE), np.float32), "silent"),
        (speech.samples[:, :9_000], "at least 1 s"),
    ]:
        with pytest.raises(AudioError, match=reason):
            continuer.go_on(Audio(samples, RATE), 1.0, seed=0)


def test_a_continuer_knows_the_weights_that_made_its_units_and_speaks_no_text(heard: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="units of other weights"):
        registry.open_continuer(published(tmp_path, str(heard), "0" * 64))
    with pytest.raises(WeightsError, match="no weights of the recogniser 'parrot'"):
        registry.open_continuer(published(tmp_path, "parrot", "0" * 64))
    with pytest.raises(UsageError, match="speaks no text"):
        registry.open(str(tmp_path))
    with pytest.raises(UsageError, match="no trained generator"):
        registry.open_continuer(str(heard))
