"""Transcribed speech with its phones in time: a pack, and beside it what is said where, for generators."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.generate.align import RATE, Alignment, align
from ..codecs.generate.normalise import PAUSE, sentences
from ..codecs.generate.text import IDS, PHONES
from ..core.audio import load, resample
from ..core.errors import DataError, EarwitnessError, UsageError
from ..core.files import replacing
from .manifest import Clip
from .pack import Packed, pack

# Seconds; in longer recordings the aligner drifts, and no generator here learns from so long a piece.
_LONGEST = 20.0
# Mean seconds of a phone, silence apart, that speech can have; beyond them something else was said.
_FASTEST, _SLOWEST = 0.03, 0.30


@dataclass(frozen=True)
class Coverage:
    """What became of the clips: those kept, and how many were left out for which reason."""

    clips: int
    hours: float
    speakers: int
    left_out: dict[str, int]


@dataclass(frozen=True)
class Aligned:
    """A pack at 16 kHz whose clip i says `phones(i)`, phone k up to sample `ends(i)[k]`."""

    packed: Packed
    first: NDArray[np.int64]
    ids: NDArray[np.uint8]
    borders: NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path | str) -> Aligned:
        """Open a folder written by `align_clips`. Raises DataError when it is not one, or its parts do not fit."""
        packed = Packed.open(folder)
        try:
            with np.load(Path(folder) / "phones.npz", allow_pickle=False) as stored:
                first, ids, borders, digest = stored["first"], stored["ids"], stored["borders"], str(stored["digest"])
        except (OSError, KeyError, ValueError) as error:
            raise DataError(
                f"'{folder}' holds no aligned phones ({error}); make them with: earwitness dataset align."
            ) from error
        if digest != packed.digest or len(first) != len(packed.clips) + 1 or packed.rate != RATE:
            raise DataError(f"'{folder}': the phones are not those of the packed clips.")
        return cls(packed, first, ids, borders)

    def phones(self, clip: int) -> NDArray[np.uint8]:
        """Numbers in PHONES, (phones,)."""
        return self.ids[self.first[clip] : self.first[clip + 1]]

    def ends(self, clip: int) -> NDArray[np.int64]:
        """Where each phone ends, in samples, (phones,)."""
        return self.borders[self.first[clip] : self.first[clip + 1]]


Aligner = Callable[[NDArray[np.float32], Sequence[str]], Alignment]


def align_clips(
    clips: Sequence[Clip],
    out: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    aligner: Aligner = align,
) -> Coverage:
    """Align every transcribed English speech clip, and pack those that worked into `out`.

    Work that was begun goes on: finished alignments are kept in `<out>.lines`, one a line, until the folder is whole.
    Raises DataError when no clip is left.
    """
    lines = out.with_name(out.name + ".lines")
    reasons = Counter[str]()
    wanted = [clip for clip in clips if _wanted(clip, reasons)]
    done = _read(lines)
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(lines, "a", encoding="utf-8") as file:
        for number, clip in enumerate(wanted, 1):
            if clip.key not in done:
                done[clip.key] = _aligned(clip, aligner)
                file.write(json.dumps({"clip": clip.key, **done[clip.key]}) + "\n")
                file.flush()
            if progress is not None:
                progress(number, len(wanted))
    kept = [clip for clip in wanted if "phones" in done[clip.key]]
    reasons.update(str(row["why"]) for row in (done[clip.key] for clip in wanted) if "why" in row)
    if not kept:
        raise DataError(f"No clip could be aligned: {_counted(reasons)}.")
    packed = pack(kept, out, RATE)
    _write(packed, [done[clip.key] for clip in kept], out)
    lines.unlink()
    speakers = len({clip.speaker for clip in kept})
    return Coverage(len(kept), packed.hours, speakers, dict(reasons.most_common()))


def _wanted(clip: Clip, reasons: Counter[str]) -> bool:
    why = ""
    if clip.kind != "speech" or clip.label != "bonafide":
        return False
    if not clip.text:
        why = "no text"
    elif clip.language.split("-")[0] != "en":
        why = f"language {clip.language or 'unknown'}"
    elif clip.seconds > _LONGEST:
        why = f"longer than {_LONGEST:.0f} s"
    reasons.update([why] if why else [])
    return not why


def _aligned(clip: Clip, aligner: Aligner) -> dict[str, Any]:
    """Phones and ends of a clip, or why there are none."""
    try:
        words = [word for sentence in sentences(clip.text) for word in sentence if word != PAUSE]
        found = aligner(resample(load(clip.path).mono(), RATE).samples[0], words)
    except UsageError:
        return {"why": "text not in English letters"}
    except EarwitnessError:
        return {"why": "text not found in the sound"}
    spoken = np.array([phone != PHONES[0] for phone in found.phones])
    pace = float(np.diff(found.ends, prepend=0)[spoken].mean()) / RATE
    if not _FASTEST <= pace <= _SLOWEST:
        return {"why": "impossible pace"}
    return {"phones": [IDS[phone] for phone in found.phones], "ends": found.ends.tolist()}


def _read(lines: Path) -> dict[str, dict[str, Any]]:
    if not lines.is_file():
        return {}
    found = {}
    for line in lines.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # cut off when the work was stopped; the clip is aligned again
        found[row.pop("clip")] = row
    return found


def _write(packed: Packed, rows: Sequence[dict[str, Any]], out: Path) -> None:
    ids = [np.array(row["phones"], dtype=np.uint8) for row in rows]
    borders = [np.array(row["ends"], dtype=np.int64) for row in rows]
    first = np.cumsum([0, *map(len, ids)])
    with replacing(out / "phones.npz") as temporary:
        np.savez_compressed(
            temporary,
            first=first,
            ids=np.concatenate(ids),
            borders=np.concatenate(borders),
            digest=np.array(packed.digest),
        )


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(f"{number} {why}" for why, number in reasons.most_common()) or "there was none"
