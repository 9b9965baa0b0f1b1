"""Real speech, partly or wholly spoken again by a token model: the words stay, the codes are the model's.

`infill` redraws a span from what stands before it, `resample` every code after its real past. Both need what is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...core.audio import Audio, resample
from ...core.errors import UsageError
from .align import RATE, Alignment, align
from .joining import joined
from .normalise import PAUSE, sentences
from .prompt import levelled, loudness, prepared
from .speaker import Speaker

SHORTEST, LONGEST = 0.1, 1.5
# Seconds; below it a redrawn piece holds hardly a phone.
LEAST_DRAWN = 0.2


@dataclass(frozen=True, eq=False)
class Revised:
    """Mono at 16 kHz, as long as the original; start, end: the seconds that are the model's, exactly."""

    audio: Audio
    start: float
    end: float


def found_in(audio: Audio, text: str) -> Alignment:
    """Where the words and phones of `text` lie in a recording. Raises DataError as `align.align`."""
    words = [word for sentence in sentences(text) for word in sentence if word != PAUSE]
    return align(resample(audio.mono(), RATE).samples[0], words)


def drawn_span(found: Alignment, rng: np.random.Generator) -> tuple[float, float]:
    """Seconds for `infill` to speak again: a word, or a stretch from anywhere in the speech, as often.

    LEAST_DRAWN to LONGEST seconds, and at most half of the speech. Raises UsageError when there is too little of it.
    """
    first, last = (found.words[0][0] / RATE, found.words[-1][1] / RATE) if found.words else (0.0, 0.0)
    most = min(LONGEST, (last - first) / 2)
    if most < LEAST_DRAWN:
        raise UsageError(f"There are only {last - first:.1f} s of speech, too little to speak a part of it again.")
    lengths = [(start / RATE, end / RATE) for start, end in found.words]
    fitting = [(start, end) for start, end in lengths if LEAST_DRAWN <= end - start <= most]
    if fitting and rng.random() < 0.5:
        return fitting[int(rng.integers(len(fitting)))]
    length = float(rng.uniform(LEAST_DRAWN, most))
    start = float(rng.uniform(first, last - length))
    return start, start + length


def infill(
    speaker: Speaker,
    audio: Audio,
    text: str,
    start: float,
    end: float,
    seed: int,
    *,
    keep_samples: bool = True,
    found: Alignment | None = None,
) -> Revised:
    """Speak the seconds `start` to `end` of a recording again; they are widened to whole frames of the codec.

    keep_samples: outside the span the original's samples stay, faded over within it; else all has gone through the
    codec. found: from `found_in`, where that is known. Raises UsageError for a span that is not in the recording, or
    not of SHORTEST to LONGEST seconds, and for a model that has no codes; AudioError and DataError as
    `prompt.prepared` and `align.align`.
    """
    heard = resample(audio.mono(), RATE).samples[0]
    if not 0 <= start < end <= heard.size / RATE:
        raise UsageError(
            f"The span {start:g} to {end:g} s does not lie in the recording of {heard.size / RATE:.2f} s."
        )
    if not SHORTEST <= end - start <= LONGEST:
        raise UsageError(
            f"A span of {SHORTEST:g} to {LONGEST:g} s can be spoken again, and {end - start:.2f} s is not."
        )
    hop = speaker.hop_length
    first, last = int(start * RATE) // hop, -(-int(np.ceil(end * RATE)) // hop)
    made = _spoken_again(speaker, audio, found or found_in(audio, text), seed, (first, last))
    borders = first * hop, min(last * hop, heard.size)
    if keep_samples:
        made = joined(heard, made, *borders)
    return Revised(Audio(made[None], RATE), borders[0] / RATE, borders[1] / RATE)


def resample_codes(speaker: Speaker, audio: Audio, text: str, seed: int) -> Revised:
    """Draw every code of a recording anew, each after the real ones before it. Raises as `infill`."""
    made = _spoken_again(speaker, audio, found_in(audio, text), seed, None)
    return Revised(Audio(made[None], RATE), 0.0, made.size / RATE)


def _spoken_again(
    speaker: Speaker, audio: Audio, found: Alignment, seed: int, span: tuple[int, int] | None
) -> NDArray[np.float32]:
    """(n,) at the original's level, through the codec; span in frames, None for all, each after its real past."""
    heard = resample(audio.mono(), RATE).samples[0]
    voice = prepared(audio)
    made = speaker.again(voice, found.phones, torch.from_numpy(found.ends)[None], span, seed)[: heard.size]
    back: NDArray[np.float32] = (made * np.float32(loudness(heard) / loudness(levelled(heard)))).astype(np.float32)
    return np.pad(back, (0, heard.size - back.size))
