"""Fakes from genuine speech: clip x system x bitrate x checkpoint, beside a bona fide twin of every clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.audio import Audio, load, resample
from ..core.errors import DataError
from ..core.files import sha256
from ..core.run import seed_for
from ..core.weights import cards
from .manifest import Clip
from .match import match_spectrum
from .render import Engine, Progress, render

RATE = 16000


class Resynthesiser(Protocol):
    """What is asked of a codec or vocoder: the same rate, length and channels as the input."""

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio: ...


OpenCodec = Callable[[str, str], Resynthesiser]
"""(name, checkpoint path or "" for the shipped one) -> the opened system."""


@dataclass(frozen=True)
class System:
    """A neural system to make fakes with. No checkpoints: the shipped one; no kbps: its default mode."""

    name: str
    checkpoints: tuple[str, ...] = ()
    kbps: tuple[float, ...] = ()


@dataclass(frozen=True)
class Job:
    """One file to make from `clip`; without a `system` it is the bona fide twin.

    `equalise`: the fake is brought to the long-term spectrum of its source.
    """

    clip: Clip
    system: str = ""
    checkpoint: str = ""
    kbps: float | None = None
    equalise: bool = False

    @property
    def key(self) -> str:
        """Names the result: the same source, system, weights and bitrate have the same key."""
        weights = weights_digest(self.system, self.checkpoint)
        return f"{self.clip.key}|{self.system}|{weights}|{self.kbps}|{self.equalise}"


def plan(
    clips: Sequence[Clip],
    systems: Sequence[System],
    seed: int,
    per_clip: int | None = 1,
    *,
    equalise: bool = False,
) -> list[Job]:
    """For every bona fide speech clip its twin, then `per_clip` fakes (None: each system, checkpoint, bitrate).

    The systems of a clip are drawn without repeating one before all had their turn; what a clip gets depends
    only on the seed and its content, not on the other clips. Raises DataError when there is nothing to do.
    """
    sources = [clip for clip in clips if clip.kind == "speech" and clip.label == "bonafide"]
    if not sources:
        raise DataError("There is no genuine speech among the clips to make fakes from.")
    jobs: list[Job] = []
    for clip in sources:
        modes = [
            [
                Job(clip, system.name, checkpoint, kbps, equalise)
                for checkpoint in system.checkpoints or ("",)
                for kbps in system.kbps or (None,)
            ]
            for system in systems
        ]
        rng = np.random.default_rng(seed_for(seed, clip.key))
        for of_system in modes:
            rng.shuffle(of_system)  # type: ignore[arg-type]
        order = [int(i) for i in rng.permutation(len(modes))]
        rounds = range(max(map(len, modes), default=0))
        drawn = [modes[i][turn] for turn in rounds for i in order if turn < len(modes[i])]
        jobs += [Job(clip), *drawn[:per_clip]]
    return jobs


def make(
    jobs: Sequence[Job],
    out_dir: Path | str,
    open_codec: OpenCodec | None = None,
    engine: Engine = "local",
    workers: int = 1,
    *,
    progress: Progress | None = None,
) -> list[Clip]:
    """Write every job as 16 kHz mono 16-bit FLAC of its source's length; clips in the order of `jobs`.

    Twin and fake go the same way (mono, resampling, mean removed, source's level, FLAC), so they differ only
    by the system. A fake's `source` is its twin when the twin is among the jobs, else the original. Files of
    an earlier, interrupted run are kept. Systems are opened once for each process, by `open_codec` or the zoo.

    Raises DataError when a system returns another length or something that is not sound.
    """
    folder = Path(out_dir).absolute()
    keyed = [(job.key, job) for job in jobs]
    # One system after the other, so that few are held open at once.
    order = sorted(range(len(jobs)), key=lambda i: (jobs[i].system, jobs[i].checkpoint))
    maker = partial(_make, open_codec or open_from_zoo)
    rendered = render(
        [keyed[i] for i in order], maker, folder, stage="fakes", engine=engine, workers=workers, progress=progress
    )
    made = dict(zip(order, rendered, strict=True))
    twins = {job.clip.path: str(folder / made[i].path) for i, job in enumerate(jobs) if not job.system}
    return [
        replace(
            job.clip,
            path=str(folder / made[i].path),
            seconds=made[i].seconds,
            rate=made[i].rate,
            sha256=made[i].sha256,
            label="spoof" if job.system else "bonafide",
            system=job.system,
            checkpoint="/".join(Path(job.checkpoint).with_suffix("").parts[-2:]) if job.checkpoint else "",
            kbps=job.kbps,
            source=twins.get(job.clip.path, job.clip.path) if job.system else "",
            neural_codec=job.clip.neural_codec or bool(job.system),
        )
        for i, job in enumerate(jobs)
    ]


def open_from_zoo(name: str, checkpoint: str) -> Resynthesiser:
    """The system `name` of the zoo, with a checkpoint file or the shipped weights."""
    from ..codecs import zoo

    return zoo.open(name, checkpoint=Path(checkpoint) if checkpoint else None)


@lru_cache(maxsize=256)
def weights_digest(system: str, checkpoint: str) -> str:
    """SHA-256 of the checkpoint file, else of the shipped weights; "" for a system without weights."""
    if checkpoint:
        return sha256(checkpoint)
    card = cards().get(system)
    return "" if card is None else card.files.get("safetensors", {}).get("sha256", "")


@lru_cache(maxsize=2)
def _opened(open_codec: OpenCodec, name: str, checkpoint: str) -> Resynthesiser:
    return open_codec(name, checkpoint)


def _make(open_codec: OpenCodec, job: Job) -> Audio:
    source = resample(load(job.clip.path).mono(), RATE)
    if not job.system:
        return finish(source.samples, source.samples)
    made = _opened(open_codec, job.system, job.checkpoint).resynth(source, job.kbps)
    if made.rate != source.rate or made.samples.shape != source.samples.shape:
        raise DataError(
            f"{job.system} made {made.samples.shape[-1]} samples at {made.rate} Hz from "
            f"{source.samples.shape[-1]} at {source.rate} Hz; a fake must keep rate and length."
        )
    if not np.isfinite(made.samples).all():
        raise DataError(f"{job.system} made samples that are not numbers from '{job.clip.path}'.")
    samples = made.samples
    if job.equalise:
        samples = match_spectrum(samples[0], source.samples[0], RATE)[None]
    return finish(samples, source.samples)


def finish(samples: NDArray[np.float32], source: NDArray[np.float32]) -> Audio:
    """(1, n) at 16 kHz: mean removed, the rms of `source` (its mean removed likewise), peak at most 0.99."""
    level = float(np.std(source, dtype=np.float64)) if source.size else 0.0
    centred = samples - np.mean(samples, dtype=np.float64) if samples.size else samples
    own = float(np.std(centred, dtype=np.float64)) if samples.size else 0.0
    gain = level / own if own > 0 else 1.0
    peak = float(np.abs(centred).max(initial=0.0)) * gain
    return Audio((centred * (gain * min(1.0, 0.99 / max(peak, 1e-9)))).astype(np.float32), RATE)
