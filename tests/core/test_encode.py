"""Writing block by block: the same file as at once, counted clipping, and what each format keeps."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from earwitness.core import encode as encoding
from earwitness.core.audio import Audio, Writer, load, probe, save, subtype_like
from earwitness.core.errors import AudioError, StorageError, UsageError


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", None),
        ("a.wav", "FLOAT"),
        ("a.wav", "PCM_U8"),
        ("a.flac", "PCM_24"),
        ("a.aiff", None),
        ("a.w64", None),
        ("a.ogg", None),
        ("a.opus", None),
        ("a.mp3", None),
    ],
)
def test_blocks_give_the_same_file_as_the_whole(
    tmp_path: Path, speechlike: Callable[..., Any], name: str, subtype: str | None
) -> None:
    audio = Audio(np.stack([speechlike(16000, 3.0, 1), speechlike(16000, 3.0, 2)]), 16000)
    save(tmp_path / f"whole-{name}", audio, subtype)
    with Writer(tmp_path / name, 16000, 2, subtype) as file:
        for start in range(0, audio.samples.shape[1], 7001):
            file.write(audio.samples[:, start : start + 7001])
    np.testing.assert_array_equal(load(tmp_path / name).samples, load(tmp_path / f"whole-{name}").samples)
    assert probe(tmp_path / name).codec == probe(tmp_path / f"whole-{name}").codec


@pytest.mark.parametrize(("subtype", "clipped"), [("PCM_16", 3), ("PCM_U8", 3), ("PCM_24", 3), ("FLOAT", 0)])
def test_clipping_is_counted(tmp_path: Path, subtype: str, clipped: int) -> None:
    samples = np.array([[0.0, 1.5, -1.0, -1.2, 0.5, 1.1, 0.9]], np.float32)
    with Writer(tmp_path / "a.wav", 8000, 1, subtype) as file:
        file.write(samples[:, :3])
        file.write(samples[:, 3:])
    assert file.clipped == clipped
    assert np.abs(load(tmp_path / "a.wav").samples).max() <= (1.5 if subtype == "FLOAT" else 1.0)


def test_lossy_formats_count_clipping_too(tmp_path: Path) -> None:
    with Writer(tmp_path / "a.ogg", 8000, 1) as file:
        file.write(np.array([[0.0, 1.5, -1.0, -1.2]], np.float32))
    assert file.clipped == 2


def test_a_writer_refuses_what_save_refuses(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="suffix"):
        Writer(tmp_path / "a.txt", 8000, 1)
    with pytest.raises(UsageError, match="do not come as"):
        Writer(tmp_path / "a.flac", 8000, 1, "FLOAT")
    with pytest.raises(AudioError, match=r"'b\.opus' cannot hold 1 channels at 44100 Hz"):
        Writer(tmp_path / "a.opus", 44100, 1, name="b.opus")
    with pytest.raises(AudioError, match="NaN"), Writer(tmp_path / "a.wav", 8000, 1) as file:
        file.write(np.full((1, 10), np.nan, np.float32))


def test_a_long_wav_becomes_rf64_or_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Writer(tmp_path / "long.wav", 48000, 2, "FLOAT", length=4 * 3600 * 48000) as file:
        file.write(np.full((2, 100), 0.25, np.float32))
    assert file.format == soundfile.info(tmp_path / "long.wav").format == "RF64"
    assert load(tmp_path / "long.wav").samples.tolist() == [[0.25] * 100] * 2
    monkeypatch.setattr(encoding, "_WAV_BYTES", 1000)
    with pytest.raises(AudioError, match="4 GiB"), Writer(tmp_path / "short.wav", 8000, 1) as file:
        file.write(np.zeros((1, 501), np.float32))
    with Writer(tmp_path / "short.wav", 8000, 1) as file:
        file.write(np.zeros((1, 500), np.float32))


@pytest.mark.parametrize(
    ("target", "codec", "subtype"),
    [
        ("a.wav", "PCM_24", "PCM_24"),
        ("a.wav", "pcm_s24le", "PCM_24"),
        ("a.wav", "pcm_f32le", "FLOAT"),
        ("a.wav", "pcm_u8", "PCM_U8"),
        ("a.flac", "FLOAT", "PCM_24"),
        ("a.flac", "PCM_U8", "PCM_S8"),
        ("a.flac", "PCM_32", "PCM_24"),
        ("a.aiff", "PCM_U8", "PCM_U8"),
        ("a.wav", "PCM_S8", "PCM_U8"),
        ("a.au", "ULAW", "ULAW"),
        ("a.flac", "ULAW", None),
        ("a.wav", "aac", None),
        ("a.opus", "VORBIS", None),
        ("a.mp3", "PCM_24", None),
    ],
)
def test_the_sample_format_is_kept_where_it_can_be(target: str, codec: str, subtype: str | None) -> None:
    assert subtype_like(target, codec) == subtype


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("missing", [1, 3000])
def test_a_full_disk_is_told_also_when_it_is_full_at_the_very_end(tmp_path: Path, suffix: str, missing: int) -> None:
    sound = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (1, 40_000)).astype(np.float32), 16000)
    save(tmp_path / f"whole.{suffix}", sound)
    size = (tmp_path / f"whole.{suffix}").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - missing, before[1]))
    try:
        with pytest.raises(StorageError, match="could not be written: File too large"):
            save(tmp_path / f"cut.{suffix}", sound)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == [f"whole.{suffix}"]
