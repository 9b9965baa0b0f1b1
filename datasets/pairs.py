"""Augmented versions of bona fide clips and their fakes: the same chain and chance for both."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..core.audio import Audio, load
from ..core.run import seed_for
from . import manifest
from .augment import Chain, RecordedBeds, draw_chain
from .manifest import Clip
from .recipe import AugmentRecipe
from .render import Engine, Progress, render

Beds = Mapping[str, RecordedBeds]
"""Recorded noise and music of each split."""


def beds_of(clips: Sequence[Clip]) -> Beds:
    """The noise and music among the clips; no split hears another's."""
    return {split: RecordedBeds(clip for clip in clips if clip.split == split) for split in manifest.SPLITS}


_AugmentJob = tuple[Clip, Chain, int]


def augment_pairs(
    rows: Sequence[Clip],
    recipe: AugmentRecipe,
    seed: int,
    work: Path,
    beds: Beds,
    *,
    engine: Engine = "local",
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Clip]:
    """`copies` versions of each row under `work`; a fake gets the chain and the seed of its bona fide twin.

    A drawn chain without steps would repeat the clean clip, so it makes no copy where that is kept.
    """
    jobs: list[_AugmentJob] = []
    for clip in rows:
        for copy in range(recipe.copies):
            own = seed_for(seed, f"{os.path.relpath(clip.source or clip.path, work)}|{copy}")
            chain = draw_chain(np.random.default_rng(own), recipe.policy, beds[clip.split])
            if chain.steps or not recipe.keep_clean:
                jobs.append((clip, chain, own))
    keyed = [(f"{clip.sha256}|{chain}|{own}", (clip, chain, own)) for clip, chain, own in jobs]
    made = render(
        keyed, partial(_augment, beds), work, stage="augment", engine=engine, workers=workers, progress=progress
    )
    return [
        replace(
            clip,
            path=str(work / new.path),
            seconds=new.seconds,
            rate=new.rate,
            sha256=new.sha256,
            source=clip.source or clip.path,
            chain=str(chain),
            seed=own,
        )
        for (clip, chain, own), new in zip(jobs, made, strict=True)
    ]


def _augment(beds: Beds, job: _AugmentJob) -> Audio:
    clip, chain, own = job
    return chain.apply(load(clip.path), own, beds[clip.split])
