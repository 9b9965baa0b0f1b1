"""Attacks of the place: noise, rooms, echoes, loudspeaker and microphone, lost packets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from ..core.audio import Audio, Samples
from .attack_kit import Attack, Rng, Setting, added, coloured, filtered, like

_VOICES = 8
_PACKET = 0.02


def _white(audio: Audio, snr: float, _: float, rng: Rng) -> Audio:
    return added(audio, rng.standard_normal(audio.samples.shape), snr)


def _pink(audio: Audio, snr: float, _: float, rng: Rng) -> Audio:
    return added(audio, coloured(audio.samples.shape, audio.rate, 1.0, rng), snr)


def _background(audio: Audio, snr: float, _: float, rng: Rng) -> Audio:
    """Brown noise that swells and fades, as traffic does, with a little white noise."""
    length = audio.samples.shape[1]
    swell = np.exp(0.5 * coloured((1, length), audio.rate, 3.0, rng) / 3)
    noise = coloured(audio.samples.shape, audio.rate, 2.0, rng)
    scale = np.std(noise) or 1.0
    return added(audio, swell * noise / scale + 0.1 * rng.standard_normal(audio.samples.shape), snr)


def _babble(audio: Audio, snr: float, _: float, rng: Rng) -> Audio:
    length = audio.samples.shape[1]
    shifts = rng.integers(0, max(1, length), _VOICES)
    voices = [np.roll(audio.samples[:, ::-1], int(shift), axis=1) for shift in shifts]
    return added(audio, np.sum(voices, axis=0), snr)


def _music(audio: Audio, snr: float, _: float, rng: Rng) -> Audio:
    """Chords of decaying tones with six harmonics, two a second."""
    length, rate = audio.samples.shape[1], audio.rate
    bed = np.zeros(length)
    for start in range(0, length, rate // 2):
        time = np.arange(min(rate, length - start)) / rate
        for step in rng.choice([0, 2, 4, 5, 7, 9, 11, 12, 14, 16], 3, replace=False):
            hz = 220 * 2 ** (int(step) / 12)
            tone = sum(np.sin(2 * np.pi * hz * n * time + n) / n for n in range(1, 7) if hz * n < rate / 2)
            bed[start : start + time.size] += tone * np.exp(-3 * time)
    return added(audio, bed[None], snr)


def _hum(audio: Audio, snr: float, _: float, rng: Rng) -> Audio:
    time = np.arange(audio.samples.shape[1]) / audio.rate
    hum = sum(np.sin(2 * np.pi * 50 * n * time + n * n) / n for n in range(1, 11))
    return added(audio, np.asarray(hum)[None], snr)


def _room(audio: Audio, rt60: float, direct: float, rng: Rng) -> Audio:
    if audio.samples.shape[1] == 0:
        return audio
    wet = fftconvolve(audio.samples, _response(audio.rate, rt60, direct, rng)[None], axes=1)
    return like(audio, wet[:, : audio.samples.shape[1]])


def _response(rate: int, rt60: float, direct: float, rng: Rng) -> NDArray[np.float64]:
    """Direct sound, then noise that decays by 60 dB in `rt60` s (Polack's model), `direct` dB softer in sum."""
    time = np.arange(1, max(2, round(rate * rt60))) / rate
    tail = rng.standard_normal(time.size) * 10 ** (-3 * time / rt60)
    # Nothing comes back in the first 2 ms.
    tail[: round(0.002 * rate)] = 0
    tail *= 10 ** (-direct / 20) / np.sqrt(np.sum(tail**2) + 1e-12)
    return np.concatenate([[1.0], tail])


def _echo(audio: Audio, gain: float, seconds: float, rng: Rng) -> Audio:
    late = max(1, round(seconds * audio.rate))
    heard = audio.samples.copy()
    heard[:, late:] += np.float32(gain) * audio.samples[:, :-late]
    return like(audio, heard)


def _rerecord(audio: Audio, rt60: float, snr: float, rng: Rng) -> Audio:
    """A small loudspeaker that overdrives softly, a room, its noise, and a microphone that clips."""
    peak = float(np.abs(audio.samples).max(initial=0.0))
    if peak == 0:
        return audio

    def speaker(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        resonance = 1 + 0.8 * np.exp(-0.5 * (np.log2(np.maximum(hz, 1) / 1800) / 0.4) ** 2)
        return resonance / np.sqrt((1 + (200 / np.maximum(hz, 1)) ** 4) * (1 + (hz / 7000) ** 8))

    played = filtered(like(audio, np.tanh(audio.samples * (1.5 / peak)) * (peak / np.tanh(1.5))), speaker)
    heard = added(_room(played, rt60, 3.0, rng), coloured(audio.samples.shape, audio.rate, 1.0, rng), snr)
    loudest = float(np.abs(heard.samples).max(initial=0.0))
    top = 0.8 * loudest
    return like(audio, np.clip(heard.samples, -top, top) * (peak / (top or 1.0)))


def _packets(audio: Audio, percent: float, _: float, rng: Rng) -> Audio:
    size = max(1, round(_PACKET * audio.rate))
    samples: Samples = audio.samples.copy()
    for start in range(size, samples.shape[1] - size + 1, size):
        if rng.random() < percent / 100:
            # The last packet once more, softer each time.
            samples[:, start : start + size] = samples[:, start - size : start] * np.float32(0.5)
    return like(audio, samples)


_SNR = (Setting("SNR in dB", 10, -20, 80),)
ATTACKS = (
    Attack("noise-white", "noise", "white noise", _SNR, _white),
    Attack("noise-pink", "noise", "pink noise", _SNR, _pink),
    Attack("noise-background", "noise", "made-up traffic that swells and fades", _SNR, _background),
    Attack("babble", "noise", "eight backward copies of the clip itself", _SNR, _babble),
    Attack("music", "noise", "made-up chords", _SNR, _music),
    Attack("hum", "noise", "50 Hz and nine harmonics", _SNR, _hum),
    Attack(
        "room",
        "room",
        "decaying noise as reverberation",
        (Setting("RT60 in s", 0.5, 0.05, 5), Setting("direct over reverberant dB", 3, -20, 40)),
        _room,
    ),
    Attack("echo", "room", "one repeat", (Setting("factor", 0.5, 0, 1), Setting("s later", 0.1, 0.001, 2)), _echo),
    Attack(
        "rerecord",
        "room",
        "played by a loudspeaker, heard by a microphone in a room",
        (Setting("RT60 in s", 0.4, 0.05, 5), Setting("SNR in dB", 25, -20, 80)),
        _rerecord,
    ),
    Attack("packet-loss", "room", "20 ms packets repeated", (Setting("percent", 10, 0, 90),), _packets),
)
