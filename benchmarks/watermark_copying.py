"""Attackers without the key who own marked sounds: they lift one mark, or the pilot of many, onto other content.

The same estimates serve to take the mark off: tiles are pushed the other way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from earwitness import watermark
from earwitness.watermark import Key, Records
from earwitness.watermark.chips import ChipSource
from earwitness.watermark.layout import CHIP_HOPS, PERIOD
from earwitness.watermark.scene import Alignment, Scene
from watermark_lab import RATE, Floats, count_blocks, tile_levels, with_chips, with_gains
from watermark_survival import Recording

SIZES = (1, 10, 100)
# How far under the other content a marked sound is mixed in.
MIXED_DB = (-5.0, -10.0, -15.0, -20.0)
# How far under the target an added residual lies: about where the mark itself does.
_RESIDUAL_DB = -15.0


@dataclass(frozen=True)
class Pool:
    """Marked sounds of one key that a forger owns, with their originals; every record is in the store."""

    originals: Sequence[Floats]
    marked: Sequence[Floats]
    source: ChipSource
    aligned: dict[int, Floats]
    right: dict[int, float]

    @classmethod
    def of(cls, talkers: list[Recording], length: int, key: Key, records: Records) -> Pool:
        """Up to 100 pieces: each talker's recording from the end, half overlapping where there are too few."""
        rng = np.random.default_rng(22)
        pieces = [
            one.samples[start : start + length]
            for step in (length, length // 2)
            for one in talkers
            for start in range(len(one.samples) - length, 2 * length - 1, -step)
        ]
        originals = pieces[: SIZES[-1]] or [one.samples[:length] for one in talkers]
        marked = []
        for one in originals:
            handle = int(rng.integers(2**32))
            marked.append(watermark.embed(one, RATE, key, records=records, handle=handle).samples)
        source = ChipSource(key)
        aligned = {size: _aligned(marked[:size]) for size in SIZES}
        right = {size: _share_right(grid, source) for size, grid in aligned.items()}
        return cls(originals, marked, source, aligned, right)


def copied(original: Floats, marked: Floats, other: Floats, pool: Pool) -> Iterator[tuple[str, Floats]]:
    """(attack, forged sound): `other` with what the forger could lift from one marked sound or from the pool."""
    for db in MIXED_DB:
        yield f"marked sound mixed in at {db:g} dB", _added(other, marked, db)
    yield "one residual added", _added(other, marked - original)
    louder = tile_levels(marked)[1:-1, 1:-1] - tile_levels(original)[1:-1, 1:-1]
    yield "one clip's tile gains", with_gains(other, louder)
    yield "one clip's soft chips, original unknown", _on(other, _soft(marked))
    for size in SIZES:
        owned = min(size, len(pool.marked))
        residual = np.mean([a - b for a, b in zip(pool.marked[:size], pool.originals[:size], strict=True)], axis=0)
        yield f"mean residual of {size} (had {owned})", _added(other, residual)
        spectra = np.mean([tile_levels(one) for one in pool.marked[:size]], axis=0)
        yield f"mean log-spectra of {size} (had {owned})", _on(other, _stand_out(spectra))
        yield f"soft chips of {_aligned_pool(pool, size)}", _on(other, pool.aligned[size])


def opposed(marked: Floats, pool: Pool) -> Iterator[tuple[str, Floats]]:
    """(attack, sound): `marked` with its tiles pushed against what its chips seem to be."""
    own = _soft(marked)
    for strength in (2.0, 4.0):
        yield f"against its own soft chips, {strength:g} dB", with_chips(marked, _signs(marked, -own), strength)
    for size in SIZES[1:]:
        padded = np.pad(own, ((0, 0), (0, PERIOD)))[:, :PERIOD]
        shift = _place(padded, pool.aligned[size])[1]
        pilot = np.roll(pool.aligned[size], shift, axis=1)
        for strength in (2.0, 4.0):
            gone = with_chips(marked, _signs(marked, -pilot), strength)
            yield f"against soft chips of {_aligned_pool(pool, size)}, {strength:g} dB", gone


def _aligned_pool(pool: Pool, size: int) -> str:
    owned = min(size, len(pool.marked))
    return f"{size} (had {owned}), aligned with each other: {pool.right[size]:.0%} of pilots right"


def _added(other: Floats, residual: Floats, db: float = _RESIDUAL_DB) -> Floats:
    level = np.sqrt(np.mean(other**2) / max(float(np.mean(residual**2)), 1e-20)) * 10 ** (db / 20)
    return (other + level * residual[: len(other)]).astype(np.float32)


def _on(other: Floats, chips: Floats) -> Floats:
    """`other` with the signs of estimated chips."""
    return with_chips(other, _signs(other, chips))


def _signs(sound: Floats, chips: Floats) -> Floats:
    """Signs of chips for every block of a sound, repeated where there are too few."""
    count = count_blocks(sound)
    signs: Floats = np.sign(np.tile(chips, -(-count // chips.shape[1]))[:, :count]).astype(np.float32)
    return signs


def _stand_out(levels: Floats) -> Floats:
    """How far each tile stands out from its neighbours, (BANDS, blocks)."""
    edges = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:]
    out: Floats = levels[1:-1, 1:-1] - edges / 4
    return out


def _soft(marked: Floats) -> Floats:
    """The verifier's own soft chips, which need no key; a marked file begins with a whole block."""
    scene = Scene.of(marked)
    return scene.soft(Alignment(1.0, CHIP_HOPS, 0.0, 0), 0, int(scene.frames / CHIP_HOPS))


def _aligned(marked: Sequence[Floats]) -> Floats:
    """Soft chips of all sounds laid over each other on one period, (BANDS, PERIOD).

    The pilot is the same in all of them but begins at another place in each: the one that correlates best with the
    sum so far is added where it does, until none is left.
    """
    waiting = [
        np.pad(one, ((0, 0), (0, PERIOD - one.shape[1]))) for one in (_soft(one)[:, :PERIOD] for one in marked)
    ]
    total = waiting.pop(0).astype(np.float32)
    while waiting:
        places = [_place(total, one) for one in waiting]
        best = max(range(len(waiting)), key=lambda index: places[index][0])
        total = total + np.roll(waiting.pop(best), places[best][1], axis=1)
    return total


def _place(total: Floats, one: Floats) -> tuple[float, int]:
    """(z, shift) of the best circular shift of `one` against `total`."""

    def across(a: Floats, b: Floats) -> Floats:
        spectrum = scipy.fft.rfft(a, axis=1) * scipy.fft.rfft(b, axis=1).conj()
        summed: Floats = scipy.fft.irfft(spectrum.sum(axis=0), PERIOD)
        return summed

    z = across(total, one) / np.sqrt(np.maximum(across(total**2, one**2), 1e-9))
    return float(z.max()), int(np.argmax(z))


def _share_right(grid: Floats, source: ChipSource) -> float:
    """Share of the pilot's chips whose sign is right at the best shift, of those that were heard."""
    chips = source.pilot.astype(np.float32)
    shares = []
    for shift in range(PERIOD):
        moved = np.roll(grid, shift, axis=1)
        heard = (chips != 0) & (moved != 0)
        shares.append(float(np.mean(np.sign(moved[heard]) == chips[heard])))
    return max(shares)
