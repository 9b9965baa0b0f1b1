from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from earwitness.core import recipe as recipes
from earwitness.core.errors import DataError, MissingPart, RecipeError
from earwitness.datasets import manifest
from earwitness.datasets.build import build
from earwitness.datasets.engines import Engine
from earwitness.datasets.match import bandwidth, low_pass, speech_bounds
from earwitness.datasets.recipe import AugmentRecipe, BuildRecipe

from .engine_toys import Toy
from .test_build import open_toy

TABLE: dict[str, Any] = {
    "name": "said",
    "seed": 3,
    "audit": "report",
    "select": {"min_seconds": 0.5},
    "fakes": {"engines": [{"name": "toy"}]},
}
Open = Callable[[str], Engine]


def recipe(*engines: dict[str, Any], **changes: Any) -> BuildRecipe:
    table = recipes.merge(TABLE, {"fakes": {"engines": list(engines)}} if engines else {})
    return recipes.check(recipes.merge(table, changes), BuildRecipe, "said.toml")


def opener(**changes: Any) -> Open:
    toy = Toy(**changes)
    return lambda name: replace(toy, name=name)


def retold(corpus: Path, column: str, value: Callable[[int], str]) -> None:
    """Write another value into a column of the corpus' manifest."""
    with open(corpus / "manifest.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        row[column] = value(number)
    with open(corpus / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_genuine_and_fake_say_the_same(corpus: Path, tmp_path: Path) -> None:
    retold(corpus, "text", lambda number: f"house number {number}" if number % 2 else "")
    done = build(recipe(), [corpus], tmp_path / "out", open_engine=opener())
    manifest.check(done.clips)
    assert done.clips == tuple(manifest.read(done.folder / "manifest.parquet"))
    assert Counter(clip.label for clip in done.clips) == {"bonafide": 12, "spoof": 12}, "no text, no fake"
    twins = {clip.path: clip for clip in done.clips if clip.label == "bonafide"}
    licences = {"low": ("en-US", "CC0-1.0", "nobody"), "high": ("en-GB", "CC-BY-4.0", "somebody")}
    for fake in (clip for clip in done.clips if clip.label == "spoof"):
        twin = twins[fake.source]
        assert (fake.system, fake.method, fake.kind) == ("toy", "tts", "speech")
        assert (fake.language, fake.licence, fake.note) == licences[fake.voice]
        assert (twin.system, twin.method, twin.voice, twin.note, twin.licence) == ("", "", "", "", "CC0-1.0")
        assert (fake.text, fake.speaker, fake.split) == (twin.text, twin.speaker, twin.split)
        assert not fake.neural_codec
        sounds = [soundfile.read(clip.path)[0] for clip in (fake, twin)]
        assert len(sounds[0]) == len(sounds[1]) == round(fake.seconds * 16000)
        assert np.std(sounds[0]) == pytest.approx(np.std(sounds[1]), rel=0.02)
        assert all(abs(sound.mean()) < 1e-4 for sound in sounds)
        assert all(np.abs(sound[:800]).max() > 0.01 for sound in sounds), "both start with speech"
    assert {clip.voice for clip in done.clips} == {"", "low", "high"}
    assert done.report is not None
    assert max(done.report.cues[cue] for cue in ("duration", "leading silence", "level", "DC offset")) < 0.62
    card = (done.folder / "README.md").read_text()
    assert "| toy | high | en-GB | CC-BY-4.0 | somebody |" in card


def test_engines_stand_beside_codecs(corpus: Path, tmp_path: Path) -> None:
    both = recipe({"name": "toy", "voices": ["low", "high"], "per_text": 2}, fakes={"systems": [{"name": "steps"}]})
    light = both.model_copy(update={"augment": AugmentRecipe(policy="light")})
    done = build(light, [corpus], tmp_path / "out", open_codec=open_toy, open_engine=opener())
    clean = Counter((clip.label, clip.system, clip.voice) for clip in done.clips if not clip.seed or not clip.chain)
    assert clean["bonafide", "", ""] >= 48, "a whole twin for the codec, a cut one for the voices"
    assert clean["spoof", "steps", ""] == clean["spoof", "toy", "low"] == clean["spoof", "toy", "high"] == 24
    chains: dict[tuple[str, int], set[str]] = {}
    for clip in (clip for clip in done.clips if clip.chain and (clip.voice or clip.label == "bonafide")):
        chains.setdefault((clip.source, clip.seed), set()).add(clip.chain)
    assert chains and all(len(found) == 1 for found in chains.values()), "both members of a pair are augmented alike"


def test_languages_fit(corpus: Path, tmp_path: Path) -> None:
    retold(corpus, "language", lambda number: "ja" if number < 4 else "de" if number < 8 else "en")
    done = build(recipe(), [corpus], tmp_path / "out", open_engine=opener())
    pairs = Counter((clip.language, clip.voice) for clip in done.clips if clip.label == "spoof")
    assert set(pairs) == {("ja", "hana"), ("en-US", "low"), ("en-GB", "high")}
    assert pairs["ja", "hana"] == 4 and sum(pairs.values()) == 4 + 16, "nobody speaks German"
    with pytest.raises(DataError, match=r"language that 'toy' speaks here \(ja\)"):
        only = recipe({"name": "toy", "voices": ["hana"]}, select={"languages": ["en"]})
        build(only, [corpus], tmp_path / "other", open_engine=opener())


def test_a_missing_engine_stops_before_any_work(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingPart, match="apt-get install toy"):
        build(recipe(), [corpus], tmp_path / "out", open_engine=opener(absent="Do apt-get install toy."))
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("engines", "words"),
    [
        ([{"name": "flight"}], "no engine 'flight'; known: .*flite"),
        ([{"name": "flite", "voices": ["slat"]}], "no voice 'slat'; the nearest is 'slt'"),
        ([{"name": "kokoro"}], "'kokoro' is held out .* held_out = true"),
    ],
)
def test_wrong_engines_are_named(corpus: Path, tmp_path: Path, engines: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        build(recipe(*engines), [corpus], tmp_path / "out")


def test_a_held_out_engine_is_had_by_asking(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="held out"):
        build(recipe(), [corpus], tmp_path / "out", open_engine=opener(held_out=True))
    asked = recipe({"name": "toy", "held_out": True})
    assert build(asked, [corpus], tmp_path / "out", open_engine=opener(held_out=True)).clips


def test_a_recipe_names_what_makes_its_fakes() -> None:
    with pytest.raises(RecipeError, match="systems, engines or generators"):
        recipes.check({"name": "none", "fakes": {"per_clip": 1}}, BuildRecipe, "none.toml")
    with pytest.raises(RecipeError, match=r"engines.0.voice'; the nearest known is 'voices'"):
        recipe({"name": "toy", "voice": "low"})
    old = recipes.check({"name": "old", "fakes": {"systems": [{"name": "steps"}]}}, BuildRecipe, "old.toml")
    assert "engines" not in old.text() and "engines" in recipe().text(), "older datasets keep their identity"


def test_other_weights_of_an_engine_make_another_dataset(corpus: Path, tmp_path: Path) -> None:
    build(recipe(), [corpus], tmp_path / "out", open_engine=opener())
    assert build(recipe(), [corpus], tmp_path / "out", open_engine=opener()).report is None, "it is there already"
    with pytest.raises(DataError, match="another recipe"):
        build(recipe(), [corpus], tmp_path / "out", open_engine=opener(pin="2"))


def test_a_text_that_an_engine_cannot_speak_is_left_out_and_told(corpus: Path, tmp_path: Path) -> None:
    retold(corpus, "text", lambda number: "hard words" if number == 5 else "a house")
    told: list[tuple[str, str]] = []

    def tell(path: Path, reason: str) -> None:
        told.append((path.name, reason))

    done = build(recipe(), [corpus], tmp_path / "out", open_engine=opener(dumb="hard"), on_error=tell)
    assert Counter(clip.label for clip in done.clips) == {"bonafide": 23, "spoof": 23}
    assert len(told) == 1 and told[0][0] == "clip 5.flac" and "toy" in told[0][1] and "'hard words'" in told[0][1]
    with pytest.raises(DataError, match="'toy' could not speak any"):
        build(recipe(), [corpus], tmp_path / "none", open_engine=opener(dumb="h"), on_error=tell)


def test_speech_is_found_in_noise_and_between_silences(say: Any) -> None:
    speech = say(1, 1.0, level=0.1)
    for noise in (0.0, 0.01):
        rng = np.random.default_rng(0)
        samples = np.concatenate([np.zeros(8000), speech, np.zeros(4000)]) + noise * rng.standard_normal(28000)
        start, stop = speech_bounds(samples.astype(np.float32), 16000)
        assert 7600 <= start <= 12000 and 20000 <= stop <= 24400
    assert speech_bounds(np.zeros(1000, np.float32), 16000) == (0, 1000)
    assert speech_bounds(np.zeros(0, np.float32), 16000) == (0, 0)


def test_the_band_is_found_and_cut() -> None:
    noise = np.random.default_rng(0).standard_normal(32000).astype(np.float32) * np.float32(0.1)
    assert bandwidth(noise, 16000) > 7900
    assert np.array_equal(low_pass(noise, 16000, 7900.0), noise)
    low = low_pass(noise, 16000, 3500.0)
    assert 3400 < bandwidth(low, 16000) < 4100
    assert low.shape == noise.shape
    assert np.corrcoef(low, noise)[0, 1] > 0.6, "no delay"
