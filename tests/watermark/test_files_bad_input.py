"""Broken, hostile and hopeless input through embed and verify: a sentence, and nothing half-written."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from earwitness.core.audio import Audio, load, save
from earwitness.core.errors import AudioError, EarwitnessError, InputError, UsageError
from earwitness.watermark import Key, Records
from earwitness.watermark.embedder import LOWEST_RATE
from earwitness.watermark.files import embed_file, verify_file

from .refusals import refused

Talk = Callable[..., Audio]


def test_what_is_too_short_too_quiet_or_silent_is_refused_unless_told(
    work: Path, talk: Talk, key: Key, store: Records
) -> None:
    save(work / "short.wav", talk(0.3))
    save(work / "quiet.wav", Audio(talk(6.0).samples * np.float32(1e-4), 16000))
    save(work / "silent.wav", Audio(np.zeros((1, 96000), np.float32), 16000))
    refused(work, work / "short.wav", "out.wav", key, store, AudioError, r"0\.3 s are too short")
    refused(work, work / "quiet.wav", "out.wav", key, store, AudioError, "too quiet")
    refused(work, work / "silent.wav", "out.wav", key, store, AudioError, "too quiet")
    done = embed_file(work / "silent.wav", work / "out.wav", key, store, verify=False)
    assert done.p_value is None
    assert not load(work / "out.wav").samples.any()


def test_impossible_outputs(work: Path, talk: Talk, key: Key, store: Records) -> None:
    save(work / "a.wav", talk(6.0, 22050, 3))
    (work / "folder.wav").mkdir()
    source = work / "a.wav"
    refused(work, source, "out.txt", key, store, UsageError, "suffix '.txt'")
    refused(work, source, "out.m4a", key, store, UsageError, "suffix '.m4a'")
    refused(work, source, "out", key, store, UsageError, "suffix ''")
    refused(work, source, "folder.wav", key, store, UsageError, "is not a file")
    refused(work, source, "out.opus", key, store, AudioError, "cannot hold 3 channels at 22050 Hz")
    with pytest.raises(UsageError, match="strength"):
        embed_file(source, work / "out.wav", key, store, strength=20)
    assert sorted(os.listdir(work)) == ["a.wav", "folder.wav"]


def wav(path: Path, data: bytes, claim: int, rate: int = 16000) -> Path:
    """A 16-bit mono WAV whose header claims `claim` bytes of samples."""
    riff = struct.pack("<4sI4s", b"RIFF", min(claim + 36, 2**32 - 1), b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, (2 * rate) % 2**32, 2, 16)
    path.write_bytes(riff + form + struct.pack("<4sI", b"data", claim) + data)
    return path


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Name -> file and the words that both directions refuse it with."""
    files: dict[str, tuple[Path, str]] = {}

    def put(name: str, content: bytes, words: str) -> None:
        (folder / name).write_bytes(content)
        files[name] = folder / name, words

    put("empty.wav", b"", "is empty")
    put("text.wav", b"This is a text, not a sound.\n" * 2000, "not a sound file")
    put("text.mp3", b"This is a text, not a sound.\n" * 2000, "not a sound file")
    put("zeros.wav", bytes(100_000), "not a sound file")
    put("noise.flac", np.random.default_rng(0).bytes(100_000), "not a sound file")
    put("riff.wav", b"RIFF\x00\x00\x00\x00WAVE", "not a sound file")
    put("flac.flac", b"fLaC" + bytes(50), "not a sound file")
    put("list.m3u8", b"ffconcat version 1.0\nfile 'a.wav'\n", "not a sound file")
    files["missing"] = folder / "missing.wav", "does not exist"
    files["folder"] = folder, "is a folder"
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    files["loop"] = folder / "loop.wav", "leads back to itself"
    (folder / "gone.wav").symlink_to(folder / "nothing.wav")
    files["link"] = folder / "gone.wav", "does not exist"
    os.mkfifo(folder / "pipe.wav")
    files["pipe"] = folder / "pipe.wav", "is a pipe"
    files["device"] = Path("/dev/zero"), "is a device"
    files["rate"] = wav(folder / "rate.wav", bytes(2000), 2000, rate=3), "impossible sampling rate"
    return files


def test_what_is_no_sound_is_refused_both_ways(tmp_path: Path, work: Path, key: Key, store: Records) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    for name, (path, words) in bad_files(folder).items():
        for call in (
            lambda path: embed_file(path, work / "out.wav", key, store),
            lambda path: verify_file(path, [key], store),
        ):
            with pytest.raises(InputError, match=words) as caught:
                call(path)
            assert str(caught.value).isprintable(), name
        assert sorted(os.listdir(work)) == [], name
    assert store.newest() == []


def test_a_rate_too_low_for_a_mark(work: Path, talk: Talk, key: Key, store: Records) -> None:
    save(work / "a.wav", talk(6.0, 6000))
    refused(work, work / "a.wav", "out.wav", key, store, AudioError, str(LOWEST_RATE))
    assert verify_file(work / "a.wav", [key], store).evidence.verdict in ("no_evidence", "inconclusive")


@pytest.mark.parametrize("count", [0, 1, 300])
def test_hardly_any_samples(work: Path, key: Key, store: Records, count: int) -> None:
    path = wav(work / "a.wav", b"\x00\x10" * count, 2 * count)
    refused(work, path, "out.wav", key, store, AudioError, "no samples" if count == 0 else "not found again")
    evidence = verify_file(path, [key], store).evidence
    assert evidence.verdict == "inconclusive"
    assert evidence.p_value == 1.0


def test_what_is_broken_but_sounds_is_marked_with_a_warning(work: Path, talk: Talk, key: Key, store: Records) -> None:
    save(work / "whole.wav", talk(10.0))
    (work / "cut.wav").write_bytes((work / "whole.wav").read_bytes()[:200_000])
    done = embed_file(work / "cut.wav", work / "out.wav", key, store)
    assert "cut short" in done.warnings[0]
    assert "cut short" in verify_file(work / "cut.wav", [key]).warnings[0]
    assert done.record.seconds == pytest.approx(6.25, abs=0.01)
    assert load(work / "out.wav").samples.shape == load(work / "cut.wav").samples.shape
    nan = talk(6.0).samples.copy()
    nan[0, 100:105] = [np.nan, np.inf, -np.inf, 1e30, np.nan]
    soundfile.write(work / "nan.wav", nan.T, 16000, "FLOAT")
    done = embed_file(work / "nan.wav", work / "nan-out.wav", key, store)
    assert "5 samples are not numbers" in done.warnings[0]
    assert np.isfinite(load(work / "nan-out.wav").samples).all()
    loud = replace(talk(6.0), samples=talk(6.0).samples * np.float32(1e4))
    save(work / "loud.wav", loud, "FLOAT")
    embed_file(work / "loud.wav", work / "loud-out.wav", key, store)
    assert np.std(load(work / "loud-out.wav").samples) == pytest.approx(np.std(loud.samples), rel=0.05)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3"])
def test_random_damage_never_surfaces_as_anything_else(
    work: Path, talk: Talk, key: Key, store: Records, name: str
) -> None:
    save(work / name, talk(3.0))
    whole, random = (work / name).read_bytes(), np.random.default_rng(7)
    for _ in range(4):
        data = bytearray(whole)
        for place in random.integers(0, random.choice([200, len(data)]), 8):
            data[place] = random.integers(256)
        (work / name).write_bytes(data)
        before = sorted(os.listdir(work))
        try:
            embed_file(work / name, work / "out.wav", key, store)
        except EarwitnessError:
            assert sorted(os.listdir(work)) == before
        else:
            assert np.isfinite(load(work / "out.wav").samples).all()
            (work / "out.wav").unlink()


def test_a_video_without_sound(work: Path, key: Key, store: Records, encode: Callable[..., Path]) -> None:
    encode(work / "a.mp4", "aac", 16000, video=True)
    with av.open(str(work / "a.mp4")) as video:
        assert not video.streams.audio
    refused(work, work / "a.mp4", "out.wav", key, store, AudioError, "no audio track")
