"""Attacks on the time line: speed, tempo, pitch, crops, cuts, splices, jitter."""

from __future__ import annotations

import numpy as np
from scipy.signal import correlate, istft, stft

from ..core.audio import Audio, Samples, exactly, resample
from .attack_kit import Attack, Rng, Setting, like

_FADE = 0.005


def _speed(audio: Audio, speed: float, _: float, rng: Rng) -> Audio:
    return resample(Audio(audio.samples, max(1, round(audio.rate * speed))), audio.rate)


def _stretch(audio: Audio, tempo: float, _: float, rng: Rng) -> Audio:
    return like(audio, wsola(audio.samples, audio.rate, tempo))


def wsola(samples: Samples, rate: int, tempo: float) -> Samples:
    """(channels, n) played `tempo` times as fast at the same pitch: (channels, round(n / tempo)).

    Waveform-similarity overlap-add (Verhelst and Roelands, ICASSP 1993): frames of 40 ms, half overlapping, each
    taken within 10 ms of its place where it goes on best from the one before.
    """
    half, reach = max(8, rate // 50), rate // 100
    length = round(samples.shape[1] / tempo)
    window = np.sin(np.pi * (np.arange(2 * half) + 0.5) / (2 * half)) ** 2
    padded = np.pad(samples, ((0, 0), (reach + half, 4 * half + reach)))
    mono = padded.mean(axis=0)
    out = np.zeros((samples.shape[0], length + 3 * half))
    last = mono.size - 3 * half - reach
    place = reach
    for start in range(0, length + half, half):
        wanted = min(reach + round(start * tempo), last)
        if start:
            follow = mono[place + half : place + 3 * half]
            around = mono[max(0, wanted - reach) : wanted + reach + 2 * half]
            power = np.concatenate([[0.0], np.cumsum(np.square(around, dtype=np.float64))])
            likeness = correlate(around, follow, "valid") / np.sqrt(power[2 * half :] - power[: -2 * half] + 1e-9)
            place = max(0, wanted - reach) + int(np.argmax(likeness))
        out[:, start : start + 2 * half] += padded[:, place : place + 2 * half] * window
        place = min(place, last)
    return np.asarray(out[:, half : half + length], np.float32)


def _vocoder(audio: Audio, tempo: float, _: float, rng: Rng) -> Audio:
    """Phase vocoder (Flanagan and Golden, 1966): frames of 64 ms, four over each other."""
    size = max(16, audio.rate * 64 // 1000 // 4 * 4)
    hop = size // 4
    length = round(audio.samples.shape[1] / tempo)
    spectra = stft(exactly(audio.samples, max(size, audio.samples.shape[1])), nperseg=size, noverlap=size - hop)[2]
    places = np.arange(0, spectra.shape[2] - 1, tempo)
    before = places.astype(int)
    share = places - before
    size_of = np.abs(spectra)
    sizes = size_of[:, :, before] * (1 - share) + size_of[:, :, before + 1] * share
    turns = np.angle(spectra[:, :, before + 1]) - np.angle(spectra[:, :, before])
    expected = 2 * np.pi * hop * np.arange(spectra.shape[1])[:, None] / size
    steps = expected + np.angle(np.exp(1j * (turns - expected)))
    phases = np.angle(spectra[:, :, :1]) + np.cumsum(np.concatenate([steps[:, :, :1] * 0, steps[:, :, :-1]], 2), 2)
    sound = istft(sizes * np.exp(1j * phases), nperseg=size, noverlap=size - hop)[1]
    return like(audio, exactly(np.asarray(sound, np.float32), length))


def _pitch(audio: Audio, semitones: float, _: float, rng: Rng) -> Audio:
    ratio = 2 ** (semitones / 12)
    longer = like(audio, wsola(audio.samples, audio.rate, 1 / ratio))
    return like(audio, exactly(_speed(longer, ratio, 0.0, rng).samples, audio.samples.shape[1]))


def _crop(audio: Audio, seconds: float, _: float, rng: Rng) -> Audio:
    length = min(audio.samples.shape[1], max(1, round(seconds * audio.rate)))
    start = int(rng.integers(audio.samples.shape[1] - length + 1))
    return like(audio, audio.samples[:, start : start + length])


def _cut(audio: Audio, seconds: float, _: float, rng: Rng) -> Audio:
    total = audio.samples.shape[1]
    gone = min(round(seconds * audio.rate), total // 2)
    start = int(rng.integers(total // 10, max(total // 10 + 1, total - gone - total // 10)))
    return like(audio, _joined(audio.samples[:, :start], audio.samples[:, start + gone :], audio.rate))


def _splice(audio: Audio, seconds: float, _: float, rng: Rng) -> Audio:
    """Pieces, two at least, in another order."""
    total = audio.samples.shape[1]
    size = max(1, min(round(seconds * audio.rate), total // 2))
    count = -(-total // size)
    order = rng.permutation(count)
    if count > 1 and (order == np.arange(count)).all():
        order = np.roll(order, 1)
    pieces = [audio.samples[:, piece * size : (piece + 1) * size] for piece in order]
    return like(audio, np.concatenate(pieces, axis=1)) if pieces else audio


def _insert(audio: Audio, seconds: float, _: float, rng: Rng) -> Audio:
    """A backward piece of the clip put in somewhere."""
    total = audio.samples.shape[1]
    size = min(total, round(seconds * audio.rate))
    source, place = int(rng.integers(total - size + 1)), int(rng.integers(total + 1))
    piece = audio.samples[:, source : source + size][:, ::-1]
    return like(audio, np.concatenate([audio.samples[:, :place], piece, audio.samples[:, place:]], axis=1))


def _joined(before: Samples, after: Samples, rate: int) -> Samples:
    """Both in a row, the edges faded within 5 ms so that no click tells."""
    fade = min(round(_FADE * rate), before.shape[1], after.shape[1])
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    before, after = before.copy(), after.copy()
    before[:, before.shape[1] - fade :] *= ramp[::-1]
    after[:, :fade] *= ramp
    return np.concatenate([before, after], axis=1)


def _jitter(audio: Audio, samples: float, _: float, rng: Rng) -> Audio:
    """Every sample read a little early or late (linear interpolation), as by a bad clock."""
    length = audio.samples.shape[1]
    times = np.arange(length) + rng.standard_normal(length) * samples
    return like(audio, np.array([np.interp(times, np.arange(length), row) for row in audio.samples]))


def _wander(audio: Audio, percent: float, _: float, rng: Rng) -> Audio:
    """The speed wanders by so much around what it should be, as a tape's does."""
    length = audio.samples.shape[1]
    if length < 2:
        return audio
    time = np.arange(length) / audio.rate
    speed = sum(np.sin(2 * np.pi * hz * time + rng.uniform(0, 2 * np.pi)) for hz in (0.5, 1.3, 3.1))
    times = np.cumsum(1 + percent / 300 * np.asarray(speed)) - 1
    return like(audio, np.array([np.interp(times, np.arange(length), row) for row in audio.samples]))


def _dropped(audio: Audio, percent: float, _: float, rng: Rng) -> Audio:
    return like(audio, audio.samples[:, rng.random(audio.samples.shape[1]) >= percent / 100])


def _reverse(audio: Audio, _: float, __: float, rng: Rng) -> Audio:
    return like(audio, audio.samples[:, ::-1])


def _zeros(audio: Audio, percent: float, _: float, rng: Rng) -> Audio:
    samples = audio.samples.copy()
    samples[:, : round(samples.shape[1] * percent / 100)] = 0
    return like(audio, samples)


ATTACKS = (
    Attack("speed", "desync", "faster and higher", (Setting("factor", 1.1, 0.5, 2),), _speed),
    Attack("stretch", "desync", "faster at the same pitch (WSOLA)", (Setting("factor", 0.9, 0.5, 2),), _stretch),
    Attack("stretch-vocoder", "desync", "the same by a phase vocoder", (Setting("factor", 0.9, 0.5, 2),), _vocoder),
    Attack("pitch", "desync", "higher at the same tempo", (Setting("semitones", 1, -12, 12),), _pitch),
    Attack("crop", "desync", "a piece from a random place", (Setting("s", 3, 0.01, 1e6),), _crop),
    Attack("cut", "desync", "a random piece taken out", (Setting("s", 0.5, 0.001, 1e6),), _cut),
    Attack("splice", "desync", "pieces in another order", (Setting("s each", 2, 0.01, 1e6),), _splice),
    Attack("insert", "desync", "a backward piece put in", (Setting("s", 1, 0.001, 1e6),), _insert),
    Attack("jitter", "desync", "samples early or late", (Setting("samples", 0.01, 0, 10),), _jitter),
    Attack("wander", "desync", "wow and flutter", (Setting("percent of speed", 0.5, 0, 20),), _wander),
    Attack("samples-dropped", "desync", "random samples missing", (Setting("percent", 1, 0, 50),), _dropped),
    Attack("reverse", "desync", "backward", (), _reverse),
    Attack("zeros", "desync", "silence at the beginning", (Setting("percent", 10, 0, 100),), _zeros),
)
