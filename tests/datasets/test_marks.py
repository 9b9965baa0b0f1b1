"""Marked twins: the same share of genuine clips and fakes, reproducible, and seen by the audit when they are not."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from earwitness.api.marker import DatasetMarker
from earwitness.core import recipe as recipes
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError, RecipeError
from earwitness.datasets import manifest
from earwitness.datasets.audit import LeakError, audit
from earwitness.datasets.build import build
from earwitness.datasets.manifest import Clip
from earwitness.datasets.recipe import BuildRecipe
from earwitness.watermark import verify
from earwitness.watermark.key import Key, generate
from earwitness.watermark.key_file import write_key

TABLE: dict[str, Any] = {
    "name": "toy",
    "seed": 3,
    "select": {"min_seconds": 0.5},
    "fakes": {"per_clip": 1, "systems": [{"name": "steps", "kbps": [2.0]}, {"name": "other", "kbps": [4.0]}]},
}


class Steps:
    """A toy system with wide quantiser steps."""

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        return Audio.of(np.round(audio.samples * 200 * (kbps or 1)) / (200 * (kbps or 1)), audio.rate)


def open_toy(name: str, checkpoint: str) -> Steps:
    return Steps()


def recipe(**changes: Any) -> BuildRecipe:
    return recipes.check(recipes.merge(TABLE, changes), BuildRecipe, "toy.toml")


def contents(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@dataclass(frozen=True)
class Toy:
    """A marker that adds a quiet tone which depends on the handle."""

    key_id: str = "0123456789abcdef"

    def __call__(self, audio: Audio, handle: int, strength: float | None) -> Audio:
        tone = np.sin(2 * np.pi * (200 + handle % 1000) * np.arange(audio.samples.shape[1]) / audio.rate)
        return Audio(audio.samples + np.float32(0.001 * (strength or 1)) * tone.astype(np.float32)[None], audio.rate)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_marked_twins_are_the_same_share_of_both_classes(corpus: Path, tmp_path: Path, share: float) -> None:
    marks = {"watermark": {"share": share, "strength": 2.0}, "fakes": {"per_clip": 2}}
    done = build(recipe(**marks), [corpus], tmp_path / "out", open_codec=open_toy, marker=Toy())
    manifest.check(done.clips)
    assert done.report is not None and done.report.cues["watermark"] == pytest.approx(0.5, abs=0.02)
    assert "| watermark | 0.5" in (done.folder / "README.md").read_text()
    marked = [clip for clip in done.clips if clip.watermark]
    labels = Counter(clip.label for clip in marked)
    assert labels == {"bonafide": 24 * share, "spoof": 48 * share}
    assert len(done.clips) == 72 + len(marked)
    by_path = {clip.path: clip for clip in done.clips}
    plain = {(clip.source or clip.path, clip.system, clip.kbps): clip for clip in done.clips if not clip.watermark}
    for clip in marked:
        twin = plain[clip.source, clip.system, clip.kbps]
        assert clip.watermark.startswith(f"{Toy().key_id}/") and len(clip.watermark) == 25
        assert (twin.label, twin.split, twin.speaker, twin.seconds) == (
            clip.label,
            clip.split,
            clip.speaker,
            clip.seconds,
        )
        assert by_path[clip.source].label == "bonafide" and not by_path[clip.source].watermark
        assert clip.sha256 != twin.sha256
    assert len({clip.watermark for clip in marked}) == len(marked)


def test_marks_need_a_marker_and_are_part_of_what_a_dataset_is(corpus: Path, tmp_path: Path) -> None:
    marks = recipe(watermark={})
    with pytest.raises(RecipeError, match="no marker"):
        build(marks, [corpus], tmp_path / "out", open_codec=open_toy)
    first = build(marks, [corpus], tmp_path / "out", open_codec=open_toy, marker=Toy())
    again = build(marks, [corpus], tmp_path / "again", open_codec=open_toy, marker=Toy())
    assert contents(again.folder) == contents(first.folder)
    for other in (marks, recipe(watermark={"share": 0.25})):
        key = Toy() if other is not marks else Toy("f" * 16)
        with pytest.raises(DataError, match="another recipe"):
            build(other, [corpus], tmp_path / "out", open_codec=open_toy, marker=key)
    plain = recipe()
    assert "watermark" not in plain.text() and "watermark" in marks.text()
    with pytest.raises(RecipeError, match="share"):
        recipe(watermark={"share": 1.5})


def test_marked_twins_are_augmented_like_their_source(corpus: Path, tmp_path: Path) -> None:
    light = {"augment": {"policy": "light", "copies": 1, "keep_clean": False}, "watermark": {"share": 1.0}}
    done = build(recipe(audit="report", **light), [corpus], tmp_path / "out", open_codec=open_toy, marker=Toy())
    chains: dict[tuple[str, int], set[str]] = {}
    for clip in done.clips:
        chains.setdefault((clip.source, clip.seed), set()).add(clip.chain)
    assert all(len(found) == 1 for found in chains.values())
    assert Counter(bool(clip.watermark) for clip in done.clips) == {True: 48, False: 48}


def test_marks_on_fakes_alone_are_a_leak(say: Callable[..., Any]) -> None:
    sound, clips = {}, []
    for number in range(40):
        for label in ("bonafide", "spoof"):
            path = f"/{number}-{label}"
            sound[path] = Audio(say(number, 1.0)[None], 16000)
            clips.append(
                Clip(path, speaker=f"s{number // 2}", label=label, watermark="k/1" if label == "spoof" else "")
            )
    report = audit(clips, sound.__getitem__)
    assert report.cues["watermark"] == 1.0
    with pytest.raises(LeakError, match="watermark"):
        report.check()
    fair = [replace(clip, watermark="k/1" if int(clip.path[1:].split("-")[0]) % 2 else "") for clip in clips]
    assert audit(fair, sound.__getitem__).cues["watermark"] == pytest.approx(0.5, abs=0.02)


def test_the_real_marker_puts_on_marks_that_its_key_finds(tmp_path: Path, speech: Callable[..., Any]) -> None:
    audio = Audio(speech(5.0, 1)[None], 16000)
    own = generate()
    write_key(tmp_path / "key", own)
    for marker in (DatasetMarker.of(None), DatasetMarker.of(tmp_path / "key")):
        marked = marker(audio, 77, None)
        assert marked.samples.shape == audio.samples.shape
        found = verify(marked.samples, 16000, marker.key, search="plain")
        assert (found.handle, found.key_id) == (77, marker.key_id)
    assert DatasetMarker.of(tmp_path / "key").key_id == own.id
    assert isinstance(DatasetMarker.of(None).key, Key) and DatasetMarker.of(None).key_id != own.id
