"""Shards of int16 samples that training reads by memory map, and crops drawn from them."""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.audio import Audio, load, resample
from ..core.errors import DataError
from . import manifest
from .manifest import Clip

VERSION = 1
_SHARD_SAMPLES = 1 << 26  # 128 MiB of int16
_SILENCE_RMS = 10 ** (-50 / 20)
_TRIES = 8


@dataclass(frozen=True)
class Packed:
    """An opened pack: `clips[i]` has the samples `samples(i)`, mono int16 at `rate`."""

    folder: Path
    rate: int
    digest: str
    clips: tuple[Clip, ...]
    shard: NDArray[np.int64]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    shards: tuple[NDArray[np.int16], ...]

    @classmethod
    def open(cls, folder: Path | str) -> Packed:
        """Open a folder written by `pack`; raises DataError when it is not one, is of another version, or
        its parts do not belong together."""
        root = Path(folder)
        try:
            head = tomllib.loads((root / "pack.toml").read_text(encoding="utf-8"))
            with np.load(root / "index.npz", allow_pickle=False) as index:
                shard, offset, length = index["shard"], index["offset"], index["length"]
            count = int(head["shards"])
            shards = tuple(np.load(root / _shard_name(i), mmap_mode="r") for i in range(count))
            rate, digest, version = int(head["rate"]), str(head["digest"]), int(head["version"])
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"'{root}' is not a pack of speech, or is broken: {error}.") from error
        if version != VERSION:
            raise DataError(f"'{root}' is a pack of version {version}; this earwitness reads version {VERSION}.")
        clips = tuple(manifest.read(root / "manifest.jsonl"))
        if manifest.digest(clips) != digest or len(clips) != len(length):
            raise DataError(f"'{root}': the manifest is not the one that was packed.")
        sizes = np.array([len(samples) for samples in shards], dtype=np.int64)
        if clips and bool(np.any(offset + length > sizes[shard])):
            raise DataError(f"'{root}': a shard is shorter than its index says.")
        return cls(root, rate, digest, clips, shard, offset, length, shards)

    def samples(self, clip: int, start: int = 0, count: int | None = None) -> NDArray[np.int16]:
        """A view of the mapped samples of a clip, from `start`, `count` or all that follow."""
        begin = int(self.offset[clip]) + start
        end = int(self.offset[clip] + self.length[clip]) if count is None else begin + count
        return self.shards[int(self.shard[clip])][begin:end]

    def wave(self, clip: int, start: int = 0, count: int | None = None) -> NDArray[np.float32]:
        """The same as float32 in [-1, 1]."""
        return self.samples(clip, start, count).astype(np.float32) / np.float32(32768)

    @property
    def hours(self) -> float:
        return float(self.length.sum()) / self.rate / 3600


def pack(
    clips: Sequence[Clip],
    out_dir: Path | str,
    rate: int = 16000,
    transform: Callable[[Audio], Audio] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Packed:
    """Decode `clips` to mono at `rate`, through `transform` if given, into shards; return them opened.

    The folder appears whole or not at all. A pack of the same clips and rate that is already there is kept;
    anything else there is refused with DataError. `progress(done, total)` is called after each clip.
    Files: `shard-000.npy` (int16), `index.npz` (shard, offset, length for each clip), `manifest.jsonl`,
    `pack.toml`.
    """
    out = Path(out_dir)
    name = manifest.digest(clips)
    if (out / "pack.toml").exists():
        found = Packed.open(out)
        if found.digest != name or found.rate != rate:
            raise DataError(f"'{out}' holds a pack of other clips or another rate; choose another folder.")
        return found
    if out.exists() and any(out.iterdir()):
        raise DataError(f"'{out}' is not empty and no pack; choose another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        _write_shards(clips, building, rate, transform, progress)
        # Paths of the originals lie outside the pack, so they stay absolute; the sound itself is in the shards.
        manifest.write(building / "manifest.jsonl", clips)
        head = f'version = {VERSION}\nrate = {rate}\ndigest = "{name}"\n'
        shards = len(list(building.glob("shard-*.npy")))
        (building / "pack.toml").write_text(f"{head}shards = {shards}\nclips = {len(clips)}\n", encoding="utf-8")
        building.chmod(0o755)
        os.replace(building, out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return Packed.open(out)


def _shard_name(number: int) -> str:
    return f"shard-{number:03d}.npy"


def _write_shards(
    clips: Sequence[Clip],
    out: Path,
    rate: int,
    transform: Callable[[Audio], Audio] | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    index = np.zeros((3, len(clips)), dtype=np.int64)
    shard, held, size = 0, list[NDArray[np.int16]](), 0
    for number, clip in enumerate(clips):
        audio = resample(load(clip.path).mono(), rate)
        if transform is not None:
            audio = transform(audio)
        samples = np.clip(np.rint(audio.samples[0] * 32768), -32768, 32767).astype(np.int16)
        if held and size + len(samples) > _SHARD_SAMPLES:
            np.save(out / _shard_name(shard), np.concatenate(held))
            shard, held, size = shard + 1, [], 0
        index[:, number] = shard, size, len(samples)
        held.append(samples)
        size += len(samples)
        if progress is not None:
            progress(number + 1, len(clips))
    if held:
        np.save(out / _shard_name(shard), np.concatenate(held))
    np.savez(out / "index.npz", shard=index[0], offset=index[1], length=index[2])


class Crops:
    """Batches of random crops, a pure function of (seed, step), so that a resumed training sees the same.

    A corpus is drawn with weight sqrt(hours), then a speaker of it and a clip of the speaker uniformly: one
    big corpus or talkative speaker does not dominate. Near-silent crops (rms below -50 dBFS) are drawn again,
    the mean is removed, and the level moves by a gain uniform in `gain_db`, kept below full scale. Clips
    shorter than a crop are never drawn.
    """

    def __init__(
        self,
        packed: Packed,
        seconds: float,
        batch: int,
        seed: int,
        split: str = "train",
        speech_only: bool = True,
        gain_db: tuple[float, float] = (-10.0, 6.0),
    ) -> None:
        """`seconds` of each crop, `batch` crops for each step. Raises DataError when no clip is long enough."""
        self.packed, self.batch_size, self.seed, self.gain_db = packed, batch, seed, gain_db
        self.digest = packed.digest
        self.samples = round(seconds * packed.rate)
        self._speech_only = speech_only
        self._draw = Draw(packed, split, self.samples, speech_only)
        chosen = [clip.split == split for clip in packed.clips]
        self.hours = float(packed.length[chosen].sum()) / packed.rate / 3600

    def batch(self, step: int) -> NDArray[np.float32]:
        """(batch, 1, samples) float32 in [-1, 1] for training step `step` >= 0."""
        rows = [self._crop(self._draw, (self.seed, step, row), self.samples) for row in range(self.batch_size)]
        return np.stack(rows)[:, None]

    def valid(self, n: int, seconds: float) -> NDArray[np.float32]:
        """(n, 1, samples) fixed crops of the dev split at their own level, the same in every training.

        A pack without dev clips of that length (a folder with one speaker) gives train crops; `valid_split`
        tells which it is.
        """
        samples = round(seconds * self.packed.rate)
        draw = Draw(self.packed, self.valid_split(seconds), samples, self._speech_only)
        return np.stack([self._crop(draw, (0, row), samples, jitter=False) for row in range(n)])[:, None]

    def valid_split(self, seconds: float) -> str:
        """The split that `valid` draws from: dev, or train when dev holds no clip of that length."""
        fits = self.packed.length >= round(seconds * self.packed.rate)
        kinds = [c.split == "dev" and (c.kind == "speech" or not self._speech_only) for c in self.packed.clips]
        return "dev" if bool(np.any(fits & np.array(kinds))) else "train"

    def _crop(self, draw: Draw, key: tuple[int, ...], samples: int, jitter: bool = True) -> NDArray[np.float32]:
        rng = np.random.default_rng(key)
        best: NDArray[np.float32] = np.zeros(samples, dtype=np.float32)
        loudest = -1.0
        for _ in range(_TRIES):
            clip = draw.clip(rng)
            start = int(rng.integers(int(self.packed.length[clip]) - samples + 1))
            crop = self.packed.wave(clip, start, samples)
            crop = crop - crop.mean(dtype=np.float64).astype(np.float32)
            rms = float(np.sqrt(np.mean(crop**2)))
            if rms > loudest:
                best, loudest = crop, rms
            if rms >= _SILENCE_RMS:
                break
        if jitter:
            best = best * np.float32(10 ** (rng.uniform(*self.gain_db) / 20))
        peak = float(np.abs(best).max())
        return best * np.float32(min(1.0, 0.999 / max(peak, 1e-9)))


class Draw:
    """Corpus by sqrt(hours), then speaker, then clip, among the clips of a split that are long enough."""

    def __init__(self, packed: Packed, split: str, samples: int, speech_only: bool) -> None:
        tree: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        hours: dict[str, float] = defaultdict(float)
        for number, clip in enumerate(packed.clips):
            if clip.split != split or (speech_only and clip.kind != "speech"):
                continue
            if samples <= packed.length[number]:
                tree[clip.corpus][clip.speaker].append(number)
                hours[clip.corpus] += float(packed.length[number])
        if not tree or samples < 1:
            raise DataError(
                f"'{packed.folder}' has no {split} clip of at least {samples / packed.rate:g} s to crop from."
            )
        self._corpora = [list(tree[corpus].values()) for corpus in sorted(tree)]
        weights = np.sqrt([hours[corpus] for corpus in sorted(tree)])
        self._edges = np.cumsum(weights / weights.sum())

    def clip(self, rng: np.random.Generator) -> int:
        place = int(np.searchsorted(self._edges, rng.random(), side="right"))
        speakers = self._corpora[min(place, len(self._corpora) - 1)]
        numbers = speakers[int(rng.integers(len(speakers)))]
        return numbers[int(rng.integers(len(numbers)))]
