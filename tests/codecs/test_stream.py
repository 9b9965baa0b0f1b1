"""A live stream: chunked equals whole, the promised latency, lost packets, two streams apart."""

from __future__ import annotations

import numpy as np
import pytest
from earwitness.codecs import stream, zoo
from earwitness.core.audio import Audio
from earwitness.core.errors import UsageError
from numpy.typing import NDArray

RATE, HOP = 16_000, 160


def voice(seconds: float = 1.0, pitch: float = 130.0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 2 * time))) / RATE
    wave = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 15))
    return np.asarray(wave, dtype=np.float32)


def through(samples: NDArray[np.float32], sizes: list[int]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Codes and speech of a stream fed with blocks of the given sizes in turn."""
    encoder, decoder = stream.open("streamcodec")
    codes: list[NDArray[np.int64]] = []
    heard: list[NDArray[np.float32]] = []
    start = 0
    while start < samples.size:
        size = sizes[len(codes) % len(sizes)]
        codes.append(encoder.push(samples[start : start + size]))
        heard.append(decoder.push(codes[-1]))
        start += size
    codes.append(encoder.finish())
    heard.append(decoder.push(codes[-1]))
    return np.concatenate(codes, axis=1), np.concatenate(heard)


@pytest.mark.parametrize("sizes", [[320], [160], [1, 7, 333], [16_000], [100, 4000]])
def test_chunks_give_what_the_whole_gives(sizes: list[int]) -> None:
    said = voice()[:15_500]
    codec = zoo.open_codec("streamcodec")
    tokens = codec.encode(Audio(said[None], RATE))
    codes, heard = through(said, sizes)
    assert np.array_equal(codes, tokens.codes)
    whole = codec.decode(tokens).samples[0]
    assert heard.size >= said.size and np.abs(heard[: said.size] - whole).max() < 1e-5


def test_a_sample_is_heard_20_milliseconds_after_it_was_said() -> None:
    encoder, decoder = stream.open("streamcodec")
    assert encoder.spec.latency == pytest.approx(0.02)
    said, got = voice(0.2), 0
    for start in range(0, said.size, HOP):
        got += decoder.push(encoder.push(said[start : start + HOP])).size
        assert start + HOP - got == HOP
    assert encoder.push(said[: HOP - 1]).shape == (4, 0)


def test_streams_do_not_hear_each_other() -> None:
    one, _ = stream.open("streamcodec")
    other, _ = stream.open("streamcodec")
    other.push(voice(0.5, 220.0))
    assert np.array_equal(one.push(voice(0.5)), stream.open("streamcodec")[0].push(voice(0.5)))


def test_a_lost_packet_is_filled_quietly_and_forgotten_soon() -> None:
    said = voice()
    encoder, _ = stream.open("streamcodec")
    codes = encoder.push(said)
    clean, broken = (stream.open("streamcodec")[1] for _ in range(2))
    whole = clean.push(codes)
    parts = [broken.push(codes[:, :40]), broken.lost(2), broken.push(codes[:, 42:])]
    heard = np.concatenate(parts)
    assert heard.size == whole.size
    gap = slice(40 * HOP, 42 * HOP)
    assert 0.2 < np.std(heard[gap]) / np.std(whole[gap]) < 1.2
    # No click: no step between samples is larger than the clean speech has.
    assert np.abs(np.diff(heard[39 * HOP : 45 * HOP])).max() < 1.5 * np.abs(np.diff(whole)).max()
    after = slice(-20 * HOP, None)
    assert np.abs(heard[after] - whole[after]).max() < 0.02


def test_a_long_loss_fades_to_nothing_and_a_stream_may_begin_with_one() -> None:
    encoder, decoder = stream.open("streamcodec")
    decoder.push(encoder.push(voice()))
    faded = decoder.lost(40)
    assert faded.size == 40 * HOP and np.abs(faded[-HOP:]).max() < 1e-3
    _, fresh = stream.open("streamcodec")
    assert fresh.lost(3).size == 2 * HOP
    assert fresh.push(encoder.push(voice())).size == RATE


def test_a_codec_without_streaming_names_those_that_have_it() -> None:
    with pytest.raises(UsageError, match="does not stream; codecs that do: streamcodec"):
        stream.open("soundstream")
