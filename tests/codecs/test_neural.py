from __future__ import annotations

import numpy as np
import pytest
from earwitness.codecs.neural import NeuralCodec, NeuralSpec, NeuralVocoder
from earwitness.codecs.protocol import Codec, Resynthesiser
from earwitness.codecs.tokens import Tokens
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError, UsageError
from numpy.typing import NDArray


class Rounder:
    """A codec whose stages are the decimal digits of the mean of each hop."""

    def encode(self, wave: NDArray[np.float32]) -> NDArray[np.int64]:
        value = np.round((wave.reshape(1, -1, 320).mean(-1) + 1) * 450).astype(np.int64)
        return np.stack([value // 100, value // 10 % 10, value % 10], 1)

    def decode(self, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        value = (np.maximum(codes, 0) * np.array([100, 10, 1])[None, :, None]).sum(1) / 450 - 1
        return np.repeat(value, 320, axis=-1)[:, None].astype(np.float32)

    def resynth(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        return -wave


SPEC = NeuralSpec("rounder", "d" * 64, 16_000, 320, (4.0, 3.3, 3.3))
CODEC = NeuralCodec(SPEC, Rounder())
VOCODER = NeuralVocoder(NeuralSpec("flip", "e" * 64, 16_000, 320), Rounder())


def ramp(n: int = 5000, channels: int = 1, rate: int = 16_000) -> Audio:
    return Audio(np.linspace(-0.5, 0.5, n * channels, dtype=np.float32).reshape(channels, n), rate)


def test_members_keep_their_protocols() -> None:
    assert isinstance(CODEC, Codec) and isinstance(VOCODER, Resynthesiser)


def test_bitrates_count_whole_bits_per_code() -> None:
    assert CODEC.kbps == (0.2, 0.4, 0.6)
    assert SPEC.code_bits == 4
    assert [CODEC.levels_for(k) for k in (0.01, 0.35, 9.0)] == [1, 2, 3]


def test_decode_gives_the_length_that_went_in() -> None:
    tokens = CODEC.encode(ramp(5001))
    assert tokens.codes.shape == (3, 16) and tokens.length == 5001
    decoded = CODEC.decode(tokens)
    assert decoded.samples.shape == (1, 5001) and decoded.rate == 16_000
    # The last hop is padded with zeros, which pull its mean down.
    assert np.abs(decoded.samples - ramp(5001).samples)[:, :4800].max() < 0.06


@pytest.mark.parametrize("rate,channels", [(16_000, 1), (44_100, 2), (8_000, 3)])
def test_resynth_keeps_rate_length_and_channels(rate: int, channels: int) -> None:
    audio = ramp(7003, channels, rate)
    for member in (CODEC, VOCODER):
        out = member.resynth(audio)
        assert out.samples.shape == audio.samples.shape and out.rate == rate
        assert out.samples.dtype == np.float32


def test_fewer_levels_are_coarser() -> None:
    audio = ramp()
    errors = [float(np.abs(CODEC.resynth(audio, k).samples - audio.samples).mean()) for k in (0.2, 0.6)]
    assert errors[0] > errors[1]


def test_tokens_of_another_codec_or_other_weights_are_refused() -> None:
    tokens = CODEC.encode(ramp())
    with pytest.raises(DataError, match="'other'"):
        CODEC.decode(Tokens(tokens.codes, "other", tokens.digest, 16_000, 5000, 4))
    with pytest.raises(DataError, match="other weights"):
        CODEC.decode(Tokens(tokens.codes, "rounder", "f" * 64, 16_000, 5000, 4))
    with pytest.raises(DataError, match="do not fit"):
        CODEC.decode(Tokens(tokens.codes, "rounder", tokens.digest, 16_000, 50_000, 4))


def test_impossible_levels_and_bitrates_are_sentences() -> None:
    with pytest.raises(UsageError, match="1 to 3 levels"):
        CODEC.encode(ramp(), 4)
    with pytest.raises(UsageError, match="above 0"):
        CODEC.resynth(ramp(), 0.0)
    with pytest.raises(UsageError, match="no bitrates"):
        VOCODER.resynth(ramp(), 3.0)


def test_an_empty_wave_stays_empty() -> None:
    assert CODEC.resynth(ramp(0)).samples.shape == (1, 0)
