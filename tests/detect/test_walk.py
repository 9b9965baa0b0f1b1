"""Which files a scan takes."""

from __future__ import annotations

from pathlib import Path

from earwitness.detect.walk import expand


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(folder: Path, *paths: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in expand(paths or (folder,))]


def test_folders_are_walked_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.wav", "a.MP3", "notes.txt", "z/c.flac", "z/y/d.mkv", "m/e.opus")
    assert names(tmp_path) == ["a.MP3", "b.wav", "m/e.opus", "z/c.flac", "z/y/d.mkv"]


def test_a_named_file_is_always_tried(tmp_path: Path) -> None:
    make(tmp_path, "voice.bin")
    assert names(tmp_path, tmp_path / "voice.bin", tmp_path / "missing") == ["voice.bin", "missing"]
    assert names(tmp_path) == []


def test_loops_of_links_end(tmp_path: Path) -> None:
    make(tmp_path, "in/a.wav")
    (tmp_path / "in" / "back").symlink_to(tmp_path)
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in" / "self")
    (tmp_path / "in" / "loop.wav").symlink_to(tmp_path / "in" / "loop.wav")
    assert names(tmp_path) == ["in/a.wav", "in/loop.wav"]


def test_a_link_to_another_folder_is_followed_once(tmp_path: Path) -> None:
    make(tmp_path, "far/a.wav", "near/b.wav")
    (tmp_path / "near" / "1").symlink_to(tmp_path / "far")
    (tmp_path / "near" / "2").symlink_to(tmp_path / "far")
    assert [path.name for path in expand([tmp_path / "near"])] == ["b.wav", "a.wav"]


def test_a_folder_with_a_suffix_is_a_folder(tmp_path: Path) -> None:
    make(tmp_path, "show.wav/a.wav")
    assert names(tmp_path) == ["show.wav/a.wav"]
