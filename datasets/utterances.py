"""Batches for generators that speak a text: a piece of a clip, its phones in time, and a prompt of the same voice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.generate.prompt import levelled
from ..codecs.generate.text import IDS, SIL
from ..core.audio import exactly
from ..core.errors import DataError
from .aligned import Aligned
from .pack import Draw

# Samples of silence that stay at the edges: too little, and the end of a sentence is hard to learn.
_EDGE = 1_920


class Spoken:
    """Batches as a pure function of (seed, step); corpora, speakers and clips are drawn as by `pack.Crops`.

    Arrays of a batch, the batch first: wave float32 (n,), zeros beyond length; start, length () samples of the piece
    in the trimmed clip; phones, ends int64 (phones,) of the whole trimmed clip, present bool (phones,); prompt
    float32 (m,), from another clip of the speaker where there is one. With codes also: codes int64 (levels, frames),
    -1 beyond the end; prompt_codes int64 (levels, frames) of the prompt.
    """

    def __init__(
        self,
        aligned: Aligned,
        seconds: float,
        prompt_seconds: float,
        batch: int,
        seed: int,
        *,
        hop: int,
        whole: bool = False,
        codes: Sequence[NDArray[np.integer[Any]]] | None = None,
    ) -> None:
        """`hop`: pieces start and end on multiples of it. `whole`: only clips that fit, from their start.

        codes: (levels, frames) of each clip, for a codec of that hop. Raises DataError when no clip fits.
        """
        self.aligned, self.batch_size, self.seed, self.hop, self.whole = aligned, batch, seed, hop, whole
        self.codes = codes
        packed = aligned.packed
        self.samples = round(seconds * packed.rate) // hop * hop
        self.prompt_samples = round(prompt_seconds * packed.rate) // hop * hop
        self.digest = packed.digest
        self.hours = sum(clip.seconds for clip in packed.clips if clip.split == "train") / 3600
        self._draw = Draw(packed, "train", 1, True)
        self._spans = [self._span(number) for number in range(len(packed.clips))]
        self._by_speaker = defaultdict[str, list[int]](list)
        for number, clip in enumerate(packed.clips):
            self._by_speaker[clip.speaker].append(number)
        trained = [span for span, clip in zip(self._spans, packed.clips, strict=True) if clip.split == "train"]
        if whole and not any(stop - first <= self.samples for first, stop in trained):
            raise DataError(f"'{packed.folder}' has no training clip of at most {seconds:g} s.")

    def batch(self, step: int) -> dict[str, NDArray[Any]]:
        """Of training step `step` >= 0."""
        rows = [self._row(np.random.default_rng((self.seed, step, row))) for row in range(self.batch_size)]
        most = max(len(row["phones"]) for row in rows)
        table = {key: np.stack([row[key] for row in rows]) for key in rows[0] if key not in ("phones", "ends")}
        table["present"] = np.stack([np.arange(most) < len(row["phones"]) for row in rows])
        table["phones"] = np.stack([np.pad(row["phones"], (0, most - len(row["phones"]))) for row in rows])
        table["ends"] = np.stack([np.pad(row["ends"], (0, most - len(row["ends"])), mode="edge") for row in rows])
        return table

    def _row(self, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        packed = self.aligned.packed
        clip = self._draw.clip(rng)
        while self.whole and self._spans[clip][1] - self._spans[clip][0] > self.samples:
            clip = self._draw.clip(rng)
        first, stop = self._spans[clip]
        start = int(rng.integers(max(1, (stop - first - self.samples) // self.hop + 1))) * self.hop
        piece = min(self.samples, stop - first - start)
        others = [other for other in self._by_speaker[packed.clips[clip].speaker] if other != clip] or [clip]
        other = others[int(rng.integers(len(others)))]
        after, end = self._spans[other]
        after += int(rng.integers(max(1, (end - after - self.prompt_samples) // self.hop + 1))) * self.hop
        heard = min(self.prompt_samples, end - after)
        row = {
            "wave": exactly(self._wave(clip, first + start, piece), self.samples),
            # A clip that is too short is heard again, as a speaking user's is.
            "prompt": np.resize(self._wave(other, after, heard), self.prompt_samples),
            "start": np.array(start),
            "length": np.array(piece),
            "phones": self.aligned.phones(clip).astype(np.int64),
            "ends": np.clip(self.aligned.ends(clip) - first, 0, stop - first),
        }
        if self.codes is not None:
            codes = self._codes(clip, first + start, piece)
            missing = self.samples // self.hop - codes.shape[1]
            row["codes"] = np.pad(codes, ((0, 0), (0, missing)), constant_values=-1)
            prompt = self._codes(other, after, heard)
            row["prompt_codes"] = prompt[:, np.arange(self.prompt_samples // self.hop) % prompt.shape[1]]
        return row

    def _span(self, clip: int) -> tuple[int, int]:
        """Where speech begins and ends, with a little silence around it, the start on a multiple of the hop."""
        phones, ends = self.aligned.phones(clip), self.aligned.ends(clip)
        first = max(0, int(ends[0]) - _EDGE) // self.hop * self.hop if phones[0] == IDS[SIL] else 0
        quiet = phones[-1] == IDS[SIL] and len(ends) > 1
        return first, min(int(ends[-1]), int(ends[-2]) + _EDGE) if quiet else int(ends[-1])

    def _wave(self, clip: int, start: int, count: int) -> NDArray[np.float32]:
        return levelled(self.aligned.packed.wave(clip))[start : start + count]

    def _codes(self, clip: int, start: int, count: int) -> NDArray[np.int64]:
        assert self.codes is not None
        return self.codes[clip][:, start // self.hop : (start + count) // self.hop].astype(np.int64)
