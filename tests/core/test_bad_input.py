"""Files that are not as they should be: one clear sentence, or what can be decoded with a warning; never a hang."""

from __future__ import annotations

import os
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from earwitness.core.audio import Audio, blocks, load, probe, save
from earwitness.core.errors import AudioError, DecodeError

RATE = 16000


def wav(path: Path, data: bytes, *, claim: int, rate: int = RATE) -> Path:
    """A 16-bit mono WAV whose header claims `claim` bytes of samples."""
    riff = struct.pack("<4sI4s", b"RIFF", min(claim + 36, 2**32 - 1), b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, (2 * rate) % 2**32, 2, 16)
    path.write_bytes(riff + form + struct.pack("<4sI", b"data", claim) + data)
    return path


@pytest.fixture
def sound(tmp_path: Path, speechlike: Callable[..., Any]) -> Path:
    """Five seconds of WAV."""
    path = tmp_path / "sound.wav"
    save(path, Audio.of(speechlike(RATE, 5.0), RATE))
    return path


def cut(path: Path, share: float) -> Path:
    """The first part of a file under another name."""
    shorter = path.with_name("cut-" + path.name)
    data = path.read_bytes()
    shorter.write_bytes(data[: int(share * len(data))])
    return shorter


def refused(path: Path | str, words: str) -> None:
    """Each way in refuses the file with one sentence that names it."""
    for call in (probe, load, lambda path: list(blocks(path))):
        with pytest.raises(DecodeError, match=words) as caught:
            call(path)
        message = str(caught.value)
        assert message.startswith(repr(str(path)))
        assert message.endswith(".")
        assert "\n" not in message


# What is no file


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "no.wav", "does not exist")
    refused(tmp_path / "no" / "no.wav", "does not exist")


def test_below_a_file(sound: Path) -> None:
    refused(sound / "x.wav", "does not exist")


def test_folder(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder")


def test_broken_link(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to(tmp_path / "gone.wav")
    refused(tmp_path / "a.wav", "link to a file that does not exist")


def test_link_loop(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to(tmp_path / "b.wav")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    refused(tmp_path / "a.wav", "leads back to itself")


def test_link_to_a_sound(tmp_path: Path, sound: Path) -> None:
    (tmp_path / "a.wav").symlink_to(sound)
    assert load(tmp_path / "a.wav").seconds == 5.0


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    refused(tmp_path / "a.wav", "is a pipe")


def test_device() -> None:
    refused("/dev/zero", "is a device")


def test_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("a.wav")
        refused("a.wav", "is a socket")


def test_impossible_names(tmp_path: Path) -> None:
    refused("a\0b.wav", "not a possible file name")
    refused(tmp_path / ("x" * 300), "too long")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_no_permission(open_folder: Path, sound: Path) -> None:
    locked, inside = open_folder / "a.wav", open_folder / "locked" / "a.wav"
    inside.parent.mkdir()
    for path in (locked, inside):
        path.write_bytes(sound.read_bytes())
    locked.chmod(0)
    inside.parent.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:  # root may read everything: look with another user's eyes
            os.seteuid(65534)
        refused(locked, "permission denied")
        refused(inside, "permission denied")
    finally:
        os.seteuid(user)
        inside.parent.chmod(0o755)


# What is no sound


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.wav", b"", "is empty"),
        ("text.wav", b"This is a text, not a sound.\n" * 2000, "not a sound file"),
        ("short.wav", b"hello", "not a sound file"),
        ("text.mp3", b"This is a text, not a sound.\n" * 2000, "not a sound file"),
        ("zeros.wav", bytes(100_000), "not a sound file"),
        ("noise.flac", np.random.default_rng(0).bytes(100_000), "not a sound file"),
        ("riff.wav", b"RIFF\x00\x00\x00\x00WAVE", "not a sound file"),
        ("flac.flac", b"fLaC" + bytes(50), "not a sound file"),
        ("page.mp4", b"<!doctype html><title>404</title>", "not a sound file"),
    ],
)
def test_not_a_sound(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, words)
    assert capfd.readouterr().err == ""


def test_video_without_sound(tmp_path: Path, encode: Callable[..., Path]) -> None:
    refused(encode(tmp_path / "a.mp4", "aac", RATE, video=True), "no audio track")


def test_impossible_rate(tmp_path: Path) -> None:
    refused(wav(tmp_path / "a.wav", bytes(2000), claim=2000, rate=3), "impossible sampling rate of 3 Hz")
    refused(wav(tmp_path / "b.wav", bytes(2000), claim=2000, rate=2**31 - 1), "impossible sampling rate")


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile 'sound.wav'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:5.0,\nsound.ts\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    ],
    ids=["ffconcat", "m3u8", "sdp"],
)
def test_playlists_do_not_read_other_files(
    tmp_path: Path, sound: Path, monkeypatch: pytest.MonkeyPatch, encode: Callable[..., Path], playlist: str
) -> None:
    encode(tmp_path / "sound.ts", "aac", RATE, load(sound).samples[0])
    monkeypatch.chdir(tmp_path)
    Path("list.m3u8").write_text(playlist)
    refused("list.m3u8", "not a sound file")


# Names


@pytest.mark.parametrize(
    "name",
    [
        "a b.wav",
        'it\'s "quoted".wav',
        "two\nlines.wav",
        "한국어 음성.wav",
        "-y.wav",
        "http:x.wav",
        "pipe:0",
        "concat:a|b",
        "data:,x",
        "%03d.wav",
        "=cmd|calc.wav",
        "\x1b[31mred.wav",
        os.fsdecode(b"\xff\xfe.wav"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".m4a"])
def test_any_name_is_only_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sound: Path, encode: Callable[..., Path], name: str, suffix: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if suffix:
        os.rename(encode(tmp_path / "x.m4a", "aac", RATE, load(sound).samples[0]), name + suffix)
    else:
        os.rename(sound, name)
    assert load(name + suffix).seconds == 5.0
    with pytest.raises(DecodeError) as caught:
        load("no" + name)
    assert str(caught.value).isprintable()


# Broken, but not without sound


def read(path: Path) -> tuple[Audio, str]:
    """What comes out of a file, the same by `load` and by `blocks`, and its warnings as one text."""
    warnings: list[str] = []
    audio = load(path, warnings=warnings)
    again: list[str] = []
    parts = [np.zeros((audio.channels, 0), np.float32), *blocks(path, block_seconds=0.7, warnings=again)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), audio.samples)
    assert again == warnings
    return audio, " ".join(warnings)


def test_truncated_wav(sound: Path) -> None:
    audio, warnings = read(cut(sound, 0.6))
    assert abs(audio.seconds - 3.0) < 0.01
    assert "cut short" in warnings
    assert "cut short" in " ".join(probe(cut(sound, 0.6)).warnings)


def test_truncated_flac(tmp_path: Path, sound: Path) -> None:
    whole = load(sound)
    save(tmp_path / "a.flac", whole)
    audio, warnings = read(cut(tmp_path / "a.flac", 0.6))
    assert 2.5 < audio.seconds < 3.2
    np.testing.assert_array_equal(audio.samples, whole.samples[:, : audio.samples.shape[1]])
    assert "cut short" in warnings


@pytest.mark.parametrize(
    ("name", "codec", "how"),
    [
        ("a.mp3", "libmp3lame", {}),
        ("a.mp4", "aac", {"options": {"movflags": "faststart"}}),
        ("b.mp4", "aac", {"options": {"movflags": "faststart"}, "video": True}),
        ("a.mkv", "aac", {"video": True}),
        ("a.opus", "libopus", {"container": "ogg"}),
    ],
)
def test_truncated_and_compressed(
    tmp_path: Path,
    sound: Path,
    encode: Callable[..., Path],
    capfd: pytest.CaptureFixture[str],
    name: str,
    codec: str,
    how: dict[str, Any],
) -> None:
    audio, warnings = read(cut(encode(tmp_path / name, codec, RATE, load(sound).samples[0], **how), 0.6))
    assert 1.5 < audio.seconds < 4.0
    assert "cut short" in warnings
    assert capfd.readouterr().err == ""


def test_mp4_cut_before_its_index(tmp_path: Path, sound: Path, encode: Callable[..., Path]) -> None:
    refused(cut(encode(tmp_path / "a.mp4", "aac", RATE, load(sound).samples[0]), 0.6), "not a sound file")


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.m4a"])
def test_damage_in_the_middle_costs_only_the_middle(
    tmp_path: Path, sound: Path, encode: Callable[..., Path], name: str
) -> None:
    path, whole = tmp_path / name, load(sound)
    if name.endswith("m4a"):
        encode(path, "aac", RATE, whole.samples[0])
    else:
        save(path, whole)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 600] = np.random.default_rng(0).bytes(600)
    path.write_bytes(data)
    audio, warnings = read(path)
    assert 4.0 < audio.seconds < 5.2
    start = load(sound).samples[0, :RATE]
    assert float(np.corrcoef(start, audio.samples[0, :RATE])[0, 1]) > 0.8
    assert np.abs(audio.samples[:, -RATE:]).max() > 0.01  # behind the damage there is sound again
    assert warnings or name == "a.ogg"  # Ogg leaves a page out as if nothing had been


@pytest.mark.parametrize(("name", "rate"), [("a.flac", 44100), ("a.ogg", 44100), ("a.opus", 16000), ("a.mp3", 44100)])
def test_recordings_one_behind_the_other_are_all_heard(
    tmp_path: Path, speechlike: Callable[..., Any], name: str, rate: int
) -> None:
    parts = [speechlike(rate, 2.0, 1), speechlike(rate, 1.5, 2)]
    content = b""
    for part in parts:
        save(tmp_path / name, Audio.of(part, rate))
        content += (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content)
    audio, warnings = read(tmp_path / name)
    assert abs(audio.seconds - 3.5) < 0.2
    assert np.abs(audio.samples[0, -rate:]).max() > 0.05
    assert "one behind the other" in warnings or name == "a.mp3"  # an MP3 is a row of frames anyway


@pytest.mark.parametrize("claim", [2**31, 2**31 + 2, 3_000_000])
def test_header_that_claims_more_than_there_is(tmp_path: Path, claim: int) -> None:
    audio, warnings = read(wav(tmp_path / "a.wav", b"\x00\x10" * RATE, claim=claim))
    assert audio.seconds == 1.0
    assert str(claim) in warnings


@pytest.mark.parametrize("claim", [0xFFFFFFFF, 0])
def test_length_left_open_by_a_recorder(tmp_path: Path, claim: int) -> None:
    audio, warnings = read(wav(tmp_path / "a.wav", b"\x00\x10" * RATE, claim=claim))
    assert audio.seconds == 1.0
    assert warnings == ""


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_samples(tmp_path: Path, count: int) -> None:
    path = wav(tmp_path / "a.wav", b"\x00\x10" * count, claim=2 * count)
    assert read(path)[0].samples.shape == (1, count)
    assert load(path, rate=8000).samples.shape[1] <= count
    assert len(list(blocks(path))) == count
    assert probe(path).seconds == count / RATE


def test_what_is_no_number_becomes_zero(tmp_path: Path) -> None:
    samples = np.full((2, RATE), 0.25, np.float64)
    samples[0, 5:8] = [np.nan, np.inf, -np.inf]
    samples[1, 9] = 1e300
    soundfile.write(tmp_path / "a.wav", samples.T, RATE, "DOUBLE")
    audio, warnings = read(tmp_path / "a.wav")
    assert audio.samples[0, 5:8].tolist() == [0.0, 0.0, 0.0]
    assert audio.samples[1, 9] == 0.0
    assert float(audio.samples.sum()) == 0.25 * (2 * RATE - 4)
    assert warnings.startswith("4 samples are not numbers")
    assert np.isfinite(load(tmp_path / "a.wav", rate=8000).samples).all()


def test_loud_floats_stay(tmp_path: Path) -> None:
    samples = np.array([[1.5, -2000.0, 32767.0]], np.float32)
    save(tmp_path / "a.wav", Audio(samples, RATE), "FLOAT")
    audio, warnings = read(tmp_path / "a.wav")
    np.testing.assert_array_equal(audio.samples, samples)
    assert warnings == ""


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.m4a", "a.mkv", "a.ts"])
def test_random_damage_never_surfaces_as_anything_else(
    tmp_path: Path, sound: Path, encode: Callable[..., Path], name: str
) -> None:
    path = tmp_path / name
    if path.suffix in (".m4a", ".mkv", ".ts"):
        encode(path, "aac", RATE, load(sound).samples[0])
    else:
        save(path, load(sound))
    whole, random = path.read_bytes(), np.random.default_rng(7)
    outcomes = set()
    for _ in range(40):
        data = bytearray(whole)
        for place in random.integers(0, random.choice([200, len(data)]), 8):
            data[place] = random.integers(256)
        path.write_bytes(data[: random.integers(1, len(data))] if random.random() < 0.3 else data)
        try:
            for block in blocks(path, rate=8000):
                assert np.isfinite(block).all()
            outcomes.add("sound")
        except AudioError:
            outcomes.add("sentence")
    assert "sound" in outcomes
