"""Channel simulation for both classes alike: a seeded chain of named steps that a manifest can write down.

chain = draw_chain(np.random.default_rng(seed), "wide")
changed = chain.apply(audio, seed)
assert Chain.parse(str(chain)) == chain
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..core.audio import Audio, load, resample
from . import augment_denoise, augment_device, augment_line, augment_place  # noqa: F401 - they register their steps
from .augment_policy import POLICIES, Policy, draw_steps, named
from .augment_step import Beds, Step
from .manifest import Clip

__all__ = ["POLICIES", "Beds", "Chain", "Policy", "RecordedBeds", "Step", "draw_chain", "named"]

# Highest peak that leaves a chain; a sum of steps may not clip by accident when it is written as integers.
_PEAK = 0.99
_BED_RATE = 16000


@dataclass(frozen=True)
class Chain:
    """Steps in the order in which sound passes them. None at all: the clip stays clean, its text is ""."""

    steps: tuple[Step, ...] = ()

    def apply(self, audio: Audio, seed: int, beds: Beds | None = None) -> Audio:
        """`audio` through all steps: same rate, length and channels, peak at most 0.99 unless nothing was done.

        The same chain and seed do the same to sounds of one length: same noise, same lost packets. Raises
        DataError when a bed is missing, MissingPart when an encoder or pyroomacoustics is.
        """
        if not self.steps or audio.samples.shape[1] == 0:
            return audio
        changed = audio
        for number, step in enumerate(self.steps):
            changed = step.apply(changed, np.random.default_rng([seed, number]), beds or {})
        peak = float(np.abs(changed.samples).max())
        return changed if peak <= _PEAK else Audio(changed.samples * np.float32(_PEAK / peak), audio.rate)

    def __str__(self) -> str:
        return " > ".join(str(step) for step in self.steps)

    @classmethod
    def parse(cls, text: str) -> Chain:
        """A chain from its textual form. Raises DataError when it is not one."""
        return cls(tuple(Step.parse(part) for part in text.split(">")) if text.strip() else ())


class RecordedBeds(Mapping[str, Audio]):
    """Noise and music clips of a manifest as beds, named by kind and digest, mono at 16 kHz, read when asked for."""

    def __init__(self, clips: Iterable[Clip]) -> None:
        chosen = [clip for clip in clips if clip.kind in ("noise", "music") and clip.sha256]
        self._paths = {f"{clip.kind}-{clip.sha256[:12]}": clip.path for clip in chosen}

    def __getitem__(self, name: str) -> Audio:
        return _bed(self._paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def draw_chain(rng: np.random.Generator, policy: Policy | str = "wide", beds: Iterable[str] = ()) -> Chain:
    """A chain by a policy or its name; `beds` names the recordings that may be laid under.

    It depends only on the state of `rng`, the policy and the beds, never on the sound: draw with the same
    seed for both members of a pair. Raises RecipeError for an unknown policy.
    """
    found = named(policy) if isinstance(policy, str) else policy
    return Chain(draw_steps(rng, found, sorted(beds)))


@lru_cache(maxsize=128)
def _bed(path: str) -> Audio:
    return resample(load(path).mono(), _BED_RATE)
