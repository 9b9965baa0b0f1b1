"""The parts of the mark: handles, chips, bands, bound, listener."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from earwitness.core.errors import WeightsError
from earwitness.core.spectral import frames
from earwitness.watermark import bands, bound, gains, listener
from earwitness.watermark.chips import FIRST_SYMBOL, LINE, PILOT, ChipSource
from earwitness.watermark.handle import handles_of, symbols_of
from earwitness.watermark.key import Key
from earwitness.watermark.layout import ALPHABET, BANDS, CHIP_HOPS, LEAD, PERIOD, PILOT_SHARE, WINDOW
from numpy.typing import NDArray

Speech = Callable[..., NDArray[np.float32]]
KEY = Key(bytes(range(32)))


def test_handles_survive_symbols_and_wrong_symbols_are_mostly_refused() -> None:
    handles = np.random.default_rng(0).integers(0, 2**32, 2000).astype(np.uint32)
    symbols = symbols_of(handles)
    assert symbols.shape == (2000, 3) and symbols.max() < ALPHABET
    back, agrees = handles_of(symbols)
    assert agrees.all() and np.array_equal(back, handles)
    wrong = symbols.copy()
    wrong[:, 1] = (wrong[:, 1] + 1) % ALPHABET
    assert np.mean(handles_of(wrong)[1]) < 0.12


def test_chips_depend_on_the_key_alone() -> None:
    one, again, other = ChipSource(KEY), ChipSource(KEY), ChipSource(Key(bytes(32)))
    assert np.array_equal(one.pilot, again.pilot) and np.array_equal(one.roles, again.roles)
    assert not np.array_equal(one.roles, other.roles)
    both = (one.pilot != 0) & (other.pilot != 0)
    assert abs(np.mean(one.pilot[both] * other.pilot[both], dtype=np.float64)) < 0.1


def test_chips_are_fair_and_roles_as_planned() -> None:
    source = ChipSource(KEY)
    assert np.mean(source.roles == PILOT) == pytest.approx(PILOT_SHARE, abs=1e-3)
    assert set(np.unique(source.roles)) == {PILOT, LINE, *range(FIRST_SYMBOL, FIRST_SYMBOL + 3)}
    assert set(np.unique(source.pilot)) == {-1, 0, 1}
    assert abs(source.book(0, 0, 64).mean()) < 0.02


def test_a_book_is_the_same_whole_or_in_parts() -> None:
    source = ChipSource(KEY)
    whole = source.book(1, 0, 40)
    assert np.array_equal(whole[17:23], source.book(1, 17, 6))
    agreement = whole.astype(int) @ whole.T.astype(int) / whole.shape[1]
    assert np.abs(agreement - np.eye(40)).max() < 0.12


def test_no_chips_repeat_from_period_to_period_or_record_to_record() -> None:
    source = ChipSource(KEY)
    record, other = source.periods(0x12345678), source.periods(0x9ABCDEF0)
    own = source.roles != PILOT
    for left, right in ((record.of(0), record.of(1)), (record.of(3), record.of(700)), (record.of(0), other.of(0))):
        handle_tiles = own & (source.roles != LINE)
        assert abs(np.mean((left * right)[handle_tiles], dtype=np.float64)) < 0.06
    assert np.array_equal(record.of(0)[~own], other.of(5)[~own]), "pilots tell the key, not the record"
    assert np.array_equal(record.blocks(PERIOD - 2, 4)[:, 2:], record.of(1)[:, :2])


def test_the_transform_gives_the_samples_back(speech: Speech) -> None:
    samples = speech(1.03)
    assert np.abs(bands.inverse(bands.transform(samples), len(samples)) - samples).max() < 1e-5


def test_levels_are_the_energy_of_bins_in_a_band(speech: Speech) -> None:
    samples = speech(1.0)
    energy = bands.power(bands.transform(samples))
    level = bands.levels(bands.running_energy(bands.integral(energy)), 12, CHIP_HOPS, 3)
    direct = (energy @ bands.bank().T)[12:30].reshape(3, CHIP_HOPS, -1).mean(axis=1).T
    assert np.allclose(level, 10 * np.log10(direct + 1e-10), atol=1e-3)
    first = np.abs(np.fft.rfft(frames(np.pad(samples, (LEAD, 0)), WINDOW, 64)[5] * np.sqrt(np.hanning(257)[:-1])))
    assert np.allclose(energy[5], first**2, rtol=1e-3, atol=1e-6)


def test_scaled_bands_follow_the_pitch(speech: Speech) -> None:
    tone = np.sin(2 * np.pi * 1500 * np.arange(16000) / 16000).astype(np.float32)
    higher = np.sin(2 * np.pi * 1650 * np.arange(16000) / 16000).astype(np.float32)
    plain = bands.running_energy(bands.integral(bands.power(bands.transform(tone))))
    scaled = bands.running_energy(bands.integral(bands.power(bands.transform(higher))), 1.1)
    assert np.argmax(bands.levels(plain, 60, 6, 10)[:, 5]) == np.argmax(bands.levels(scaled, 60, 6, 10)[:, 5])


def test_the_bound_lies_above_every_small_rademacher_sum() -> None:
    signs = np.array(list(product((-1.0, 1.0), repeat=12)))
    rng = np.random.default_rng(0)
    for weights in (np.ones(12), rng.exponential(size=12), np.r_[5.0, np.ones(11)], np.r_[1.0, np.zeros(11)]):
        z = np.sort(signs @ weights / np.sqrt(np.square(weights).sum()))
        tail = 1.0 - np.searchsorted(z, z - 1e-9) / len(z)
        assert (np.log(tail) <= bound.log_p(z) + 1e-9).all()


def test_the_threshold_inverts_the_bound() -> None:
    for p, hypotheses in ((1e-6, 1.0), (1e-6, 1e5), (0.01, 10.0)):
        z = bound.threshold(p, hypotheses)
        assert float(bound.log_p(z)) == pytest.approx(np.log(p / hypotheses), abs=1e-6)
    # watermark.md, section 3.2: z 7.12 by Hoeffding for p = 1e-6 after 1e5 hypotheses; the sharper bound asks less.
    assert 6.8 < bound.threshold(1e-6, 1e5) < 7.13


def test_gains_spend_little_where_nothing_can_be_won() -> None:
    levels = np.full((BANDS + 2, 12), -20.0, np.float32)
    levels[5, 6] -= 15.0
    chips = np.ones((BANDS, 10), np.int8)
    found = gains.tile_gains(levels, chips, 2.0)
    assert found[8, 2] == pytest.approx(2.5) and found[4, 5] == pytest.approx(0.5)
    assert np.array_equal(gains.tile_gains(levels, -chips, 2.0)[8], -found[8])


def test_listeners_hear_levels_not_chips_and_say_nothing_in_silence(speech: Speech) -> None:
    energy = bands.power(bands.transform(speech(2.0)))
    level = bands.levels(bands.running_energy(bands.integral(energy)), 0, CHIP_HOPS, 80)
    silent = np.full_like(level, -100.0)
    for hear in (listener.linear, listener.network()):
        soft = hear(level)
        assert soft.shape == (BANDS, 80) and np.isfinite(soft).all() and np.abs(soft).max() > 0.1
        louder = hear(level + np.float32(6.0))
        assert np.corrcoef(soft.ravel(), louder.ravel())[0, 1] > 0.98
        assert np.abs(hear(silent)).max() == 0.0
    assert np.abs(listener.network()(level)).max() < 1.0


def test_a_file_that_is_no_listener_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", weight0=np.zeros((3, 1)), bias0=np.zeros(1))
    (tmp_path / "text.npz").write_text("no arrays")
    for name in ("other.npz", "text.npz", "missing.npz"):
        with pytest.raises(WeightsError, match="listener of the watermark"):
            listener.read(str(tmp_path / name))
