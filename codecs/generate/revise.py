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
from .normalise import PAUSE, sentences
from .prompt import levelled, loudness, prepared
from .speaker import Speaker

SHORTEST, LONGEST = 0.1, 1.5
# Samples over which the new sound is faded in and out.
_FADE = 160


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


def joined(heard: NDArray[np.float32], made: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
    """`made` (n,) between two samples of `heard` (n,), faded over inside them; the rest of `heard` untouched."""
    share = np.zeros(heard.size, np.float32)
    share[first:last] = 1.0
    fade = np.linspace(0, 1, _FADE + 2, dtype=np.float32)[1:-1]
    if first > 0:
        share[first : first + _FADE] = fade
    if last < heard.size:
        share[last - _FADE : last] = fade[::-1]
    whole: NDArray[np.float32] = np.where(share == 0, heard, share * made + (1 - share) * heard)
    return whole
