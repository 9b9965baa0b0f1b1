from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from earwitness.codecs import tokens
from earwitness.codecs.tokens import Tokens
from earwitness.core.errors import DataError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def some(levels: int = 3, frames: int = 7, bits: int = 10, seed: int = 0) -> Tokens:
    codes = np.random.default_rng(seed).integers(0, 2**bits, (levels, frames))
    return Tokens(codes, "toy", "d" * 64, 16_000, frames * 320, bits)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 9), st.integers(0, 40), st.integers(1, 16), st.integers(0, 99))
def test_a_token_file_gives_back_what_was_put_in(
    tmp_path: Path, levels: int, frames: int, bits: int, seed: int
) -> None:
    want = some(levels, frames, bits, seed)
    tokens.save(tmp_path / "a.ewt", want)
    got = tokens.load(tmp_path / "a.ewt")
    assert np.array_equal(got.codes, want.codes)
    assert (got.codec, got.digest, got.rate, got.length, got.bits) == ("toy", "d" * 64, 16_000, frames * 320, bits)


def test_a_token_file_is_as_small_as_its_bits(tmp_path: Path) -> None:
    tokens.save(tmp_path / "a.ewt", some(levels=4, frames=1000))
    assert (tmp_path / "a.ewt").stat().st_size < 4 * 1000 * 10 / 8 + 300
    assert some(levels=8, frames=50).kbps == pytest.approx(4.0)


@pytest.mark.parametrize("cut", [0, 4, 10, 40, -1])
def test_a_cut_token_file_is_a_sentence(tmp_path: Path, cut: int) -> None:
    tokens.save(tmp_path / "a.ewt", some())
    (tmp_path / "a.ewt").write_bytes((tmp_path / "a.ewt").read_bytes()[:cut])
    with pytest.raises(DataError, match=r"a\.ewt"):
        tokens.load(tmp_path / "a.ewt")


@pytest.mark.parametrize("old,new", [(b'"bits":10', b'"bits":99'), (b'"levels"', b'"lovels"'), (b"{", b"<")])
def test_a_broken_header_is_a_sentence(tmp_path: Path, old: bytes, new: bytes) -> None:
    tokens.save(tmp_path / "a.ewt", some())
    (tmp_path / "a.ewt").write_bytes((tmp_path / "a.ewt").read_bytes().replace(old, new, 1))
    with pytest.raises(DataError, match="header"):
        tokens.load(tmp_path / "a.ewt")


def test_a_missing_token_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        tokens.load(tmp_path / "no.ewt")
