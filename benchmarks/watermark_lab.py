"""What the watermark's benchmarks share: marking without a store, quality beside the original, changes of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from earwitness.core import intervals, signal_metrics
from earwitness.core.errors import DataError
from earwitness.watermark import DEFAULT_STRENGTH, Embedder, Key
from earwitness.watermark.bands import integral, inverse, levels, power, running_energy, transform
from earwitness.watermark.gains import bin_factors, tile_gains
from earwitness.watermark.layout import CHIP_HOPS, HOP
from numpy.typing import NDArray
from pesq import NoUtterancesError, pesq
from pystoi import stoi

RATE = 16_000
Floats = NDArray[np.float32]


def a_key(seed: int) -> Key:
    return Key(np.random.default_rng(seed).bytes(32))


def mark(samples: Floats, key: Key, handle: int, strength: float = DEFAULT_STRENGTH, rate: int = RATE) -> Floats:
    """Samples (n,) or (channels, n) with a mark; nothing is verified and no record is kept."""
    sound = np.atleast_2d(samples)
    embedder = Embedder(rate, len(sound), key, handle, strength)
    return np.concatenate([embedder.push(sound), embedder.finish()], axis=1).reshape(samples.shape)


@dataclass(frozen=True)
class Quality:
    """Of a sound beside its original at 16 kHz: PESQ-WB (None: no speech found), STOI, log-spectral distance, SNR."""

    pesq: float | None
    stoi: float
    distance: float
    snr: float


def quality(original: Floats, heard: Floats) -> Quality:
    """Of mono samples (n,) at 16 kHz; the longer one is cut."""
    length = min(len(original), len(heard))
    original, heard = original[:length], heard[:length]
    return Quality(
        pesq_of(original, heard),
        float(stoi(original, heard, RATE)),
        signal_metrics.log_spectral_distance(original, heard),
        snr(original, heard),
    )


def pesq_of(original: Floats, heard: Floats) -> float | None:
    """PESQ-WB, None where it finds no speech."""
    length = min(len(original), len(heard))
    try:
        return float(pesq(RATE, original[:length], heard[:length], "wb"))
    except NoUtterancesError:
        return None


def snr(original: Floats, heard: Floats) -> float:
    noise = np.sum(np.square(heard - original, dtype=np.float64))
    return float(10 * np.log10(np.sum(np.square(original, dtype=np.float64)) / max(noise, 1e-20)))


def mean(values: Sequence[float | None], clusters: Sequence[str], digits: int = 2) -> str:
    """Mean with its 95 % interval over whole speakers (or files); what could not be measured is left out."""
    kept = [(c, v) for c, v in zip(clusters, values, strict=True) if v is not None and np.isfinite(v)]
    if not kept:
        return "-"
    numbers = np.array([value for _, value in kept])
    try:
        found = intervals.bootstrap(lambda x: float(np.mean(x)), [c for c, _ in kept], numbers, n=500)
    except DataError:
        return f"{numbers.mean():.{digits}f}"
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def count_blocks(samples: Floats) -> int:
    return -(-len(samples) // (CHIP_HOPS * HOP))


def tile_levels(samples: Floats) -> Floats:
    """Level in dB of every tile of samples (n,), one block more at each end: (BANDS + 2, blocks + 2)."""
    sums = running_energy(integral(power(transform(samples))))
    return levels(sums, -CHIP_HOPS, CHIP_HOPS, count_blocks(samples) + 2)


def with_gains(samples: Floats, gains: Floats) -> Floats:
    """Samples (n,) with their tiles changed by gains in dB (BANDS, blocks), as the embedder does it."""
    spectrum = transform(samples)
    factors = np.ones_like(spectrum.real)
    changed = bin_factors(gains)[: len(spectrum)]
    factors[: len(changed)] = changed
    return inverse(spectrum * factors, len(samples))


def with_chips(samples: Floats, chips: Floats, strength: float = DEFAULT_STRENGTH) -> Floats:
    """Samples (n,) with chips (BANDS, blocks), +-1 or 0, put on by the embedder's own informed gains."""
    return with_gains(samples, tile_gains(tile_levels(samples), chips.astype(np.int8), strength))


def heading(*cells: str) -> str:
    """The first two lines of a markdown table."""
    return "| " + " | ".join(cells) + " |\n" + "|" + " --- |" * len(cells)
