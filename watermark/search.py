"""Finding where a key's time line lies in a scene: first as it was made, then at other speeds, stretches, pitches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from . import listener, plan
from .bands import decibels, energies, levels
from .correlate import Pilot
from .layout import CHIP_HOPS, PERIOD
from .scene import Alignment, Scene

Floats = NDArray[np.float32]
# Candidates that go on from the unchanged search, from the coarse one, and to the network.
_KEPT, _COARSE, _REFINED = 12, 6, 3
# Two candidates closer than this are one.
_SAME_BLOCKS = 1.0


@dataclass(frozen=True)
class Candidate:
    """An alignment and the z of the pilot in the window where it was found (first block, count)."""

    alignment: Alignment
    z: float
    first: int
    count: int


def plain(scene: Scene, pilot: Pilot) -> list[Candidate]:
    """The best places at unchanged speed, best first."""
    total = int(scene.frames / CHIP_HOPS)
    if total < 2 * plan.INTERVAL // 4:
        return []
    found: list[Candidate] = []
    soft = [scene.soft(Alignment(1.0, CHIP_HOPS, offset, 0), 0, total) for offset in range(CHIP_HOPS)]
    sizes = (plan.LONG, plan.SHORT) if total > plan.SHORT else (plan.LONG,)
    for size in sizes:
        for first, count in plan.windows(total, size):
            z = pilot.z(np.stack([values[:, first : first + count] for values in soft]))
            found += _peaks(z, first, count, Alignment(1.0, CHIP_HOPS, 0.0, 0))
    return _distinct(found)[:_KEPT]


def _peaks(z: Floats, first: int, count: int, base: Alignment) -> list[Candidate]:
    """The four highest places of z (offsets, PERIOD) of one window."""
    flat = z.reshape(-1)
    best = np.argpartition(flat, -4)[-4:]
    step = base.block / z.shape[0]
    candidates = []
    for index in best:
        offset, phase = divmod(int(index), PERIOD)
        place = replace(base, offset=offset * step, phase=(phase - first) % PERIOD)
        candidates.append(Candidate(place, float(flat[index]), first, count))
    return candidates


def changed(scene: Scene, pilot: Pilot) -> list[Candidate]:
    """The best places at other speeds, stretches and pitches, best first."""
    total = int(scene.frames / CHIP_HOPS)
    if total < plan.INTERVAL:
        return []
    found: list[Candidate] = []
    for first, count in plan.changed_windows(total):
        start = first * CHIP_HOPS
        part = scene.part(start, start + count * CHIP_HOPS)
        for one in _changed_in(part, pilot):
            place = one.alignment.later(start)
            begin = round((start + one.alignment.offset - place.offset) / place.block)
            found.append(replace(one, alignment=place, first=begin))
    return _distinct(found)


def _changed_in(scene: Scene, pilot: Pilot) -> list[Candidate]:
    """The best places of one short window."""
    ranked: list[Candidate] = []
    for family in plan.coarse():
        sums = scene.sums(family.scale)
        count = min(int((scene.frames - family.block / 2) / family.block), PERIOD)
        halves = energies(sums, 0.0, family.block / 2, 2 * count + 1)
        both = halves[:, :-1] + halves[:, 1:]
        level = decibels(both[:, : 2 * count].reshape(len(both), count, 2).transpose(2, 0, 1) / 2)
        ranked += _peaks(pilot.rough(listener.linear(level)), 0, count, Alignment(family.scale, family.block, 0.0, 0))
    nearby = [_climb(scene, pilot, one) for one in _distinct(_highest(ranked, 6 * _COARSE))[:_COARSE]]
    return [_hear(scene, pilot, one) for one in _distinct(nearby)[:_REFINED]]


def _climb(scene: Scene, pilot: Pilot, candidate: Candidate) -> Candidate:
    """Refine offset and speed step by step with the linear listener, the middle of the window held in place."""
    sums: dict[float, NDArray[np.float64]] = {}

    def z_of(place: Alignment) -> float:
        if place.scale not in sums:
            sums[place.scale] = scene.sums(place.scale)
        start = place.offset + candidate.first * place.block
        soft = listener.linear(levels(sums[place.scale], start, place.block, candidate.count))
        return _z_at(soft, place, candidate.first, pilot)

    best = replace(candidate, z=z_of(candidate.alignment))
    for shift, stretch in ((1.5, 0.0), (0.0, 0.005), (0.75, 0.0025), (0.5, 0.00125), (0.25, 0.0006), (0.25, 0.0003)):
        around = [
            moved(best.alignment, candidate, shift * a, stretch * b)
            for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1))
            if shift * a or stretch * b
        ]
        for place in around:
            z = z_of(place)
            if z > best.z:
                best = replace(best, alignment=place, z=z)
    return best


def moved(place: Alignment, window: Candidate, shift: float, stretch: float) -> Alignment:
    """The alignment shifted by frames and stretched by a share around the middle of the window."""
    block = place.block * (1 + stretch)
    if place.block == CHIP_HOPS and place.scale != 1.0:
        scale, block = place.scale * (1 + 8 * stretch), place.block
    elif place.scale != 1.0:
        scale = CHIP_HOPS / block
    else:
        scale = 1.0
    middle = window.first + window.count / 2
    offset = place.offset + shift + middle * (place.block - block)
    return Alignment(scale, block, 0.0, place.phase).later(offset)


def _hear(scene: Scene, pilot: Pilot, candidate: Candidate) -> Candidate:
    """The candidate's z by the network, refined once more."""
    best = replace(candidate, z=network_z(scene, pilot, candidate.alignment, candidate.first, candidate.count))
    for shift in (-0.5, 0.5):
        place = moved(candidate.alignment, candidate, shift, 0.0)
        z = network_z(scene, pilot, place, candidate.first, candidate.count)
        if z > best.z:
            best = replace(best, alignment=place, z=z)
    return best


def network_z(scene: Scene, pilot: Pilot, place: Alignment, first: int, count: int) -> float:
    return _z_at(scene.soft(place, first, count), place, first, pilot)


def _z_at(soft: Floats, place: Alignment, first: int, pilot: Pilot) -> float:
    """z of soft chips (BANDS, count <= PERIOD) that begin with block `first` of an alignment."""
    places = (place.phase + first + np.arange(soft.shape[1])) % PERIOD
    chips = pilot.source.pilot[:, places]
    energy = float(np.square(soft[chips != 0]).sum())
    return float((soft * chips).sum() / np.sqrt(max(energy, 1e-12)))


def _highest(candidates: list[Candidate], count: int) -> list[Candidate]:
    return sorted(candidates, key=lambda each: -each.z)[:count]


def _distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Best first, without those that lie within a block of a better one in the same window."""
    kept: list[Candidate] = []
    for one in sorted(candidates, key=lambda each: -each.z):
        if not any(_same(one, other) for other in kept):
            kept.append(one)
    return kept


def _same(one: Candidate, other: Candidate) -> bool:
    """Whether two alignments put the middle of the first one's window at nearly the same place."""
    a, b = one.alignment, other.alignment
    if abs(a.block - b.block) > 0.02 * a.block or abs(a.scale - b.scale) > 0.05:
        return False
    frame = a.offset + (one.first + one.count / 2) * a.block
    here = a.phase + one.first + one.count / 2
    there = b.phase + (frame - b.offset) / b.block
    apart = (here - there + PERIOD / 2) % PERIOD - PERIOD / 2
    return abs(apart) < _SAME_BLOCKS
