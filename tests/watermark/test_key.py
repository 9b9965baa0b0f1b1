"""Keys: purposes and tenants apart, files that only their owner reads, sentences for every wrong file, no leaks."""

from __future__ import annotations

import base64
import os
import pickle
import stat
from pathlib import Path

import pytest
from earwitness.core.errors import InputError, UsageError
from earwitness.watermark import key_file
from earwitness.watermark.key import Key, generate
from earwitness.watermark.key_file import read_key, write_key

KEY = Key(bytes(range(32)), 3)


@pytest.fixture(autouse=True)
def cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_file, "_COST", 2**14)


def test_generated_keys_differ_and_ids_are_16_hex_digits() -> None:
    keys = [generate() for _ in range(20)]
    assert len({key.id for key in keys}) == 20
    assert all(len(key.id) == 16 and int(key.id, 16) >= 0 for key in keys)


def test_purposes_epochs_and_tenants_give_bytes_of_their_own() -> None:
    later = Key(KEY.secret, 4)
    many = [KEY.derive("a"), KEY.derive("b"), later.derive("a"), KEY.tenant("a").secret, KEY.tenant("b").secret]
    many += [later.tenant("a").secret, KEY.tenant("a").derive("a"), KEY.secret]
    assert len(set(many)) == len(many)
    assert len({KEY.id, later.id, KEY.tenant("a").id}) == 3
    assert KEY.derive("a", 100)[:32] == KEY.derive("a")
    assert KEY.tenant("a").epoch == 3


def test_derivation_never_changes() -> None:
    # Marks in the world depend on these bytes.
    assert KEY.id == "0d70e635c99e79c9"
    assert KEY.derive("pilot", 8).hex() == "5cc840abf1b676f6"


def test_wrong_keys_are_refused() -> None:
    for make in (
        lambda: Key(b"short"),
        lambda: Key(KEY.secret, -1),
        lambda: Key(KEY.secret, 2**32),
        lambda: KEY.derive("a", 0),
        lambda: KEY.derive("a", 10_000),
        lambda: KEY.tenant(""),
    ):
        with pytest.raises(UsageError):
            make()


def secret_forms(key: Key) -> list[str]:
    return [key.secret.hex(), base64.b64encode(key.secret).decode(), str(key.secret)[2:-1], repr(key.secret)[2:20]]


def test_repr_and_str_show_no_secret() -> None:
    key = generate()
    for text in (repr(key), str(key), f"{key}", repr([key]), repr({"k": key})):
        assert key.id in text
        assert not any(form in text for form in secret_forms(key))


def test_a_key_reaches_worker_processes() -> None:
    assert pickle.loads(pickle.dumps(KEY)) == KEY


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_file_gives_its_key_back_and_is_0600(tmp_path: Path, passphrase: bytes | None) -> None:
    path = tmp_path / "k.key"
    before = os.umask(0)
    try:
        write_key(path, KEY, passphrase)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path, passphrase) == KEY
    assert [entry.name for entry in tmp_path.iterdir()] == ["k.key"]
    assert KEY.id in path.read_text()
    in_clear = any(form in path.read_text() for form in secret_forms(KEY))
    assert in_clear == (passphrase is None)


def test_0600_holds_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = os.fsync

    def look(handle: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))
        real(handle)

    monkeypatch.setattr(os, "fsync", look)
    write_key(tmp_path / "k.key", KEY)
    assert seen == [0o600]


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "k.key"
    path.write_text("precious")
    with pytest.raises(UsageError, match="exists already"):
        write_key(path, KEY)
    assert path.read_text() == "precious"
    assert [entry.name for entry in tmp_path.iterdir()] == ["k.key"]


def test_a_failing_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_key(tmp_path / "k.key", KEY)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_passphrase_and_none_and_one_too_many(tmp_path: Path) -> None:
    write_key(tmp_path / "a", KEY, b"right")
    write_key(tmp_path / "b", KEY)
    with pytest.raises(InputError, match="passphrase is not the one"):
        read_key(tmp_path / "a", b"wrong")
    with pytest.raises(InputError, match="passphrase is needed"):
        read_key(tmp_path / "a")
    with pytest.raises(UsageError, match="not encrypted"):
        read_key(tmp_path / "b", b"right")
    with pytest.raises(UsageError, match="empty"):
        write_key(tmp_path / "c", KEY, b"")


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_files_open_to_others_are_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "k.key"
    write_key(path, KEY)
    path.chmod(mode)
    with pytest.raises(InputError, match="chmod 600"):
        read_key(path)


def test_missing_foreign_and_unwritable_files_have_their_sentences(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no key file"):
        read_key(tmp_path / "none")
    for name, data in (("noise", bytes(range(256))), ("text", b"hello"), ("toml", b"a = 1\n"), ("big", b"#" * 10**6)):
        path = tmp_path / name
        path.write_bytes(data)
        path.chmod(0o600)
        with pytest.raises(InputError, match="is not a key file"):
            read_key(path)
    with pytest.raises(InputError, match="cannot be written"):
        write_key(tmp_path / "no" / "folder", KEY)


@pytest.mark.parametrize("passphrase", [None, b"right"])
def test_every_changed_character_is_noticed_and_none_leaks_the_secret(
    tmp_path: Path, passphrase: bytes | None
) -> None:
    path = tmp_path / "k.key"
    write_key(path, KEY, passphrase)
    text = path.read_text()
    start = text.index("format")
    for place in range(start, len(text), 3):
        other = "a" if text[place] != "a" else "b"
        path.write_text(text[:place] + other + text[place + 1 :])
        try:
            read = read_key(path, passphrase)
        except InputError as error:
            assert not any(form in str(error) for form in secret_forms(KEY))
            assert error.__cause__ is None
        else:
            # Only blanks between the parts may change without a loss.
            assert read == KEY


def test_a_file_of_a_newer_version_says_so(tmp_path: Path) -> None:
    path = tmp_path / "k.key"
    write_key(path, KEY)
    path.write_text(path.read_text().replace("version = 1", "version = 2"))
    with pytest.raises(InputError, match="newer"):
        read_key(path)


def test_a_hostile_cost_is_not_tried(tmp_path: Path) -> None:
    path = tmp_path / "k.key"
    fields = key_file._fields(KEY, b"right") | {"cost": 2**40}
    path.write_text(key_file._text(fields))
    path.chmod(0o600)
    with pytest.raises(InputError, match="damaged"):
        read_key(path, b"right")
