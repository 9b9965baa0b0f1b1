"""Splices: speech in which spans were replaced, for detectors that tell which seconds are synthetic.

Whoever learns from them must not learn the joint: so genuine spans are put into genuine speech as well, stretches of
a recording go through a classical codec alone, and the whole is coded again afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..core.audio import Audio
from ..core.errors import DataError
from .augment import Beds, Chain, draw_chain
from .augment_policy import Policy, named

Wave = NDArray[np.float32]
Spans = tuple[tuple[float, float], ...]

RATE = 16000
FADE = (0.0, 0.03)  # seconds of a cross-fade
LENGTH = (0.25, 2.0)  # seconds of a span
MOST = 0.45  # share of the host that one span may take
SHIFT = 0.05  # seconds by which a copy may lag behind its source
ALIKE = 0.8  # correlation of envelopes from which on two sounds say the same at the same time
_GAIN = (0.25, 4.0)
_TRIES = 8
_QUIET = 0.2  # rms of a span under that of its host: a pause, not worth replacing
_ENVELOPE = 160
SPEECH_DB = 25.0

# What a splice is made of, and how often.
SYNTHETIC, GENUINE, CODED, WHOLE = "synthetic", "genuine", "coded", "whole"
KINDS: Mapping[str, float] = {SYNTHETIC: 0.55, GENUINE: 0.2, CODED: 0.1, WHOLE: 0.15}
# Policies of what happens to the whole afterwards, and how often.
AFTER: Mapping[str, float] = {"none": 0.35, "light": 0.45, "wide": 0.2}


@dataclass(frozen=True, eq=False)
class Splice:
    """samples: (n,) at RATE. synthetic: seconds that a system made. joints: seconds where two sounds meet. clean: the
    same before anything was added to it, which tells where there is speech; None: there is none."""

    samples: Wave
    synthetic: Spans = ()
    joints: tuple[float, ...] = ()
    clean: Wave | None = None


@dataclass(frozen=True, eq=False)
class Host:
    """One genuine recording (n,) at RATE; copies: the same by systems, in time with it; others: of its speaker."""

    samples: Wave
    copies: Sequence[Wave] = ()
    others: Sequence[Wave] = ()


def aligned(copy: Wave, source: Wave) -> Wave | None:
    """A copy (m,) moved in time to its source (n,), as long as it; None when they do not say the same.

    By the correlation of envelopes of 10 ms within SHIFT, which a vocoder keeps and phase does not matter for.
    """
    shift = round(SHIFT * RATE)
    length = min(len(copy), len(source))
    if length < RATE // 2:
        return None
    own, other = _envelope(copy[:length]), _envelope(source[:length])
    reach = shift // _ENVELOPE
    found = {lag: _correlation(own, other, lag) for lag in range(-reach, reach + 1)}
    best = max(found, key=lambda lag: found[lag])
    if found[best] < ALIKE:
        return None
    lag = best * _ENVELOPE
    moved = copy[max(0, lag) :]
    moved = np.concatenate([np.zeros(max(0, -lag), np.float32), moved])[: len(source)]
    return np.concatenate([moved, source[len(moved) :]])


def _envelope(wave: Wave) -> NDArray[np.float64]:
    count = len(wave) // _ENVELOPE
    power = np.square(wave[: count * _ENVELOPE], dtype=np.float64).reshape(count, _ENVELOPE).mean(axis=1)
    envelope: NDArray[np.float64] = np.sqrt(power)
    return envelope


def _correlation(own: NDArray[np.float64], other: NDArray[np.float64], lag: int) -> float:
    a, b = own[max(0, lag) :], other[max(0, -lag) :]
    size = min(len(a), len(b))
    a, b = a[:size] - a[:size].mean(), b[:size] - b[:size].mean()
    power = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / power if power > 0 else 0.0


def splice(host: Wave, donor: Wave, rng: np.random.Generator, *, synthetic: bool, spans: int = 1) -> Splice:
    """`spans` stretches of `host` (n,) replaced by what `donor` (n,) holds at the same time, at the host's level.

    Lengths are drawn from LENGTH (evenly in their logarithm), cross-fades from FADE. Pauses are left alone. Raises
    DataError for unequal lengths.
    """
    if host.shape != donor.shape:
        raise DataError(f"A span can be taken only from a sound as long as its host, not {donor.size} samples.")
    mixed, taken = host.copy(), np.zeros(len(host), dtype=bool)
    level = _rms(host)
    found: list[tuple[float, float]] = []
    for _ in range(spans):
        for _ in range(_TRIES):
            size = min(round(np.exp(rng.uniform(*np.log(LENGTH))) * RATE), int(MOST * len(host)))
            start = int(rng.integers(len(host) - size + 1))
            stretch = slice(start, start + size)
            if not taken[stretch].any() and _rms(host[stretch]) > _QUIET * level and _rms(donor[stretch]) > 0:
                break
        else:
            continue
        gain = np.clip(_rms(host[stretch]) / _rms(donor[stretch]), *_GAIN)
        share = _faded(size, round(rng.uniform(*FADE) * RATE))
        mixed[stretch] = share * np.float32(gain) * donor[stretch] + (1 - share) * host[stretch]
        taken[max(0, start - RATE // 5) : start + size + RATE // 5] = True
        found.append((start / RATE, (start + size) / RATE))
    found.sort()
    joints = tuple(edge for span in found for edge in span)
    return Splice(mixed, tuple(found) if synthetic else (), joints, mixed)


def _faded(size: int, fade: int) -> Wave:
    share = np.ones(size, np.float32)
    fade = min(fade, size // 2)
    if fade:
        slope = (np.arange(fade, dtype=np.float32) + 0.5) / fade
        share[:fade], share[-fade:] = slope, slope[::-1]
    return share


def _rms(wave: Wave) -> float:
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))


def draw(host: Host, rng: np.random.Generator, kinds: Mapping[str, float] = KINDS) -> Splice:
    """A splice of one of `kinds` around a host; WHOLE when the host has nothing to be spliced with."""
    names = [
        name
        for name in kinds
        if not (name == SYNTHETIC and not host.copies) and not (name == GENUINE and len(host.samples) < RATE)
    ]
    share = np.array([kinds[name] for name in names])
    kind = names[int(rng.choice(len(names), p=share / share.sum()))]
    spans = 1 + int(rng.random() < 0.3)
    if kind == SYNTHETIC:
        copy = host.copies[int(rng.integers(len(host.copies)))]
        return splice(host.samples, copy, rng, synthetic=True, spans=spans)
    if kind == GENUINE:
        return splice(host.samples, _other(host, rng), rng, synthetic=False, spans=spans)
    if kind == CODED:
        chain = draw_chain(rng, _CODED, [])
        coded = chain.apply(Audio(host.samples[None], RATE), int(rng.integers(1 << 31)))
        return splice(host.samples, coded.samples[0], rng, synthetic=False, spans=spans)
    return Splice(host.samples, clean=host.samples)


def _other(host: Host, rng: np.random.Generator) -> Wave:
    """Genuine sound as long as the host: of the same speaker, or the host itself from another place on."""
    size = len(host.samples)
    if host.others and rng.random() < 0.5:
        return np.resize(host.others[int(rng.integers(len(host.others)))], size)
    return np.roll(host.samples, int(rng.integers(size // 4, size - size // 4)))


_CODED = Policy("coded", clean=0.0, codec=1.0, codecs=named("light").codecs)


def after(spliced: Splice, rng: np.random.Generator, beds: Beds | None = None) -> Splice:
    """The whole through a chain of one of the policies of AFTER: what its joints were is no longer plain."""
    names = list(AFTER)
    policy = named(names[int(rng.choice(len(names), p=list(AFTER.values())))])
    chain: Chain = draw_chain(rng, policy, list(beds or {}))
    changed = chain.apply(Audio(spliced.samples[None], RATE), int(rng.integers(1 << 31)), beds)
    return replace(spliced, samples=changed.samples[0])


def frame_labels(spans: Sequence[tuple[float, float]], frames: int, hop: float) -> NDArray[np.float32]:
    """1 for frames of `hop` seconds whose middle lies in a span, else 0: (frames,)."""
    middle = (np.arange(frames) + 0.5) * hop
    inside = np.zeros(frames, dtype=bool)
    for start, end in spans:
        inside |= (middle >= start) & (middle < end)
    return inside.astype(np.float32)


def joint_labels(joints: Sequence[float], frames: int, hop: float) -> NDArray[np.float32]:
    """1 for the frames of `hop` seconds that hold a joint and their neighbours, else 0: (frames,)."""
    labels = np.zeros(frames, np.float32)
    for at in joints:
        centre = int(at / hop)
        labels[max(0, centre - 1) : centre + 2] = 1
    return labels


def speech_labels(clean: Wave | None, frames: int, hop: float) -> NDArray[np.float32]:
    """1 for frames of `hop` seconds within SPEECH_DB of the loud ones of a clean recording (n,), else 0: (frames,).

    The loud level is the mean of amplitudes weighted by themselves.
    """
    labels = np.zeros(frames, np.float32)
    if clean is None:
        return labels
    size = round(hop * RATE)
    count = min(frames, len(clean) // size)
    level = np.sqrt(np.square(clean[: count * size], dtype=np.float64).reshape(count, size).mean(axis=1)) + 1e-9
    loud = np.square(level).sum() / level.sum()
    labels[:count] = 20 * np.log10(level / loud) > -SPEECH_DB
    return labels


@dataclass(frozen=True, eq=False)
class SpliceTable:
    """Splices of one length as training data.

    samples: int16 (n, samples) at RATE. synthetic, joint, speech: (n, frames) of 0 and 1, `hop` seconds each. length:
    samples before the filling, (n,).
    """

    samples: NDArray[np.int16]
    synthetic: NDArray[np.uint8]
    joint: NDArray[np.uint8]
    speech: NDArray[np.uint8]
    length: NDArray[np.int64]
    hop: float
    digest: str

    @property
    def hours(self) -> float:
        """Of speech, without what fills it up."""
        return float(self.length.sum()) / RATE / 3600

    def rows(self, step: int, size: int, seed: int) -> NDArray[np.intp]:
        """The `size` rows of a batch: a pure function of the step; each row comes once before any comes twice."""
        turn, place = divmod(step * size, len(self.samples))
        turns = range(turn, turn + 2 + size // len(self.samples))
        order = [np.random.default_rng([seed, number]).permutation(len(self.samples)) for number in turns]
        return np.concatenate(order)[place : place + size]

    def labels(self, rows: NDArray[np.intp]) -> Mapping[str, NDArray[np.float32]]:
        """synthetic, joint, speech, known (batch, frames): 1 where there is sound to label."""
        times = (np.arange(self.synthetic.shape[1]) + 1) * self.hop * RATE
        known = times[None] <= self.length[rows][:, None]
        labels = {"synthetic": self.synthetic, "joint": self.joint, "speech": self.speech}
        return {
            **{name: of[rows].astype(np.float32) for name, of in labels.items()},
            "known": known.astype(np.float32),
        }


def tabulate(make: Callable[[int], Splice], count: int, samples: int, hop: float, digest: str) -> SpliceTable:
    """A table of the splices make(0) to make(count - 1), each cut or filled up to `samples`."""
    frames = int(samples / RATE / hop)
    held = np.zeros((count, samples), np.int16)
    synthetic, joint, speech = (np.zeros((count, frames), np.uint8) for _ in range(3))
    length = np.zeros(count, np.int64)
    for row in range(count):
        made = make(row)
        wave = made.samples[:samples]
        held[row, : len(wave)] = np.round(np.clip(wave, -1, 1) * 32767)
        length[row] = len(wave)
        synthetic[row] = frame_labels(made.synthetic, frames, hop)
        joint[row] = joint_labels(made.joints, frames, hop)
        speech[row] = speech_labels(made.clean, frames, hop)
    return SpliceTable(held, synthetic, joint, speech, length, hop, digest)
