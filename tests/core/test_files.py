"""Files appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from earwitness.core.files import replacing, sha256
from hypothesis import given
from hypothesis import strategies as st


def test_the_file_appears_at_the_end_with_its_suffix_in_a_new_folder(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.onnx"
    with replacing(target) as temporary:
        assert (temporary.parent, temporary.suffix) == (target.parent, ".onnx")
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyError), replacing(target) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.txt"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_permissions_are_kept_or_those_of_any_new_file(tmp_path: Path) -> None:
    old, new, plain = tmp_path / "old", tmp_path / "new", tmp_path / "plain"
    old.touch()
    old.chmod(0o640)
    plain.touch()
    for target in (old, new):
        with replacing(target) as temporary:
            temporary.write_text("x")
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("name", ["a b.txt", "한국어", "two\nlines.x", os.fsdecode(b"\xff.txt"), "x" * 200 + ".txt"])
def test_names_do_not_matter(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name) as temporary:
        temporary.write_text("x")
    assert os.listdir(tmp_path) == [name]


@given(data=st.binary(max_size=200), times=st.sampled_from([0, 1, 5000]))
def test_digest_is_that_of_the_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, times: int) -> None:
    path = tmp_path_factory.getbasetemp() / "digest"
    path.write_bytes(data * times)
    assert sha256(path) == hashlib.sha256(data * times).hexdigest()
