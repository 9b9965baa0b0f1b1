"""A codec on a live stream: samples in as they come, packets of codes out, speech again with lost packets concealed.

Runs the ONNX graphs "encode-step" and "decode-step" of a card, without torch. All that a stream remembers is in its
object; two streams of one codec share nothing but the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import weights
from ..core.errors import UsageError
from ..core.onnx_session import open_session
from .neural import Codes, Floats

# A lost packet repeats the last one that came, quieter with each loss: after a fifth of a second only noise would
# still be worth hearing.
_FADE = 0.7


@dataclass(frozen=True)
class StreamSpec:
    """rate in Hz; hop in samples; stages of codes a frame."""

    rate: int
    hop_length: int
    stages: int

    @property
    def latency(self) -> float:
        """Seconds from a sample going in to the same sample coming out: a hop to collect, a hop to overlap."""
        return 2 * self.hop_length / self.rate


class _Step:
    """One graph with its state."""

    def __init__(self, session: Any) -> None:
        self._session = session
        first, *rest = session.get_inputs()
        self._input, self._names = first.name, [item.name for item in rest]
        self._state = {item.name: np.zeros(item.shape, dtype=np.float32) for item in rest}

    def __call__(self, value: Any) -> Any:
        made, *state = self._session.run(None, {self._input: value, **self._state})
        self._state = dict(zip(self._names, state, strict=True))
        return made


class StreamEncoder:
    """push(samples (n,)) -> codes (stages, frames) of the hops that are complete; finish() for the rest."""

    def __init__(self, spec: StreamSpec, session: Any) -> None:
        self.spec, self._step = spec, _Step(session)
        self._waiting: Floats = np.zeros(0, dtype=np.float32)

    def push(self, samples: Floats) -> Codes:
        """Codes of every hop that `samples` complete."""
        waiting = np.concatenate([self._waiting, samples.astype(np.float32)])
        whole = waiting.size // self.spec.hop_length * self.spec.hop_length
        self._waiting = waiting[whole:]
        if not whole:
            return np.zeros((self.spec.stages, 0), dtype=np.int64)
        codes: Codes = self._step(waiting[None, None, :whole])[0]
        return codes

    def finish(self) -> Codes:
        """Codes of what is left, filled up with silence, and of the hop that the last overlap needs."""
        missing = -self._waiting.size % self.spec.hop_length
        return self.push(np.zeros(missing + self.spec.hop_length, dtype=np.float32))


class StreamDecoder:
    """push(codes (stages, frames)) -> samples, one hop late at the start of a stream; lost(frames) for lost ones."""

    def __init__(self, spec: StreamSpec, session: Any) -> None:
        self.spec, self._step = spec, _Step(session)
        self._last: Codes | None = None
        self._gain, self._begun = 1.0, False

    def push(self, codes: Codes) -> Floats:
        """Speech of the frames that came, (frames * hop,); the first frame of a stream completes no hop."""
        if not codes.shape[1]:
            return np.zeros(0, dtype=np.float32)
        self._last = codes[:, -1:]
        return self._speak(codes, 1.0)

    def lost(self, frames: int) -> Floats:
        """Speech in the place of `frames` frames that did not come: the last ones again, fading."""
        if self._last is None:
            self._last = np.full((self.spec.stages, 1), -1, dtype=np.int64)
        parts = [self._speak(self._last, self._gain * _FADE) for _ in range(frames)]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)

    def _speak(self, codes: Codes, gain: float) -> Floats:
        wave: Floats = self._step(codes[None])[0, 0]
        # The gain moves evenly over the first hop, so that neither loss nor return clicks.
        hop = self.spec.hop_length
        ramp = np.full(wave.size, gain, dtype=np.float32)
        ramp[:hop] = np.linspace(self._gain, gain, hop, dtype=np.float32)
        self._gain = gain
        start = 0 if self._begun else hop
        self._begun = True
        return (wave * ramp)[start:]


def open(name: str) -> tuple[StreamEncoder, StreamDecoder]:
    """A fresh stream of a codec of the zoo. Raises UsageError when the codec has no streaming graphs."""
    card = weights.card(name, "codec")
    if "encode-step" not in card.files:
        able = [other for other, found in weights.cards("codec").items() if "encode-step" in found.files]
        raise UsageError(f"{name!r} does not stream; codecs that do: {', '.join(able) or 'none'}.")
    settings = card.settings
    spec = StreamSpec(int(settings["rate"]), int(settings["hop_length"]), len(settings["bits"]))
    encode, decode = (open_session(weights.path(card, part)) for part in ("encode-step", "decode-step"))
    return StreamEncoder(spec, encode), StreamDecoder(spec, decode)
