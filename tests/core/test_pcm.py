"""Raw PCM in pieces of any size."""

from __future__ import annotations

import numpy as np
import pytest
from earwitness.core.errors import UsageError
from earwitness.core.pcm import PcmDecoder


def test_integers_are_scaled_by_their_range() -> None:
    assert PcmDecoder("s16le").push(b"\x00\x80\x00\x00\xff\x7f").tolist() == [-1.0, 0.0, 32767 / 32768]


@pytest.mark.parametrize(("format", "kind"), [("s16le", "<i2"), ("f32le", "<f4")])
@pytest.mark.parametrize("size", [1, 3, 7, 64])
def test_pieces_that_cut_samples_give_the_same_as_the_whole(format: str, kind: str, size: int) -> None:
    data = (np.random.default_rng(0).uniform(-1, 1, 50) * (32767 if kind == "<i2" else 1)).astype(kind).tobytes()
    decoder = PcmDecoder(format)
    joined = np.concatenate([decoder.push(data[at : at + size]) for at in range(0, len(data), size)])
    assert joined.dtype == np.float32 and joined.tolist() == PcmDecoder(format).push(data).tolist()
    assert decoder.pending == 0 and np.abs(joined).max() > 0.5


def test_a_begun_sample_is_kept_and_told() -> None:
    decoder = PcmDecoder("f32le")
    assert decoder.push(b"\x00\x00\x80").size == 0 and decoder.pending == 3
    assert decoder.push(b"\x3f").tolist() == [1.0] and decoder.pending == 0


def test_what_is_no_number_counts_as_nothing_and_is_counted() -> None:
    values = np.array([0.5, np.nan, np.inf, -np.inf, 1e30, -0.5], "<f4")
    decoder = PcmDecoder("f32le")
    assert decoder.push(values.tobytes()).tolist() == [0.5, 0.0, 0.0, 0.0, 0.0, -0.5]
    assert decoder.broken == 4


def test_another_format_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="s16le or f32le"):
        PcmDecoder("u8")
