"""Which seconds of a recording are synthetic: frame evidence of the span expert, joined by a two-state chain.

numpy and ONNX Runtime only. A recording is a chain of genuine and synthetic stretches; the likeliest one (Viterbi)
weighs the evidence of each frame against the cost of a change, so that single frames never make a span.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import weights
from ..core.errors import WeightsError
from ..core.home import home
from ..core.onnx_session import open_session
from ..core.sound import Samples
from .verdict import Span
from .windows import LEAST, at_least

KIND = "localiser"
NAME = "spans"
# A recording this long has one chance for a false span; one of ten times the length has ten.
CHANCE = 60.0
_OUTPUTS = ("synthetic", "voice", "heard")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Chain:
    """How frame logits become spans.

    llr of a frame = scale * logit + offset, cut to [-most, most]. weight: what a frame counts beside those around it,
    which say nearly the same. change: nats that a span costs. evidence: nats beyond that cost from which on a span is
    told, in a recording of a minute or less. shortest: seconds.
    """

    scale: float = 1.0
    offset: float = 0.0
    most: float = 4.0
    weight: float = 0.2
    change: float = 6.0
    evidence: float = 2.0
    shortest: float = 0.2

    def llr(self, logits: Floats, spoken: Floats) -> Floats:
        """Nats for each frame, 0 where nobody speaks: (frames,)."""
        return np.clip(self.scale * logits + self.offset, -self.most, self.most) * spoken

    def table(self) -> dict[str, float]:
        """As stored in a model card."""
        return asdict(self)


def spans_of(llr: Floats, hop: float, chain: Chain) -> tuple[Span, ...]:
    """Stretches of frames (frames,) of `hop` seconds that are likelier synthetic, with their evidence in nats.

    The longer the recording, the more places for a false one: the evidence asked for rises by the log of the minutes.
    """
    gain = chain.weight * llr
    least = chain.evidence + math.log(max(1.0, len(llr) * hop / CHANCE))
    found = []
    for first, last in _stretches(gain, chain.change / 2):
        score = float(gain[first:last].sum()) - chain.change
        if score >= least and (last - first) * hop >= chain.shortest - 1e-9:
            found.append(Span(first * hop, last * hop, score))
    return tuple(found)


def _stretches(gain: Floats, cost: float) -> list[tuple[int, int]]:
    """Frames [first, last) in the state "synthetic" on the best path: a frame there is worth its gain, each change
    of state costs, and the path is genuine before and after."""
    frames = len(gain)
    stay = np.zeros((frames, 2), dtype=bool)
    genuine, synthetic = 0.0, -cost
    for index, value in enumerate(gain.tolist()):
        leave, enter = synthetic - cost, genuine - cost
        stay[index] = genuine >= leave, synthetic >= enter
        genuine, synthetic = max(genuine, leave), max(synthetic, enter) + value
    state = int(synthetic - cost > genuine)
    found: list[tuple[int, int]] = []
    last = frames
    for index in range(frames - 1, -1, -1):
        if not stay[index, state]:
            if state:
                found.append((index, last))
            last, state = index, 1 - state
    if state:
        found.append((0, last))
    return found[::-1]


class Frames(NamedTuple):
    """For each frame (frames,): log-odds of synthetic before the chain's scale; share of sound near the loud level,
    by energy alone; the same times the probability that it is speech."""

    logits: Floats
    heard: Floats
    spoken: Floats


class Localiser:
    """The span expert in ONNX Runtime. One session for each process and setting: see `open`."""

    def __init__(self, card: weights.Card, threads: int = 1) -> None:
        self._session = open_session(weights.path(card, "onnx"), threads)
        table = dict(card.settings)
        self.name, self.rate = card.name, int(table.pop("rate", 16000))
        self.hop = float(table.pop("hop", 0.02))
        try:
            self.chain = Chain(**{key: float(value) for key, value in table.items()})
        except (TypeError, ValueError) as error:
            raise WeightsError(f"The card of {card.name!r} does not fit this version: {error}.") from error
        self.model = {"name": card.name, "version": card.version, "sha256": card.files["onnx"]["sha256"]}

    def hear(self, window: Samples, frames: int | None = None) -> Frames:
        """What it hears in each `hop` seconds of a window (n,), or in `frames` of them where the caller counts."""
        logits, voice, heard = self._session.run(list(_OUTPUTS), {"samples": at_least(window, LEAST)[None]})
        frames = round(len(window) / self.rate / self.hop) if frames is None else frames
        spoken = heard[0] / (1.0 + np.exp(-voice[0].astype(np.float64)))
        return Frames(_fitted(logits[0], frames), _fitted(heard[0], frames), _fitted(spoken, frames))

    def spans(self, windows: Sequence[Frames]) -> tuple[Span, ...]:
        """The synthetic spans of a channel from what `hear` gave for its windows, one after the other."""
        llr = [self.chain.llr(window.logits, window.spoken) for window in windows]
        return spans_of(np.concatenate([np.zeros(0), *llr]), self.hop, self.chain)

    def speech(self, windows: Sequence[Frames]) -> float:
        """Net seconds in which somebody speaks."""
        return float(sum(window.spoken.sum() for window in windows)) * self.hop


def _fitted(values: NDArray[Any], frames: int) -> Floats:
    """Cut or filled up with zeros to `frames`."""
    kept = values[:frames].astype(np.float64)
    return np.pad(kept, (0, frames - len(kept)))


def open(name: str = NAME, threads: int = 1) -> Localiser:
    """The span expert of that name, shared within this process. Raises WeightsError as `registry.open`."""
    return _opened(name, str(home()), threads)


@lru_cache(maxsize=2)
def _opened(name: str, home_folder: str, threads: int) -> Localiser:
    return Localiser(weights.card(name, KIND), threads)
