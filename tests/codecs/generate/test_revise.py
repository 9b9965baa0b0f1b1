from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from earwitness.codecs import zoo
from earwitness.codecs.generate.prompt import loudness, prepared
from earwitness.codecs.generate.publish import publish, token_settings
from earwitness.codecs.generate.recipe import GeneratorRecipe
from earwitness.codecs.generate.registry import open as open_generator
from earwitness.codecs.generate.revise import infill, resample_codes
from earwitness.codecs.generate.speaker import Speaker
from earwitness.codecs.generate.training import train
from earwitness.codecs.neural import NeuralCodec
from earwitness.core.audio import Audio
from earwitness.core.errors import UsageError
from numpy.typing import NDArray

RATE, HOP = 16_000, 200
ReadAloud = Callable[[str], NDArray[np.float32]]


class Noise:
    """Batches of the right shapes; nothing is to be learnt from them."""

    digest = "noise"

    def batch(self, step: int) -> dict[str, NDArray[np.generic]]:
        rng = np.random.default_rng(step)
        return {
            "codes": rng.integers(0, 2048, (1, 1, 20)),
            "phones": rng.integers(1, 40, (1, 4)),
            "ends": np.array([[900, 1800, 2700, 4000]]),
            "present": np.ones((1, 4), bool),
            "prompt": rng.standard_normal((1, 4096)).astype(np.float32),
            "start": np.zeros(1, np.int64),
        }


def made(model: str, folder: Path) -> Speaker:
    """An all but untrained generator."""
    small = {"dim": 32, "heads": 2, "layers": 1, "hidden": 32}
    recipe = GeneratorRecipe.model_validate(
        {
            "name": "toy",
            "model": model,
            "summary": "toy",
            "arguments": small,
            "data": {"codec": "wavtokenizer"},
            "schedule": {"steps": 1},
        }
    )
    codec = zoo.open_codec("wavtokenizer")
    assert isinstance(codec, NeuralCodec)
    settings = token_settings(codec.name, codec.spec.digest, [np.arange(40)[None] % 7])
    publish(recipe, train(recipe, Noise(), folder).file, folder, [], tokens=settings)
    return open_generator(str(folder))


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Speaker:
    return made("valler", tmp_path_factory.mktemp("valler"))


@pytest.fixture(autouse=True)
def _pocketsphinx(require: Callable[[str], None]) -> None:
    require("pocketsphinx")


def test_infill_leaves_the_samples_outside_its_span(speaker: Speaker, read_aloud: ReadAloud, text: str) -> None:
    audio = Audio(0.5 * read_aloud("soundstream")[None], RATE)
    found = infill(speaker, audio, text, 1.0, 1.601, seed=0)
    assert (found.start, found.end) == (1.0, 1.6125) and found.audio.samples.shape == audio.samples.shape
    first, last = int(found.start * RATE), int(found.end * RATE)
    outside = np.r_[0:first, last : audio.samples.shape[1]]
    assert np.array_equal(found.audio.samples[:, outside], audio.samples[:, outside])
    assert float(np.abs(found.audio.samples - audio.samples)[0, first:last].max()) > 0.01


def test_infill_through_the_codec_differs_from_a_codec_copy_only_around_its_span(
    speaker: Speaker, read_aloud: ReadAloud, text: str
) -> None:
    audio = Audio(read_aloud("soundstream")[None], RATE)
    found = infill(speaker, audio, text, 1.0, 1.5, seed=0, keep_samples=False)
    voice = prepared(audio)
    copy = zoo.open("wavtokenizer").resynth(Audio(voice[None], RATE)).samples[0]
    copy = copy * (loudness(audio.samples[0]) / loudness(voice))
    gap = np.abs(found.audio.samples[0] - copy)
    # The decoder's view reaches some frames beyond a code; its GroupNorms look at the whole clip, by a little.
    far = np.r_[0 : RATE // 2, 2 * RATE : gap.size]
    inside = gap[RATE : 3 * RATE // 2]
    assert float(np.sqrt(np.mean(gap[far] ** 2))) < 0.2 * float(np.sqrt(np.mean(inside**2)))


def test_resampled_codes_are_as_long_and_follow_the_seed(speaker: Speaker, read_aloud: ReadAloud, text: str) -> None:
    audio = Audio(read_aloud("soundstream")[None], RATE)
    one, again, other = (resample_codes(speaker, audio, text, seed).audio.samples for seed in (0, 0, 1))
    assert one.shape == audio.samples.shape
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_spans_that_cannot_be_are_refused(speaker: Speaker, read_aloud: ReadAloud, text: str, tmp_path: Path) -> None:
    audio = Audio(read_aloud("soundstream")[None], RATE)
    for start, end, reason in [(1.0, 1.05, "0.1 to 1.5"), (0.0, 3.0, "0.1 to 1.5"), (5.0, 9.0, "does not lie")]:
        with pytest.raises(UsageError, match=reason.replace(".", r"\.")):
            infill(speaker, audio, text, start, end, seed=0)
