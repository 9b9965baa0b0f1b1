"""False alarms of the watermark: the tail of its statistics on audio without the key's mark, beside the bound.

    python benchmarks/watermark_null.py --data AUDIO [--keys 40] [--files 200] [--seed 0]

AUDIO is a folder with a manifest.csv. Three tables: the pilot's z at every (clip, key, offset) of real speech, speech
from the zoo's vocoder, music, noise, and speech that carries a mark of another key; the z of handle chips at wrong
handles; and the p-values of whole verifications, search included. The bound must lie above each empirical tail.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from earwitness import watermark
from earwitness.codecs import zoo
from earwitness.core.audio import Audio, load
from earwitness.datasets import readers
from earwitness.watermark.bound import log_p
from earwitness.watermark.chips import ChipSource
from earwitness.watermark.correlate import Pilot
from earwitness.watermark.key import Key
from earwitness.watermark.layout import ALPHABET, BANDS, CHIP_HOPS, PERIOD, RATE
from earwitness.watermark.scene import Alignment, Scene
from numpy.typing import NDArray

EDGES = np.linspace(0.0, 8.0, 801)
P = tuple(10.0**-k for k in range(1, 7))


def threshold(p: float) -> float:
    """The smallest z (on the grid) at which the bound is at most p."""
    return float(EDGES[np.searchsorted(-log_p(EDGES), -np.log(p))])


class Tail:
    """How many of the z values lie at or above each place of a grid."""

    def __init__(self) -> None:
        self.counts = np.zeros(len(EDGES), np.int64)
        self.trials = 0
        self.highest = 0.0

    def add(self, z: NDArray[np.floating]) -> None:  # type: ignore[type-arg]
        flat = z.reshape(-1)
        self.trials += flat.size
        self.highest = max(self.highest, float(flat.max()))
        place = np.searchsorted(EDGES, flat, side="right")
        histogram = np.bincount(place, minlength=len(EDGES) + 1)
        self.counts += histogram[::-1].cumsum()[::-1][1:]

    def row(self, name: str) -> str:
        cells = []
        for p in P:
            seen = self.counts[np.searchsorted(EDGES, threshold(p) - 1e-9)] / self.trials
            cells.append(f"{seen:.1e}" + ("" if seen <= p else " ABOVE"))
        return f"| {name} | {self.trials:,} | {self.highest:.2f} | " + " | ".join(cells) + " |"


def sounds(folder: Path, rng: np.random.Generator) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """(kind, samples (n,) at 16 kHz, at most 15 s): 60 of speech, the rest of each kind as far as there is."""
    kept: dict[str, list[Path]] = {}
    for clip in readers.read_folder(folder):
        kept.setdefault(clip.kind if clip.kind != "speech" else f"speech {clip.split}", []).append(Path(clip.path))
    vocoder = zoo.open("vocos")
    for kind, limit in (("speech test", 60), ("music", 20), ("noise", 20)):
        paths = kept.get(kind, [])
        for index in rng.permutation(len(paths))[:limit]:
            sound = load(paths[index], rate=RATE).mono().samples[0][: 15 * RATE]
            if len(sound) < 2 * RATE:
                continue
            yield kind.split()[0], sound
            if kind == "speech test" and index % 3 == 0:
                yield "vocoder", vocoder.resynth(Audio(sound[None], RATE)).samples[0]
            if kind == "speech test" and index % 3 == 1:
                embedder = watermark.Embedder(RATE, 1, Key(rng.bytes(32)), int(rng.integers(2**32)))
                yield "other key", np.concatenate([embedder.push(sound[None]), embedder.finish()], axis=1)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keys", type=int, default=40)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    started = time.monotonic()
    clips = list(sounds(options.data, rng))
    keys = [Key(rng.bytes(32)) for _ in range(options.keys)]
    pilots = [Pilot(ChipSource(key)) for key in keys]
    tails: dict[str, Tail] = {}
    handles = Tail()
    for kind, sound in clips:
        scene = Scene.of(sound)
        total = min(int(scene.frames / CHIP_HOPS) - 1, PERIOD)
        soft = np.stack([scene.soft(Alignment(1.0, CHIP_HOPS, offset, 0), 0, total) for offset in range(CHIP_HOPS)])
        for pilot in pilots:
            tails.setdefault(kind, Tail()).add(pilot.z(soft))
        handles.add(_handles(pilots[int(rng.integers(len(pilots)))].source, soft[0]))
    print(f"| statistic | trials | highest z | {' | '.join(f'tail at bound {p:.0e}' for p in P)} |")
    print("|---" * (3 + len(P)) + "|")
    whole = Tail()
    for kind, tail in tails.items():
        print(tail.row(f"pilot, {kind}"))
        whole.counts += tail.counts
        whole.trials += tail.trials
        whole.highest = max(whole.highest, tail.highest)
    print(whole.row("pilot, all"))
    print(handles.row("one symbol of a wrong handle"))
    _files(clips, options.files, rng)
    print(f"\n{len(clips)} clips, {len(keys)} keys, {time.monotonic() - started:.0f} s.")


def _handles(source: ChipSource, soft: NDArray[np.float32]) -> NDArray[np.float32]:
    """z of every value of the first symbol, for the period numbers 0 .. 7 and one phase."""
    laid = np.pad(soft, ((0, 0), (0, PERIOD - soft.shape[1])))
    heard = np.stack(
        [(laid * source.line(number)).reshape(BANDS * PERIOD)[source.places[0]] for number in range(8)], 1
    )
    norm = np.sqrt(np.maximum(np.square(heard).sum(axis=0), 1e-12))
    found: NDArray[np.float32] = source.book(0, 0, ALPHABET).astype(np.float32) @ heard / norm
    return found


def _files(clips: list[tuple[str, NDArray[np.float32]]], count: int, rng: np.random.Generator) -> None:
    """Whole verifications, each under a fresh key: how often the reported p-value is at most p."""
    values = []
    for index in range(count):
        sound = clips[index % len(clips)][1]
        values.append(watermark.verify(sound, RATE, Key(rng.bytes(32))).p_value)
    found = np.array(values)
    print(f"\nWhole verifications with full search: {count}; smallest p {found.min():.2g}; ", end="")
    print(", ".join(f"p <= {p:g}: {np.mean(found <= p):.3f}" for p in (0.5, 0.1, 0.01, 1e-3, 1e-6)) + ".")


if __name__ == "__main__":
    main()
