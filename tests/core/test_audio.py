"""Decoding, saving and resampling of sound that is as it should be."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from earwitness.core.audio import Audio, Limits, StreamResampler, blocks, load, probe, resample, save
from earwitness.core.errors import AudioError, LimitError, UsageError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import fftconvolve


def lag(source: np.ndarray[Any, Any], decoded: np.ndarray[Any, Any]) -> int:
    """By how many samples `decoded` comes late, from the peak of the cross-correlation of the middle."""
    start, length = len(source) // 4, len(source) // 4
    correlation = fftconvolve(decoded, source[start : start + length][::-1])
    return int(np.argmax(np.abs(correlation))) - (length - 1) - start


# Audio


def test_audio_refuses_other_shapes_and_types() -> None:
    for samples in (np.zeros(4, np.float32), np.zeros((1, 4), np.float64)):
        with pytest.raises(AudioError):
            Audio(samples, 16000)  # type: ignore[arg-type]
    with pytest.raises(AudioError):
        Audio(np.zeros((1, 4), np.float32), 0)
    with pytest.raises(AudioError):
        Audio.of(np.zeros(4, np.complex128), 16000)


def test_audio_of_scales_integers_and_adds_the_channel_axis() -> None:
    audio = Audio.of(np.array([-32768, 0, 16384], np.int16), 8000)
    assert audio.samples.tolist() == [[-1.0, 0.0, 0.5]]
    assert (audio.channels, audio.seconds) == (1, 3 / 8000)
    assert Audio.of(np.array([[1.0, 0.0], [0.0, 0.5]]), 8000).mono().samples.tolist() == [[0.5, 0.25]]


# Saving and loading


@settings(max_examples=30, deadline=None)
@given(
    values=arrays(np.int16, st.tuples(st.integers(1, 3), st.integers(1, 500)), elements=st.integers(-32768, 32767)),
    suffix=st.sampled_from(["wav", "flac", "aiff", "w64", "caf", "au"]),
    rate=st.sampled_from([8000, 16000, 44100, 192000]),
)
def test_sixteen_bit_samples_survive(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray[Any, Any], suffix: str, rate: int
) -> None:
    path = tmp_path_factory.mktemp("saved") / f"a.{suffix}"
    audio = Audio.of(values, rate)
    save(path, audio)
    back = load(path)
    assert back.rate == rate
    np.testing.assert_array_equal(back.samples, audio.samples)


@pytest.mark.parametrize(("subtype", "step"), [("PCM_U8", 2**-7), ("PCM_16", 2**-15), ("PCM_24", 2**-23)])
def test_integers_are_rounded_and_clipped(tmp_path: Path, subtype: str, step: float) -> None:
    samples = np.array([[-3.0, -1.0, -0.4, 0.3, 1.0 - step, 1.0, 3.0]], np.float32)
    save(tmp_path / "a.wav", Audio(samples, 16000), subtype)
    read = load(tmp_path / "a.wav").samples
    np.testing.assert_allclose(read, np.clip(samples, -1.0, 1.0 - step), atol=step / 2)


def test_float_files_are_not_clipped(tmp_path: Path) -> None:
    samples = np.array([[-3.0, 1.5, 1e-7]], np.float32)
    save(tmp_path / "a.wav", Audio(samples, 16000), "FLOAT")
    np.testing.assert_array_equal(load(tmp_path / "a.wav").samples, samples)


def test_wav_and_flac_of_the_same_samples_decode_alike(tmp_path: Path, speechlike: Callable[..., Any]) -> None:
    audio = Audio.of(speechlike(44100, 2.0), 44100)
    save(tmp_path / "a.wav", audio)
    save(tmp_path / "a.flac", audio)
    one, other = (load(tmp_path / name, rate=16000).samples for name in ("a.wav", "a.flac"))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("suffix", ["ogg", "opus", "mp3"])
def test_lossy_files_can_be_saved(tmp_path: Path, speechlike: Callable[..., Any], suffix: str) -> None:
    source = speechlike(48000, 3.0)
    save(tmp_path / f"a.{suffix}", Audio.of(source, 48000))
    back = load(tmp_path / f"a.{suffix}")
    assert abs(lag(source, back.samples[0])) <= 3
    assert abs(back.seconds - 3.0) < 0.05


def test_save_refuses_what_a_format_cannot_hold_and_leaves_nothing(tmp_path: Path) -> None:
    audio = Audio(np.zeros((1, 100), np.float32), 44100)
    with pytest.raises(UsageError):
        save(tmp_path / "a.xyz", audio)
    with pytest.raises(UsageError):
        save(tmp_path / "a.flac", audio, "FLOAT")
    with pytest.raises(AudioError):
        save(tmp_path / "a.opus", audio)  # Opus has no 44.1 kHz
    with pytest.raises(AudioError):
        save(tmp_path / "a.wav", Audio(np.full((1, 3), np.nan, np.float32), 44100))
    with pytest.raises(AudioError):
        save(tmp_path / "a.flac", Audio(np.zeros((1, 0), np.float32), 44100))
    assert list(tmp_path.iterdir()) == []


# Blocks


def test_blocks_are_equal_contiguous_and_join_to_the_whole(tmp_path: Path, speechlike: Callable[..., Any]) -> None:
    source = np.stack([speechlike(44100, 3.3, 1), speechlike(44100, 3.3, 2)])
    save(tmp_path / "a.wav", Audio(source, 44100), "FLOAT")
    parts = list(blocks(tmp_path / "a.wav", rate=16000, block_seconds=0.5))
    assert [part.shape for part in parts[:-1]] == [(2, 8000)] * 6
    assert all(part.flags.c_contiguous and part.dtype == np.float32 for part in parts)
    joined = np.concatenate(parts, axis=1)
    np.testing.assert_array_equal(joined, resample(Audio(source, 44100), 16000).samples)
    np.testing.assert_array_equal(joined, load(tmp_path / "a.wav", rate=16000).samples)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from earwitness.core.audio import blocks\n"
        "seconds = sum(block.shape[1] for block in blocks(sys.argv[1], rate=8000)) / 8000\n"
        "print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    used = []
    for minutes in (1, 20):
        path = tmp_path / f"{minutes}.wav"
        soundfile.write(path, np.zeros(960_000 * minutes, np.int16), 16000)
        told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        seconds, peak = told.stdout.split()
        assert float(seconds) == 60.0 * minutes
        used.append(int(peak))
    assert used[1] < 1.1 * used[0]


def test_eight_channels_at_192_khz(tmp_path: Path) -> None:
    source = np.random.default_rng(0).uniform(-0.9, 0.9, (8, 96000)).astype(np.float32)
    save(tmp_path / "a.wav", Audio(source, 192000), "FLOAT")
    audio = load(tmp_path / "a.wav")
    assert audio.rate == 192000
    np.testing.assert_array_equal(audio.samples, source)
    assert load(tmp_path / "a.wav", rate=16000).samples.shape == (8, 8000)


# Every other container


CONTAINERS = [
    ("a.mp4", "aac", 44100, {"video": True}),
    ("a.m4a", "aac", 16000, {}),
    ("a.mov", "aac", 48000, {"video": True}),
    ("a.mkv", "aac", 44100, {"video": True}),
    ("a.ts", "aac", 48000, {}),
    ("a.flv", "aac", 44100, {}),
    ("a.aac", "aac", 44100, {"container": "adts"}),
    ("a.webm", "libopus", 48000, {}),
    ("a.opus", "libopus", 48000, {"container": "ogg"}),
    ("b.mp4", "libopus", 48000, {}),
    ("a.mp3", "libmp3lame", 44100, {}),
    ("b.mp3", "libmp3lame", 16000, {"bit_rate": 32000}),
    ("untagged.mp3", "libmp3lame", 44100, {"options": {"write_xing": "0"}}),
    ("a.avi", "libmp3lame", 44100, {"video": True}),
    ("b.mkv", "libmp3lame", 44100, {}),
    ("mp3.wav", "libmp3lame", 44100, {}),
    ("b.m4a", "alac", 44100, {}),
    ("b.mka", "flac", 44100, {"container": "matroska"}),
    ("c.wav", "adpcm_ima_wav", 16000, {}),
    ("a.amr", "libopencore_amrnb", 8000, {"bit_rate": 12200}),
]


@pytest.mark.parametrize(("name", "codec", "rate", "how"), CONTAINERS, ids=[f"{c[0]}-{c[1]}" for c in CONTAINERS])
def test_decoded_sound_lines_up_with_its_source(
    tmp_path: Path,
    speechlike: Callable[..., Any],
    encode: Callable[..., Path],
    capfd: pytest.CaptureFixture[str],
    name: str,
    codec: str,
    rate: int,
    how: dict[str, Any],
) -> None:
    source = speechlike(rate, 3.0)
    path = encode(tmp_path / name, codec, rate, source, **how)
    warnings: list[str] = []
    audio = load(path, warnings=warnings)
    assert (audio.rate, audio.channels, warnings) == (rate, 1, [])
    assert abs(lag(source, audio.samples[0])) <= 3
    assert -3 <= audio.samples.shape[1] - len(source) <= 2048
    assert float(np.corrcoef(source, audio.samples[0, : len(source)])[0, 1]) > 0.8
    assert capfd.readouterr().err == ""


def test_padding_behind_the_stated_end_of_an_mp4_is_dropped(
    tmp_path: Path, speechlike: Callable[..., Any], encode: Callable[..., Path]
) -> None:
    path = encode(tmp_path / "a.m4a", "aac", 44100, speechlike(44100, 2.0))
    assert load(path).samples.shape == (1, 88200)


def test_each_audio_track_of_a_video(
    tmp_path: Path, speechlike: Callable[..., Any], encode: Callable[..., Path]
) -> None:
    tracks = [speechlike(48000, 2.0, seed) for seed in (1, 2)]
    path = encode(tmp_path / "a.mkv", "aac", 48000, *tracks, video=True)
    assert probe(path).tracks == 2
    for number, track in enumerate(tracks):
        decoded = load(path, track=number).samples[0]
        assert float(np.corrcoef(track, decoded[: len(track)])[0, 1]) > 0.8
    with pytest.raises(UsageError, match="no track 2"):
        load(path, track=2)


def test_there_is_no_second_track_in_a_wav(tmp_path: Path) -> None:
    save(tmp_path / "a.wav", Audio(np.zeros((1, 9), np.float32), 16000))
    with pytest.raises(UsageError, match="no track 1"):
        probe(tmp_path / "a.wav", track=1)


def test_probe_tells_what_a_file_says(
    tmp_path: Path, speechlike: Callable[..., Any], encode: Callable[..., Path]
) -> None:
    save(tmp_path / "a.flac", Audio(np.zeros((2, 24000), np.float32), 48000))
    told = probe(tmp_path / "a.flac")
    assert (told.container, told.codec, told.rate, told.channels, told.seconds, told.tracks, told.warnings) == (
        "FLAC", "PCM_16", 48000, 2, 0.5, 1, (),
    )  # fmt: skip
    assert told.size == (tmp_path / "a.flac").stat().st_size
    video = probe(encode(tmp_path / "a.mp4", "aac", 16000, speechlike(16000, 1.0), video=True))
    assert (video.codec, video.rate, video.channels, video.seconds) == ("aac", 16000, 1, 1.0)


# Limits


@pytest.mark.parametrize("call", [probe, load, lambda path, limits: list(blocks(path, limits=limits))])
@pytest.mark.parametrize("limits", [Limits(max_seconds=0.9), Limits(max_bytes=1000), Limits(max_channels=1)])
def test_limits_hold_before_decoding(tmp_path: Path, limits: Limits, call: Callable[..., Any]) -> None:
    save(tmp_path / "a.wav", Audio(np.zeros((2, 16000), np.float32), 16000))
    with pytest.raises(LimitError, match="limit"):
        call(tmp_path / "a.wav", limits=limits)
    assert probe(tmp_path / "a.wav", limits=Limits(max_seconds=1.0, max_channels=2)).seconds == 1.0


def test_a_length_that_no_header_states_is_limited_while_decoding(
    tmp_path: Path, speechlike: Callable[..., Any], encode: Callable[..., Path]
) -> None:
    path = encode(tmp_path / "a.aac", "aac", 16000, speechlike(16000, 4.0), container="adts")
    limits = Limits(max_seconds=2.0)
    assert probe(path, limits=limits).seconds is None
    with pytest.raises(LimitError, match="longer than the limit of 2 s"):
        list(blocks(path, limits=limits))


# Resampling


@settings(max_examples=40, deadline=None)
@given(
    rates=st.sampled_from([(44100, 16000), (48000, 16000), (8000, 16000), (192000, 16000), (16000, 16000)]),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
    length=st.integers(0, 20000),
)
def test_a_stream_resamples_like_the_whole(rates: tuple[int, int], cuts: list[int], length: int) -> None:
    samples = np.random.default_rng(length).uniform(-1, 1, (2, length)).astype(np.float32)
    stream = StreamResampler(*rates, channels=2)
    edges = [0, *sorted(min(cut, length) for cut in cuts), length]
    parts = [stream.push(samples[:, a:b]) for a, b in itertools.pairwise(edges)]
    whole = resample(Audio(samples, rates[0]), rates[1]).samples
    np.testing.assert_array_equal(np.concatenate([*parts, stream.flush()], axis=1), whole)
    assert abs(whole.shape[1] - length * rates[1] / rates[0]) <= 1


def test_resampling_keeps_a_tone_in_place_and_removes_what_does_not_fit() -> None:
    seconds = np.arange(48000) / 48000
    tone = Audio.of(0.5 * np.sin(2 * np.pi * 1000 * seconds), 48000)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    np.testing.assert_allclose(resample(tone, 16000).samples[0, 500:-500], expected[500:-500], atol=1e-5)
    high = Audio.of(0.5 * np.sin(2 * np.pi * 12000 * seconds), 48000)
    assert np.abs(resample(high, 16000).samples[0, 500:-500]).max() < 1e-4
