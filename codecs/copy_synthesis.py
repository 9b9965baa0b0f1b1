"""Classical copy synthesis: analyse speech with a model of the voice or of spectra, then make it again.

WORLD needs pyworld (extra `train`); Griffin-Lim and LPC need nothing. Nothing here learns, or has codes or bitrates.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window, lfilter

from ..core import spectral
from ..core.audio import Audio, exactly, resample
from ..core.errors import AudioError, MissingPart, UsageError
from .pitch import track

Doubles = NDArray[np.float64]
_RATE = 16_000


@dataclass(frozen=True)
class CopySynthesis:
    """A resynthesiser of `protocol.Resynthesiser`; `synthesise` takes and gives (n,) at 16 kHz."""

    name: str
    summary: str
    synthesise: Callable[[Doubles], Doubles]
    kbps: tuple[float, ...] = ()

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        """Each channel analysed and made again at 16 kHz; same rate, length and channels come back.

        Raises UsageError when a bitrate is asked for, AudioError for samples that are NaN or Inf.
        """
        if kbps is not None:
            raise UsageError(f"{self.name} has no bitrates; leave out --kbps.")
        if not np.isfinite(audio.samples).all():
            raise AudioError(f"{self.name} cannot analyse samples that are NaN or Inf.")
        length = audio.samples.shape[1]
        heard = resample(audio, _RATE).samples
        # The shortest analysis window of all three is shorter than this.
        padded = exactly(heard, max(heard.shape[1], 2048))
        made = np.stack([self.synthesise(channel.astype(np.float64)) for channel in padded])
        back = resample(Audio(exactly(made.astype(np.float32), heard.shape[1]), _RATE), audio.rate)
        return Audio(exactly(back.samples, length), audio.rate)


def world(wave: Doubles) -> Doubles:
    """WORLD (Morise et al. 2016): DIO and StoneMask pitch, CheapTrick envelope, D4C aperiodicity, 5-ms frames."""
    import pyworld

    pitch, times = pyworld.dio(wave, _RATE)
    pitch = pyworld.stonemask(wave, pitch, times, _RATE)
    envelope = pyworld.cheaptrick(wave, pitch, times, _RATE)
    noise = pyworld.d4c(wave, pitch, times, _RATE)
    made: Doubles = pyworld.synthesize(pitch, envelope, noise, _RATE)
    return made


def griffin_lim(wave: Doubles, *, n_fft: int = 1024, hop_length: int = 256, rounds: int = 32) -> Doubles:
    """Phases for the magnitudes of 80 mels (Griffin and Lim 1984, fast version of Perraudin et al. 2013).

    Mel magnitudes are spread back over the bins by the pseudo-inverse of the filter bank, as text-to-speech did
    before neural vocoders.
    """
    padded = np.pad(wave, (0, -wave.size % hop_length))
    bank = spectral.mel_filterbank(_RATE, n_fft, 80)
    mel = bank @ np.abs(spectral.stft(padded, n_fft, hop_length))
    magnitude = np.maximum(np.linalg.pinv(bank) @ mel, 1e-8)
    phase = np.random.default_rng(0).uniform(-np.pi, np.pi, magnitude.shape)
    previous = np.zeros_like(magnitude, dtype=np.complex128)
    current = magnitude * np.exp(1j * phase)
    for _ in range(rounds):
        consistent = spectral.stft(_istft(current, n_fft, hop_length, padded.size), n_fft, hop_length)
        ahead = consistent + 0.99 * (consistent - previous)
        previous = consistent
        current = magnitude * ahead / np.maximum(np.abs(ahead), 1e-12)
    return _istft(current, n_fft, hop_length, padded.size)[: wave.size]


def _istft(spectrum: NDArray[np.complex128], n_fft: int, hop_length: int, length: int) -> Doubles:
    """Inverse of `core.spectral.stft` by weighted overlap-add, (length,)."""
    window = spectral.hann(n_fft)
    frames = np.fft.irfft(spectrum.T, n_fft) * window
    total = np.zeros(n_fft + hop_length * (len(frames) - 1))
    weight = np.zeros_like(total)
    for index, frame in enumerate(frames):
        part = slice(index * hop_length, index * hop_length + n_fft)
        total[part] += frame
        weight[part] += window**2
    start = n_fft // 2
    return (total / np.maximum(weight, 1e-8))[start : start + length]


def lpc(wave: Doubles, *, order: int = 18, size: int = 400, hop_length: int = 160) -> Doubles:
    """Linear prediction driven by pulses at the pitch, or noise (Atal and Hanauer 1971; autocorrelation method)."""
    window = get_window("hann", size)
    padded = np.pad(wave, (size // 2, size))
    pitch = track(wave, _RATE, hop_length)
    rng = np.random.default_rng(0)
    made = np.zeros(len(pitch) * hop_length)
    state, due = np.zeros(order), 0.0
    for index, fundamental in enumerate(pitch):
        frame = padded[index * hop_length : index * hop_length + size] * window
        coefficients, gain = _levinson(frame, order)
        source = rng.standard_normal(hop_length)
        if fundamental > 0:
            source[:] = 0.0
            period = _RATE / fundamental
            while due < hop_length:
                source[int(due)] += np.sqrt(period)
                due += period
            due -= hop_length
        else:
            due = 0.0
        part = slice(index * hop_length, (index + 1) * hop_length)
        made[part], state = lfilter([gain], coefficients, source, zi=state)
    return made[: wave.size]


def _levinson(frame: Doubles, order: int) -> tuple[Doubles, float]:
    """Predictor (order + 1,) and the gain that gives white unit noise the frame's power."""
    power = np.correlate(frame, frame, "full")[frame.size - 1 : frame.size + order]
    power[0] = power[0] * 1.0001 + 1e-9  # 40 dB of white noise keep the recursion stable
    coefficients, error = np.array([1.0]), power[0]
    for step in range(1, order + 1):
        reflection = -(coefficients @ power[step:0:-1]) / error
        coefficients = np.append(coefficients, 0.0) + reflection * np.append(coefficients, 0.0)[::-1]
        error *= 1 - reflection**2
    return coefficients, float(np.sqrt(max(error, 0.0) / (0.375 * frame.size)))


_MEMBERS = {
    "world": CopySynthesis("world", "WORLD vocoder: pitch, envelope, aperiodicity (pyworld)", world),
    "griffin-lim": CopySynthesis("griffin-lim", "Griffin-Lim phases for 80 mels, 32 rounds", griffin_lim),
    "lpc": CopySynthesis("lpc", "linear prediction with pulses and noise, order 18", lpc),
}


def members() -> list[CopySynthesis]:
    """Those whose packages are installed."""
    return [member for name, member in _MEMBERS.items() if _present(name)]


def names() -> list[str]:
    """Names of `members`."""
    return [member.name for member in members()]


def known() -> list[str]:
    """Names of all, installed or not."""
    return list(_MEMBERS)


def open(name: str) -> CopySynthesis:
    """A member by name. Raises UsageError for an unknown name, MissingPart when pyworld is not installed."""
    if name not in _MEMBERS:
        raise UsageError(f"There is no copy synthesis {name!r}; known: {', '.join(_MEMBERS)}.")
    if not _present(name):
        raise MissingPart(f"{name!r} needs pyworld: pip install 'earwitness[train]'.")
    return _MEMBERS[name]


def _present(name: str) -> bool:
    return name != "world" or importlib.util.find_spec("pyworld") is not None
