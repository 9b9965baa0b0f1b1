from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from earwitness.codecs.generate.consent import short
from earwitness.codecs.generate.modes import Mode
from earwitness.core import recipe as recipes
from earwitness.core import weights
from earwitness.core.audio import Audio, load
from earwitness.core.errors import AudioError, DataError, InputError, RecipeError, WeightsError
from earwitness.core.files import sha256
from earwitness.core.weights import Card
from earwitness.datasets import manifest
from earwitness.datasets.build import Built, build
from earwitness.datasets.manifest import Clip
from earwitness.datasets.recipe import BuildRecipe

from .test_build import contents, open_toy
from .test_spoken import retold

RATE, HOP = 16_000, 200
TABLE: dict[str, Any] = {
    "name": "generated",
    "seed": 5,
    "audit": "report",
    "select": {"min_seconds": 0.5},
    "fakes": {"purpose": "a test"},
}


@dataclass(frozen=True)
class Part:
    audio: Audio
    start: float
    end: float


@dataclass(frozen=True)
class Hummer:
    """Hums where it should speak; `dumb` texts it cannot."""

    dumb: str = "hard"

    def _hum(self, count: int, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        time, pitch = np.arange(count) / RATE, 100 + seed % 100
        swell = np.sin(2 * np.pi * 2.5 * time) ** 2
        return (0.1 * swell * sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 9))).astype(np.float32)

    def speak(self, text: str, prompt: Audio, seed: int) -> Audio:
        if self.dumb in text:
            raise AudioError("The toy is tongue-tied.")
        return Audio(self._hum(24_000, seed)[None], RATE)

    def infill(self, audio: Audio, text: str, seed: int) -> Part:
        return Part(Audio(self._hum(audio.samples.shape[1], seed)[None], RATE), 3 * HOP / RATE, 30 * HOP / RATE)

    def resample(self, audio: Audio, text: str, seed: int) -> Part:
        return Part(Audio(self._hum(audio.samples.shape[1], seed)[None], RATE), 0.0, audio.seconds)

    def go_on(self, audio: Audio, seconds: float, seed: int) -> Part:
        count = audio.samples.shape[1] // HOP * HOP
        whole = self._hum(count + round(seconds * RATE), seed)
        return Part(Audio(whole[None], RATE), count / RATE, whole.size / RATE)


def hummer(name: str) -> Hummer:
    return Hummer()


class Marker:
    """Marks by adding what no other does: the least bit."""

    key_id = "toykey"

    def __call__(self, audio: Audio, handle: int, strength: float | None) -> Audio:
        return Audio(audio.samples + np.float32(2**-15), audio.rate)


def card_in(folder: Path, model: str, clips: list[str]) -> None:
    """A folder as of a training: the card of a generator that heard these clips."""
    folder.mkdir(parents=True)
    (folder / "w.safetensors").write_bytes(b"weights")
    (folder / "clips.txt").write_text("".join(f"{short(clip)}\n" for clip in clips))
    settings = {"model": model, "arguments": {}, "hours": 1.0, "parameters": 1}
    card = Card(name=folder.name, kind="generator", folder=folder, licence="Apache-2.0", settings=settings)
    weights.write_card(card, {"safetensors": folder / "w.safetensors", "clips": folder / "clips.txt"})


@pytest.fixture
def told(corpus: Path, say: Any) -> Path:
    """The corpus with longer clips and texts, half of it under a licence of its own."""
    for number in range(24):
        samples = say(number, 2.5 + 0.1 * (number % 5))
        soundfile.write(corpus / "speech" / f"clip {number}.flac", samples, RATE, subtype="PCM_16")
    retold(corpus, "seconds", lambda number: str(2.5 + 0.1 * (number % 5)))
    retold(corpus, "text", lambda number: f"house number {number}")
    retold(corpus, "licence", lambda number: "CC0-1.0" if number < 12 else "ask-us")
    return corpus


@pytest.fixture
def trained(told: Path, tmp_path: Path) -> Path:
    """Where folders of trainings lie: of models that heard the first eight clips."""
    heard = [sha256(told / "speech" / f"clip {number}.flac") for number in range(8)]
    card_in(tmp_path / "runs" / "valler", "valler", heard)
    card_in(tmp_path / "runs" / "audiolm", "audiolm", heard)
    card_in(tmp_path / "runs" / "matcha", "matcha", heard)
    return tmp_path / "runs"


def entry(mode: Mode, name: str = "valler", **more: Any) -> dict[str, Any]:
    return {"name": name, "mode": mode, **more}


def recipe(*entries: dict[str, Any], **changes: Any) -> BuildRecipe:
    table = recipes.merge(TABLE, {"fakes": {"generators": list(entries)}})
    return recipes.check(recipes.merge(table, changes), BuildRecipe, "generated.toml")


def by_mode(built: Built) -> dict[str, list[Clip]]:
    found: dict[str, list[Clip]] = {}
    for clip in built.clips:
        if clip.label == "spoof":
            found.setdefault(clip.system, []).append(clip)
    return found


EVERY = (entry("speak"), entry("infill"), entry("resample"), entry("continue", "audiolm"))


@pytest.fixture
def built(told: Path, trained: Path, tmp_path: Path) -> Built:
    options: dict[str, Any] = {"checkpoint_dir": trained, "open_generator": hummer}
    return build(recipe(*EVERY), [told], tmp_path / "out", **options)


def test_each_mode_has_its_label_and_its_provenance(built: Built, told: Path, trained: Path) -> None:
    manifest.check(built.clips)
    assert built.clips == tuple(manifest.read(built.folder / "manifest.parquet"))
    found = by_mode(built)
    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys(
        ("valler/speak", "valler/infill", "valler/resample", "audiolm/continue"), 8
    ), "of the eight clips that the models heard"
    originals = {sha256(told / "speech" / f"clip {n}.flac"): f"s{n // 2}" for n in range(24)}
    twins = {clip.path: clip for clip in built.clips if clip.label == "bonafide"}
    weights_digest = sha256(trained / "valler" / "w.safetensors")
    for fake in (clip for rows in found.values() for clip in rows):
        twin = twins[fake.source]
        assert (fake.speaker, fake.split, fake.text) == (twin.speaker, twin.split, twin.text)
        assert fake.method == fake.system.partition("/")[2] and fake.checkpoint == weights_digest[:16]
        assert fake.consent == "training manifest" and originals[fake.prompt] == fake.speaker
        assert fake.watermark == "off: a test" and not fake.marked and not twin.watermark
        assert fake.neural_codec and not twin.neural_codec and not twin.prompt and not twin.consent
        assert fake.seconds == twin.seconds and fake.rate == twin.rate == RATE
    own = [clip for clip in found["valler/speak"] if clip.prompt == twins[clip.source].sha256]
    assert not own, "the voice is that of another clip of the speaker"
    assert built.left_out["valler/speak: no consent for the voice"] == 16


def test_outside_its_span_a_partial_fake_is_its_twin(built: Built) -> None:
    found = by_mode(built)
    for fake in (*found["valler/infill"], *found["audiolm/continue"]):
        one, twin = (soundfile.read(path, dtype="int16")[0] for path in (fake.path, fake.source))
        ((start, end),) = fake.spans
        first, last = round(start * RATE), round(end * RATE)
        outside = np.r_[0:first, last : one.size]
        assert np.array_equal(one[outside], twin[outside])
        assert np.abs(one[first:last].astype(int) - twin[first:last]).max() > 100
    assert {clip.spans for clip in found["valler/infill"]} == {((0.0375, 0.375),)}
    assert all(clip.spans == () for name in ("speak", "resample") for clip in found[f"valler/{name}"])


def test_what_is_spoken_anew_is_cut_and_levelled_like_its_twin(built: Built) -> None:
    for name in ("speak", "resample"):
        for fake in by_mode(built)[f"valler/{name}"]:
            one, twin = (load(path).samples for path in (fake.path, fake.source))
            assert one.shape == twin.shape and float(np.std(one)) == pytest.approx(float(np.std(twin)), rel=0.02)


def test_the_card_tells_of_generators(built: Built) -> None:
    card = (built.folder / "README.md").read_text()
    assert "| valler/infill | 8 |" in card and "Apache-2.0 | training manifest (8) | off: a test | CC0-1.0 |" in card
    assert "Left out: 16 of the clips, valler/speak: no consent for the voice." in card


def test_an_interrupted_build_goes_on_and_the_same_recipe_gives_the_same(
    built: Built, told: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"checkpoint_dir": trained, "open_generator": hummer}
    assert build(recipe(*EVERY), [told], built.folder, **options).report is None, "it is there already"

    def stop(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("generate", 7):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(recipe(*EVERY), [told], tmp_path / "again", progress=stop, **options)
    seen: list[int] = []

    def note(stage: str, done: int, total: int) -> None:
        seen.append(done if stage == "generate" else 0)

    again = build(recipe(*EVERY), [told], tmp_path / "again", progress=note, **options)
    assert contents(again.folder) == contents(built.folder)
    assert min(filter(None, seen)) == 8, "what was made is kept"
    # Worker processes find the hummer by its module's name, and pytest put no path there for it.
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parents[2])])
    pooled = build(recipe(*EVERY), [told], tmp_path / "pool", engine="pool", workers=2, **options)
    assert contents(pooled.folder) == contents(built.folder)
    card_in(tmp_path / "other" / "valler", "valler", [])
    with pytest.raises(DataError, match="no consent for the voice"):
        build(recipe(entry("infill")), [told], tmp_path / "x", **(options | {"checkpoint_dir": tmp_path / "other"}))


def consented(told: Path, trained: Path, out: Path, **consent: Any) -> Built:
    one = recipe(entry("infill"), fakes={"consents": [{"file": str(out.parent / "consent.toml"), **consent}]})
    return build(one, [told], out, checkpoint_dir=trained, open_generator=hummer)


def test_consents_open_the_voices_that_they_cover_and_no_others(told: Path, trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "consent.toml"
    file.write_text('who = "Ada Example"\nbasis = "licence"\ndate = 2026-11-30\n')
    done = consented(told, trained, tmp_path / "licence", licences=["CC0-1.0"])
    by = Counter(clip.consent for clip in done.clips if clip.prompt)
    assert by == {"training manifest": 8, f"licence {sha256(file)[:16]}": 4}
    assert done.left_out == {"valler/infill: no consent for the voice": 12}
    texts = [path.read_text() for path in done.folder.iterdir() if path.suffix in (".jsonl", ".md", ".toml")]
    assert not any("Ada" in text for text in texts), "digest and basis are told, not the name"
    done = consented(told, trained, tmp_path / "by-corpus", corpora=["small"])
    assert len([clip for clip in done.clips if clip.prompt]) == 8 + 8
    file.write_text('basis = "licence"\ndate = 2026-11-30\n')
    with pytest.raises(InputError, match="does not say 'who'"):
        consented(told, trained, tmp_path / "nameless", corpora=["small"])
    with pytest.raises(RecipeError, match="corpora or licences"):
        consented(told, trained, tmp_path / "nobody")
    assert not list(tmp_path.glob("nameless*")) and not list(tmp_path.glob("nobody*"))


def test_a_manifest_cannot_claim_the_digest_of_a_trained_voice(told: Path, trained: Path, tmp_path: Path) -> None:
    heard = sha256(told / "speech" / "clip 0.flac")
    retold(told, "sha256", lambda number: f"{heard[:-2]}{number:02d}")
    done = build(recipe(entry("infill")), [told], tmp_path / "out", checkpoint_dir=trained, open_generator=hummer)
    assert len([clip for clip in done.clips if clip.prompt]) == 8


def test_clips_in_other_languages_or_without_a_text_are_left_alone(told: Path, trained: Path, tmp_path: Path) -> None:
    retold(told, "text", lambda number: "" if number == 0 else "hard words" if number == 1 else "house")
    retold(told, "language", lambda number: "de" if number == 2 else "en")
    heard: list[tuple[str, str]] = []

    def tell(path: Path, reason: str) -> None:
        heard.append((path.name, reason))

    options: dict[str, Any] = {"checkpoint_dir": trained, "open_generator": hummer, "on_error": tell}
    done = build(recipe(entry("speak")), [told], tmp_path / "out", **options)
    assert done.left_out == {
        "valler/speak: no English text": 2,
        "valler/speak: no consent for the voice": 16,
        "valler/speak: failed": 1,
    }
    assert len([clip for clip in done.clips if clip.prompt]) == 5
    assert ("clip 1.flac", "valler/speak failed: The toy is tongue-tied.") in heard
    assert any("needs a consent" in reason and "one of 16 such clips" in reason for _, reason in heard)
    retold(told, "text", lambda number: "hard words")
    with pytest.raises(DataError, match="'valler/speak' failed on all"):
        build(recipe(entry("speak")), [told], tmp_path / "none", **options)


def test_share_and_number_of_takes(told: Path, trained: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"checkpoint_dir": trained, "open_generator": hummer}
    some = recipe(entry("infill", share=0.5, per_clip=2))
    done = build(some, [told], tmp_path / "out", **options)
    sources = Counter(clip.source for clip in done.clips if clip.prompt)
    assert 1 <= len(sources) < 8 and set(sources.values()) == {2}
    assert len({clip.sha256 for clip in done.clips}) == len(done.clips), "another seed is another fake"


def test_beside_systems_a_clip_has_one_whole_twin(told: Path, trained: Path, tmp_path: Path) -> None:
    both = recipe(entry("resample"), fakes={"systems": [{"name": "steps", "kbps": [2.0]}]})
    done = build(both, [told], tmp_path / "out", checkpoint_dir=trained, open_codec=open_toy, open_generator=hummer)
    assert Counter(clip.system for clip in done.clips) == {"": 24, "steps": 24, "valler/resample": 8}


def test_without_a_purpose_generated_speech_and_its_twins_are_marked(
    told: Path, trained: Path, tmp_path: Path
) -> None:
    plain = recipe(entry("infill"), entry("speak"), fakes={"purpose": ""})
    with pytest.raises(RecipeError, match="state no purpose"):
        build(plain, [told], tmp_path / "out", checkpoint_dir=trained, open_generator=hummer)
    done = build(plain, [told], tmp_path / "out", checkpoint_dir=trained, open_generator=hummer, marker=Marker())
    assert len(done.clips) == 4 * 8 and all(clip.marked for clip in done.clips)
    twins = {clip.path for clip in done.clips if clip.label == "bonafide"}
    assert {clip.source for clip in done.clips if clip.prompt} == twins
    assert {clip.source for clip in done.clips if not clip.prompt} == {""}
    assert done.report is not None and done.report.cues["watermark"] == 0.5


@pytest.mark.parametrize(
    ("one", "error", "words"),
    [
        (entry("infill", "matcha"), RecipeError, "'matcha' has no mode 'infill'; it has: speak"),
        (entry("continue"), RecipeError, "'valler' has no mode 'continue'"),
        (entry("speak", "parrot"), RecipeError, "no generator 'parrot'"),
        (entry("speak", "valle"), WeightsError, "'valle' is untrained"),
    ],
)
def test_wrong_generators_are_named_before_any_work(
    told: Path, trained: Path, tmp_path: Path, one: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        build(recipe(one), [told], tmp_path / "out", checkpoint_dir=trained, open_generator=hummer)
    assert not list(tmp_path.glob("out*"))


def test_recipes_without_generators_keep_their_identity() -> None:
    table: dict[str, Any] = {"name": "old", "fakes": {"systems": [{"name": "steps"}]}}
    old = recipes.check(table, BuildRecipe, "old.toml").text()
    assert not any(word in old for word in ("generators", "consents", "purpose"))
    assert "generators" in recipe(entry("speak")).text()
