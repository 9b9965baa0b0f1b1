"""The recording whose voice is to speak: what it must be, and how it is handed to a generator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.audio import Audio, resample
from ...core.errors import AudioError, UsageError

RATE = 16_000
LEAST_SECONDS = 1.0
# Seconds of a recording that is to be continued, and of what may follow.
MOST_PROMPT = 60.0
SHORTEST, LONGEST = 0.2, 30.0
# Root mean square of the loud half, of full scale: every voice is brought to it, and under the other there is none.
_LEVEL, _SILENCE = 0.06, 10 ** (-55 / 20)
_BLOCK = 400


def prepared(audio: Audio) -> NDArray[np.float32]:
    """The prompt's mono mix at 16 kHz and the usual level, (n,).

    Raises AudioError when it is shorter than LEAST_SECONDS, silent, or not finite.
    """
    if audio.seconds < LEAST_SECONDS:
        raise AudioError(
            f"The prompt lasts {audio.seconds:.2f} s; at least {LEAST_SECONDS:.0f} s are needed to know a voice."
        )
    if not np.isfinite(audio.samples).all():
        raise AudioError("The prompt holds samples that are NaN or Inf.")
    wave = resample(audio.mono(), RATE).samples[0]
    if loudness(wave) < _SILENCE:
        raise AudioError("The prompt is silent; there is no voice in it.")
    return levelled(wave)


def check_seconds(seconds: float) -> None:
    """Raises UsageError for a continuation of a length that cannot be made at once."""
    if not SHORTEST <= seconds <= LONGEST:
        raise UsageError(f"A recording is continued for {SHORTEST:g} to {LONGEST:g} s, and {seconds:g} s is not.")


def levelled(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) at the level that generators learn and speak at; a silent one as it is."""
    found = loudness(wave)
    return wave if found < _SILENCE else (wave * np.float32(_LEVEL / found)).astype(np.float32)


def loudness(wave: NDArray[np.float32]) -> float:
    """Root mean square of the louder half of the blocks of 25 ms, so that pauses do not count."""
    count = wave.size // _BLOCK
    if not count:
        return float(np.sqrt(np.mean(wave.astype(np.float64) ** 2))) if wave.size else 0.0
    power = np.sort((wave[: count * _BLOCK].reshape(count, _BLOCK).astype(np.float64) ** 2).mean(1))
    return float(np.sqrt(power[count // 2 :].mean()))
