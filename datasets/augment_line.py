"""Steps for the way of sound over the line: sampling rates, codecs, lost packets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import uniform_filter1d

from ..codecs import classical
from ..core.audio import Audio, resample
from .augment_step import Beds, Step


@dataclass(frozen=True)
class Rate(Step):
    """To `hz` and back, which is a steep low-pass at hz / 2 when that is lower than the sound's own rate."""

    hz: int

    def wrong(self) -> str:
        return "" if 1000 <= self.hz <= 384000 else "hz is 1000 to 384000"

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        back = resample(resample(audio, self.hz), audio.rate).samples
        length = audio.samples.shape[1]
        return Audio(np.pad(back, ((0, 0), (0, max(0, length - back.shape[1]))))[:, :length], audio.rate)


@dataclass(frozen=True)
class Codec(Step):
    """Coded and decoded by the classical codec `name` at `kbps`; 0 for codecs without a choice."""

    name: str
    kbps: float

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        return _codec(self.name).resynth(audio, self.kbps or None)


@dataclass(frozen=True)
class Loss(Step):
    """`percent` of the packets of `ms` lost in bursts of `burst` on average (Gilbert's two states).

    fill: what stands in for them: zero; repeat, the last packet that came, softer each time; fade, the same
    with a cross-fade of 4 ms at the edges.
    """

    percent: float
    ms: int
    burst: float
    fill: str

    def wrong(self) -> str:
        if self.fill not in ("zero", "repeat", "fade"):
            return "the fills are zero, repeat and fade"
        return "" if 0 <= self.percent <= 50 and self.ms >= 5 and self.burst >= 1 else "0-50 %, 5 ms, burst 1 or more"

    def apply(self, audio: Audio, rng: np.random.Generator, beds: Beds) -> Audio:
        size = max(1, audio.rate * self.ms // 1000)
        count = audio.samples.shape[1] // size
        if count == 0:
            return audio
        lost = np.asarray(self._lost(count, rng))
        lost[0] = False  # there is nothing yet to stand in for it
        number = np.arange(count)
        came = np.maximum.accumulate(np.where(lost, 0, number))
        gains = np.where(lost, 0.0 if self.fill == "zero" else 0.5 ** (number - came), 1.0).astype(np.float32)
        packets = audio.samples[:, : count * size].reshape(audio.channels, count, size)
        heard = audio.samples.copy()
        heard[:, : count * size] = (packets[:, came] * gains[:, None]).reshape(audio.channels, -1)
        if self.fill != "fade":
            return Audio(heard, audio.rate)
        share = np.zeros(audio.samples.shape[1], np.float32)
        share[: count * size] = np.repeat(lost, size)
        share = uniform_filter1d(share, max(1, audio.rate // 250), mode="nearest")
        return Audio(heard * share + audio.samples * (1 - share), audio.rate)

    def _lost(self, count: int, rng: np.random.Generator) -> list[bool]:
        """Which packets are lost: `percent` of all, `burst` in a row on average (a chain of two states)."""
        share = self.percent / 100
        leave = 1 / self.burst
        enter = leave * share / (1 - share)
        lost, states = False, []
        for chance in rng.random(count).tolist():
            lost = chance >= leave if lost else chance < enter
            states.append(lost)
        return states


@lru_cache(maxsize=64)
def _codec(name: str) -> classical.ClassicalCodec:
    return classical.open(name)
