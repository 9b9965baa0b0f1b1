"""Putting the mark on: block by block, at the sound's own rate, in constant memory."""

from __future__ import annotations

import numpy as np

from ..core.audio import Samples, StreamResampler
from ..core.errors import AudioError, UsageError
from .bands import integral, inverse, levels, power, running_energy, transform
from .chips import Chips, ChipSource
from .gains import DEFAULT_STRENGTH, STRONGEST, WEAKEST, bin_factors, tile_gains
from .key import Key
from .layout import CHIP_HOPS, HOP, RATE

# Blocks of the time line that are computed at once; the result does not depend on how samples are pushed.
_BLOCKS = 64
_BLOCK = CHIP_HOPS * HOP
# Blocks of context on each side: one for the neighbours of a tile, one for the frames that reach across.
_CONTEXT = 2
LOWEST_RATE, HIGHEST_RATE = 8000, 384000


class Embedder:
    """Marks a stream: what is pushed comes out, marked, a few seconds later; in all, as many samples as went in.

    rate: Hz, 8000 at least. handle: the number (32 bits) that the mark carries. strength: gain in dB, 0.5 to 6.
    Raises UsageError for a strength or handle outside its range, AudioError for a lower rate.
    """

    def __init__(self, rate: int, channels: int, key: Key, handle: int, strength: float = DEFAULT_STRENGTH) -> None:
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise AudioError(f"A mark needs a sampling rate of {LOWEST_RATE} to {HIGHEST_RATE} Hz, not {rate}.")
        if not WEAKEST <= strength <= STRONGEST:
            raise UsageError(f"The strength must lie between {WEAKEST:g} and {STRONGEST:g} dB, not {strength:g}.")
        if not 0 <= handle < 2**32:
            raise UsageError(f"A handle is a number of 32 bits, not {handle}.")
        source = ChipSource(key)
        self._chips, self._start = source.periods(handle), source.start(handle)
        self._strength = strength
        self._down = StreamResampler(rate, RATE, channels)
        self._up = StreamResampler(RATE, rate, channels)
        self._waiting = np.zeros((channels, 0), np.float32)
        self._change = np.zeros((channels, 0), np.float32)
        self._heard = np.zeros((channels, _CONTEXT * _BLOCK), np.float32)
        self._block = 0

    def push(self, samples: Samples) -> Samples:
        """Take (channels, n); give back those marked samples (channels, m) that are ready."""
        self._waiting = np.concatenate([self._waiting, samples], axis=1)
        self._heard = np.concatenate([self._heard, self._down.push(samples)], axis=1)
        self._advance()
        return self._ready(self._change.shape[1])

    def finish(self) -> Samples:
        """The marked samples that are still owed. The embedder is used up then."""
        tail = self._down.flush()
        needed = (_BLOCKS + 2 * _CONTEXT) * _BLOCK
        self._heard = np.concatenate([self._heard, tail, np.zeros((tail.shape[0], needed), np.float32)], axis=1)
        self._advance()
        self._change = np.concatenate([self._change, self._up.flush()], axis=1)
        owed = self._waiting.shape[1]
        short = max(0, owed - self._change.shape[1])
        self._change = np.pad(self._change, ((0, 0), (0, short)))
        return self._ready(owed)

    def _ready(self, count: int) -> Samples:
        count = min(count, self._waiting.shape[1])
        out = self._waiting[:, :count] + self._change[:, :count]
        self._waiting, self._change = self._waiting[:, count:], self._change[:, count:]
        return out

    def _advance(self) -> None:
        """Compute the change for every whole run of blocks that was heard with its context."""
        size = (_BLOCKS + 2 * _CONTEXT) * _BLOCK
        parts = [self._change]
        while self._heard.shape[1] >= size:
            chips = self._chips.blocks(self._start + self._block - 1, _BLOCKS + 2)
            if self._block == 0:
                chips[:, 0] = 0
            change = np.stack([_change(channel, chips, self._strength) for channel in self._heard[:, :size]])
            parts.append(self._up.push(change))
            self._heard = self._heard[:, _BLOCKS * _BLOCK :]
            self._block += _BLOCKS
        self._change = np.concatenate(parts, axis=1)


def _change(samples: Samples, chips: Chips, strength: float) -> Samples:
    """What the mark adds to the middle _BLOCKS of samples (n,) at 16 kHz; chips cover one block more on each side."""
    spectrum = transform(samples)
    level = levels(running_energy(integral(power(spectrum))), 0, CHIP_HOPS, _BLOCKS + 2 * _CONTEXT)
    gains = np.zeros((chips.shape[0], _BLOCKS + 2 * _CONTEXT), np.float32)
    gains[:, 1:-1] = tile_gains(level, chips, strength)
    factors = np.ones_like(spectrum.real)
    marked = bin_factors(gains)[: len(spectrum)]
    factors[: len(marked)] = marked
    whole = inverse(spectrum * (factors - 1), len(samples))
    return whole[_CONTEXT * _BLOCK : (_CONTEXT + _BLOCKS) * _BLOCK]
