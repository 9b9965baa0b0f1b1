"""One scene and one key: every alignment that may carry the mark, weighed with the handle that it carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import decode, plan, search
from .bound import log_p
from .correlate import Pilot
from .layout import CHIP_HOPS, PERIOD
from .scene import Alignment, Scene

Floats = NDArray[np.float32]
# Alignments that are read to the end; a pilot below this z is not worth reading.
_READ, _WORTH = 4, 3.5
# With the pilot this certain at unchanged speed, no other speed is searched.
_CERTAIN = np.log(1e-9)
# Beyond this a period number is looked for among all.
_SURE = np.log(1e-12)
# With a pilot of this z the handle's chips, which are more, reach z 12 and are read.
_HANDLE_HEARD = 11.0
# Shares of the error probability: pilots unchanged, pilots changed, handles known, any handle.
_SHARE_PLAIN, _SHARE_CHANGED, _SHARE_KNOWN, _SHARE_FREE = 0.35, 0.25, 0.2, 0.2


@dataclass(frozen=True)
class Heard:
    """An alignment, the blocks that support it, what they say, and a bound on p after everything that was tried.

    first, count: blocks of the alignment. z: of the statistic that gave `log_p`. hypotheses: how many stand behind
    that bound. reading: the handle, where its own chips confirm it. hollow: the pilot is so strong that a handle
    would be heard as well, but none is: what somebody makes who learnt the pilot from marked sounds, without the key.
    """

    alignment: Alignment
    first: int
    count: int
    z: float
    log_p: float
    hypotheses: float
    reading: decode.Reading | None
    hollow: bool
    soft: Floats

    @property
    def tempo(self) -> float:
        return self.alignment.tempo


def examine(scene: Scene, pilot: Pilot, known: NDArray[np.uint32], how: plan.Search, confirmed: float) -> list[Heard]:
    """What a scene says about a key, best first; empty when it is too short to say anything.

    known: handles of this key's records. confirmed: the bound at which a handle counts as heard.
    """
    blocks = int(scene.frames / CHIP_HOPS)
    unchanged = plan.plain_hypotheses(blocks) / _SHARE_PLAIN
    candidates = [(one, unchanged) for one in search.plain(scene, pilot)]
    if not candidates:
        return []
    certain = log_p(candidates[0][0].z) + np.log(unchanged) < _CERTAIN
    if how == "full" and not certain:
        changed = plan.changed_hypotheses(blocks) / _SHARE_CHANGED
        candidates += [(one, changed) for one in search.changed(scene, pilot)]
    candidates.sort(key=lambda entry: float(log_p(entry[0].z) + np.log(entry[1])))
    chosen = [entry for entry in candidates if entry[0].z >= _WORTH][:_READ] or candidates[:1]
    return _weigh(scene, pilot, chosen, known, confirmed)


def _weigh(
    scene: Scene,
    pilot: Pilot,
    chosen: list[tuple[search.Candidate, float]],
    known: NDArray[np.uint32],
    confirmed: float,
) -> list[Heard]:
    """Read the handle on the stretch that supports each candidate most, and bound p."""
    stretches, places = [], []
    for candidate, _ in chosen:
        alignment = candidate.alignment
        total = alignment.count(scene.frames)
        soft = scene.soft(alignment, 0, total)
        first, count = supported(soft, alignment, pilot, candidate)
        places.append((soft, first, count))
        stretches.append(
            decode.Stretch(pilot.source, soft[:, first : first + count], int((alignment.phase + first) % PERIOD))
        )
    far = any(log_p(stretch.z_pilot) < _SURE for stretch in stretches)
    heard = []
    for (candidate, tried), stretch, place, (free, listed) in zip(
        chosen, stretches, places, decode.read(stretches, known, far), strict=True
    ):
        soft, first, count = place
        share = (
            _SHARE_PLAIN
            if candidate.alignment.block == CHIP_HOPS == candidate.alignment.scale * CHIP_HOPS
            else (_SHARE_CHANGED)
        )
        spots = tried * share * plan.intervals(soft.shape[1])
        best = (float(log_p(candidate.z) + np.log(tried)), candidate.z, tried)
        reading = None
        for one, handles, part in ((listed, float(len(known)), _SHARE_KNOWN), (free, 2.0**32, _SHARE_FREE)):
            if one is None:
                continue
            joint = one.log_p + float(np.log(spots / part))
            if joint < best[0]:
                best = joint, one.z, spots * handles * np.exp(decode.period_prior(one.period)) / part
            # A stored handle that shares a symbol with the true one scores as well, but the true one scores better.
            if one.log_p_handle < min(confirmed, 0.0 if reading is None else reading.log_p_handle):
                reading = one
        hollow = reading is None and stretch.z_pilot >= _HANDLE_HEARD
        bounded = min(best[0], 0.0)
        heard.append(Heard(candidate.alignment, first, count, best[1], bounded, best[2], reading, hollow, soft))
    return sorted(heard, key=lambda one: one.log_p)


def supported(soft: Floats, alignment: Alignment, pilot: Pilot, candidate: search.Candidate) -> tuple[int, int]:
    """The interval (first block, count) on the search's grid whose pilot gives the highest z."""
    total = soft.shape[1]
    chips = pilot.source.pilot[:, alignment.places(total)]
    cells = -(-total // plan.INTERVAL)
    edges = np.minimum(np.arange(cells + 1) * plan.INTERVAL, total)
    sums = np.concatenate([[0.0], np.cumsum((soft * chips).sum(axis=0))])[edges]
    energy = np.concatenate([[0.0], np.cumsum((np.square(soft) * (chips != 0)).sum(axis=0))])[edges]
    starts, ends = np.triu_indices(cells + 1, 1)
    z = (sums[ends] - sums[starts]) / np.sqrt(np.maximum(energy[ends] - energy[starts], 1e-12))
    best = int(np.argmax(z))
    low, high = int(edges[starts[best]]), int(edges[ends[best]])
    return low, high - low
