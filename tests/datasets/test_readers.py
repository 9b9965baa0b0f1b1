from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from earwitness.core.errors import DataError
from earwitness.datasets import manifest
from earwitness.datasets.readers import hashed_split, read_folder, read_folders


def test_a_manifest_csv_is_believed(corpus: Path) -> None:
    clips = read_folder(corpus)
    assert len(clips) == 25
    first = clips[0]
    assert (first.path, first.speaker, first.text) == (str(corpus / "speech/clip 0.flac"), "s0", "a, b")
    assert (first.seconds, first.rate, first.label, first.kind) == (1.0, 16000, "bonafide", "speech")


def test_a_missing_file_is_reported_and_left_out(corpus: Path) -> None:
    (corpus / "speech/clip 3.flac").unlink()
    reported: list[tuple[Path, str]] = []
    clips = read_folder(corpus, on_error=lambda path, reason: reported.append((path, reason)))
    assert len(clips) == 24
    assert [path.name for path, _ in reported] == ["clip 3.flac"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("speaker,", "spaeker,", "'spaeker'; did you mean 'speaker'"), ("dev,1", "devel,1", "did you mean 'dev'")],
)
def test_a_broken_manifest_csv_is_named(corpus: Path, old: str, new: str, words: str) -> None:
    table = corpus / "manifest.csv"
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(DataError) as error:
        read_folder(corpus)
    assert words in str(error.value)


def test_our_own_manifest_is_read(corpus: Path) -> None:
    clips = [replace(clip, language="de") for clip in read_folder(corpus)]
    manifest.write(corpus / "manifest.jsonl", clips)
    assert read_folder(corpus) == clips


def test_a_plain_folder(tmp_path: Path, say: object) -> None:
    root = tmp_path / "voices"
    for name in ["anna/1.wav", "anna/deep/2.flac", "ben.wav", ".hidden/3.wav"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, say(len(name), 1.0), 16000)  # type: ignore[operator]
    (root / "anna/text.wav").write_text("not sound")
    (root / "notes.txt").write_text("not sound, and nobody asked")
    os.mkfifo(root / "pipe.wav")
    os.symlink(root, root / "anna/loop")
    os.symlink(root / "nowhere.wav", root / "broken.wav")
    reported: list[tuple[Path, str]] = []
    clips = read_folder(root, on_error=lambda path, reason: reported.append((path, reason)))
    assert [(Path(c.path).name, c.speaker) for c in clips] == [
        ("ben.wav", "ben"),
        ("1.wav", "anna"),
        ("2.flac", "deep"),
    ]
    assert {(clip.corpus, clip.seconds, clip.rate, len(clip.sha256)) for clip in clips} == {
        ("voices", 1.0, 16000, 64)
    }
    assert [path.name for path, _ in reported] == ["text.wav"]
    assert reported[0][1]


def test_names_that_are_no_text(tmp_path: Path, say: object) -> None:
    root = tmp_path / "plain"
    for folder in (os.fsdecode(b"caf\xe9"), "new\nline \x1b[31m", "목소리"):
        (root / folder).mkdir(parents=True)
        soundfile.write(tmp_path / "a.wav", say(len(folder), 1.0), 16000)  # type: ignore[operator]
        os.rename(tmp_path / "a.wav", root / folder / "a.wav")
    clips = read_folder(root)
    assert {clip.speaker for clip in clips} == {"caf\\xe9", "new\nline \x1b[31m", "목소리"}
    manifest.write(tmp_path / "m.jsonl", clips)
    assert manifest.read(tmp_path / "m.jsonl") == clips
    assert len((tmp_path / "m.jsonl").read_text().splitlines()) == 3
    assert len(manifest.digest([replace(clip, sha256="") for clip in clips])) == 64
    with pytest.raises(DataError, match="not UTF-8"):
        manifest.write(tmp_path / "m.parquet", clips)


def test_speakers_are_split_by_their_name() -> None:
    splits = [hashed_split(f"speaker {i}") for i in range(2000)]
    assert splits == [hashed_split(f"speaker {i}") for i in range(2000)]
    assert [round(splits.count(s) / 2000, 1) for s in ("train", "dev", "test")] == pytest.approx(
        [0.9, 0.05, 0.05], abs=0.051
    )
    assert all(splits.count(s) > 50 for s in ("dev", "test"))


def test_folders_without_sound(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no folder"):
        read_folder(tmp_path / "gone")
    with pytest.raises(DataError, match="No usable sound"):
        read_folder(tmp_path)


def test_merged_folders_keep_speakers_together(corpus: Path, tmp_path: Path, say: object) -> None:
    plain = tmp_path / "plain"
    known = next(clip for clip in read_folder(corpus) if clip.split == "dev")
    (plain / known.speaker).mkdir(parents=True)
    soundfile.write(plain / known.speaker / "new.wav", say(99), 16000)  # type: ignore[operator]
    clips = read_folders([corpus, plain, plain])
    assert len(clips) == 26, "the file that is met twice counts once"
    assert clips[-1].split == "dev"


def test_merging_refuses_a_speaker_in_two_splits(corpus: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    moved = [replace(clip, split="test") for clip in read_folder(corpus) if clip.speaker == "s0"]
    moved = [replace(clip, path=clip.path + "2") for clip in moved]
    for clip in moved:
        Path(clip.path).touch()
    manifest.write(other / "manifest.jsonl", moved)
    with pytest.raises(DataError, match="Speaker 's0' is in two splits, train and test"):
        read_folders([corpus, other])
