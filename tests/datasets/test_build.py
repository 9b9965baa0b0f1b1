from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from earwitness.core import recipe as recipes
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError, RecipeError
from earwitness.datasets import manifest
from earwitness.datasets.audit import LeakError
from earwitness.datasets.build import Built, build
from earwitness.datasets.pairs import beds_of
from earwitness.datasets.readers import read_folder
from earwitness.datasets.recipe import RECIPES, BuildRecipe, Select, select

TABLE: dict[str, Any] = {
    "name": "toy",
    "about": "A toy.",
    "seed": 3,
    "select": {"min_seconds": 0.5},
    "fakes": {"per_clip": 1, "systems": [{"name": "steps", "kbps": [2.0]}, {"name": "offers"}]},
}


@dataclass
class Steps:
    """A toy system with wide quantiser steps; `low` also takes away the upper half of the band."""

    kbps: tuple[float, ...] = (1.0, 4.0)
    low: bool = False

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        samples = np.round(audio.samples * 200 * (kbps or 1)) / 200 / (kbps or 1)
        if self.low:
            spectrum = np.fft.rfft(samples)
            spectrum[:, spectrum.shape[1] // 2 :] = 0
            samples = np.fft.irfft(spectrum, samples.shape[1])
        return Audio(samples.astype(np.float32), audio.rate)


def open_toy(name: str, checkpoint: str) -> Steps:
    return Steps()


def open_leaky(name: str, checkpoint: str) -> Steps:
    return Steps(low=True)


def recipe(**changes: Any) -> BuildRecipe:
    return recipes.check(recipes.merge(TABLE, changes), BuildRecipe, "toy.toml")


def contents(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.fixture
def built(corpus: Path, tmp_path: Path) -> Built:
    return build(recipe(), [corpus], tmp_path / "out", open_codec=open_toy)


def test_a_dataset_is_whole(built: Built, tmp_path: Path) -> None:
    names = {path.name for path in built.folder.iterdir()}
    assert names == {"audio", "manifest.jsonl", "manifest.parquet", "README.md", "dataset.toml"}
    assert not list(tmp_path.glob("*.partial"))
    clips = manifest.read(built.folder / "manifest.jsonl")
    assert clips == manifest.read(built.folder / "manifest.parquet") == list(built.clips)
    manifest.check(clips)
    assert Counter((clip.label, clip.split) for clip in clips) == {
        ("bonafide", "train"): 20,
        ("spoof", "train"): 20,
        ("bonafide", "dev"): 4,
        ("spoof", "dev"): 4,
    }
    assert {clip.kbps for clip in clips if clip.system == "offers"} == {1.0, 4.0}
    assert {clip.kbps for clip in clips if clip.system == "steps"} == {2.0}
    assert all(hashlib.sha256(Path(clip.path).read_bytes()).hexdigest() == clip.sha256 for clip in clips)
    genuine = {clip.path for clip in clips if clip.label == "bonafide"}
    assert all(clip.source in genuine for clip in clips if clip.label == "spoof")
    assert len(contents(built.folder / "audio")) == len(clips)


def test_the_card_tells_what_it_is(built: Built) -> None:
    card = (built.folder / "README.md").read_text()
    assert built.digest == manifest.digest(built.clips)
    for words in (
        "# toy",
        "A toy.",
        built.digest,
        "| train | bonafide |",
        "CC0-1.0",
        "| big |",
        "DC offset",
        '"seed": 3',
    ):
        assert words in card


def test_the_same_recipe_and_data_give_the_same_bytes(built: Built, corpus: Path, tmp_path: Path) -> None:
    again = build(recipe(), [corpus], tmp_path / "again", open_codec=open_toy)
    assert contents(again.folder) == contents(built.folder)


def test_what_is_there_is_kept_or_refused(built: Built, corpus: Path, tmp_path: Path) -> None:
    again = build(recipe(), [corpus], built.folder, open_codec=open_toy)
    assert (again.digest, again.report, again.clips) == (built.digest, None, built.clips)
    with pytest.raises(DataError, match="another recipe or other clips"):
        build(recipe(seed=4), [corpus], built.folder, open_codec=open_toy)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").touch()
    with pytest.raises(DataError, match="not a dataset"):
        build(recipe(), [corpus], tmp_path / "mine", open_codec=open_toy)


class Stops:
    """Dies on the 10th clip."""

    kbps = ()

    def __init__(self) -> None:
        self.calls = 0

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        self.calls += 1
        if self.calls == 10:
            raise KeyboardInterrupt
        return Steps().resynth(audio, kbps)


def test_an_interrupted_build_goes_on(built: Built, corpus: Path, tmp_path: Path) -> None:
    stops, steps = Stops(), recipe(fakes={"systems": [{"name": "steps", "kbps": [2.0]}]})
    with pytest.raises(KeyboardInterrupt):
        build(steps, [corpus], tmp_path / "slow", open_codec=lambda name, checkpoint: stops)
    assert not (tmp_path / "slow").exists()
    done = build(steps, [corpus], tmp_path / "slow", open_codec=lambda name, checkpoint: stops)
    assert stops.calls == 10 + 24 - 9
    unbroken = build(steps, [corpus], tmp_path / "fast", open_codec=open_toy)
    assert contents(done.folder) == contents(unbroken.folder)


def test_a_leak_fails_the_build_by_name(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(LeakError, match="bandwidth"):
        build(recipe(), [corpus], tmp_path / "out", open_codec=open_leaky)
    assert not (tmp_path / "out").exists()
    reported = build(recipe(audit="report"), [corpus], tmp_path / "out", open_codec=open_leaky)
    assert reported.report is not None
    assert reported.report.cues["bandwidth"] == 1
    assert (
        "| bandwidth | 0.9" in (reported.folder / "README.md").read_text() or reported.report.cues["bandwidth"] == 1
    )


def test_progress_reaches_the_end(corpus: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    build(recipe(), [corpus], tmp_path / "out", open_codec=open_toy, progress=lambda *state: seen.append(state))
    assert seen[-1] == ("fakes", 48, 48)
    assert [done for _, done, _ in seen] == list(range(1, 49))


def counts(corpus: Path, rules: Select, seed: int = 0) -> tuple[int, int]:
    chosen = select(read_folder(corpus), rules, seed)
    return len(chosen), len({clip.speaker for clip in chosen})


def test_selection(corpus: Path) -> None:
    assert counts(corpus, Select()) == (24, 12)
    assert counts(corpus, Select(splits=("dev",))) == (4, 2)
    assert counts(corpus, Select(corpora=("big",))) == (16, 8)
    assert counts(corpus, Select(leave_out=("big",))) == (8, 4)
    assert counts(corpus, Select(min_seconds=1.15))[0] < 24
    assert counts(corpus, Select(max_seconds=1.15))[0] < 24
    assert counts(corpus, Select(minutes_per_speaker=1.5 / 60)) == (12, 12)
    assert counts(corpus, Select(clips_per_split=3))[0] == 6
    assert counts(corpus, Select(corpora=("big",), clips_per_corpus=3))[0] == 3
    with pytest.raises(DataError, match="leaves no genuine speech"):
        counts(corpus, Select(languages=("ko",)))
    some = [select(read_folder(corpus), Select(clips_per_split=3), seed) for seed in (0, 0, 1)]
    assert some[0] == some[1] != some[2]


def test_wrong_recipes_are_named(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"select\.min_second.*'min_seconds'"):
        recipe(select={"min_second": 1})
    with pytest.raises(RecipeError, match="There is no recipe 'baselin'"):
        build("baselin", [corpus], tmp_path / "out", open_codec=open_toy)
    missing = recipe(fakes={"systems": [{"name": "steps", "checkpoints": ["gone.safetensors"]}]})
    with pytest.raises(RecipeError, match=r"no checkpoint .*gone\.safetensors"):
        build(missing, [corpus], tmp_path / "out", open_codec=open_toy)


def test_classical_codecs_make_no_fakes(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="'mp3' is no synthesis"):
        build(recipe(fakes={"systems": [{"name": "mp3"}]}), [corpus], tmp_path / "out")


@pytest.mark.parametrize("keep_clean", [True, False])
def test_both_members_of_a_pair_are_augmented_alike(corpus: Path, tmp_path: Path, keep_clean: bool) -> None:
    light = {"policy": "light", "copies": 2, "keep_clean": keep_clean}
    done = build(recipe(augment=light, audit="report"), [corpus], tmp_path / "out", open_codec=open_toy)
    manifest.check(done.clips)
    changed = [clip for clip in done.clips if clip.seed]
    assert len(done.clips) - len(changed) == (48 if keep_clean else 0)
    chains: dict[tuple[str, int], set[str]] = {}
    labels: dict[tuple[str, int], set[str]] = {}
    for clip in changed:
        chains.setdefault((clip.source, clip.seed), set()).add(clip.chain)
        labels.setdefault((clip.source, clip.seed), set()).add(clip.label)
    assert all(len(found) == 1 for found in chains.values())
    assert all(found == {"bonafide", "spoof"} for found in labels.values())
    assert len({chain for found in chains.values() for chain in found}) > 10
    assert any("" in found for found in chains.values()) != keep_clean, "a clean copy would be there twice"
    assert len({clip.sha256 for clip in done.clips}) == len(done.clips) or not keep_clean
    for clip in changed:
        assert soundfile.info(clip.path).frames == round(clip.seconds * 16000)


def test_beds_are_of_the_same_split(corpus: Path) -> None:
    beds = beds_of(read_folder(corpus))
    assert (len(beds["train"]), len(beds["dev"])) == (0, 0), "a bed is named by its digest, and the table has none"
    named = [replace(clip, sha256="ab" * 32) for clip in read_folder(corpus)]
    assert {split: len(found) for split, found in beds_of(named).items()} == {"train": 1, "dev": 0, "test": 0}


def test_shipped_recipes_are_valid() -> None:
    found = recipes.shipped(RECIPES)
    assert set(found) >= {"detector", "tiny"}
    for path in found.values():
        recipes.load(path, BuildRecipe)


def test_a_plain_folder_will_do(tmp_path: Path, say: Any) -> None:
    for number in range(12):
        (tmp_path / f"in/{number // 2}").mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / f"in/{number // 2}/{number}.wav", say(number, 1.0), 16000)
    done = build(recipe(audit="report"), [tmp_path / "in"], tmp_path / "out", open_codec=open_toy)
    assert len(done.clips) >= 20
