"""Classical codecs: nothing late, nothing lost, nothing mixed up, and the bitrates that they name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from earwitness.codecs import classical, zoo
from earwitness.codecs.classical_av import AvCoder
from earwitness.codecs.classical_modes import MODES, Mode
from earwitness.codecs.classical_sndfile import SndfileCoder
from earwitness.codecs.protocol import Resynthesiser
from earwitness.core.audio import Audio, load
from earwitness.core.errors import AudioError, MissingPart, UsageError
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

NAMES = [mode.name for mode in MODES]
# Bitrates that the encoder keeps to, whatever the sound is.
CONSTANT = ["mp3", "amr-nb", "gsm", "g722", "g726", "g723.1", "mulaw", "alaw", "msbc", "sbc", "aptx", "mp2", "ac3"]
CONSTANT += ["eac3", "wma1", "wma2", "real-144", "adpcm-vox", "adpcm-nms-16", "adpcm-nms-24"]


@cache
def voice(rate: int, seconds: float = 1.0, seed: int = 0) -> Audio:
    """Harmonics of a moving pitch under three formants, in syllables, with some breath."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(rate * seconds)) / rate
    pitch = rng.uniform(110, 190) * (1 + 0.15 * np.sin(2 * np.pi * 1.1 * time) + 0.02 * np.sin(2 * np.pi * 5 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    sound = 0.002 * rng.standard_normal(time.size)
    syllable = np.clip(np.sin(2 * np.pi * 3 * time) + 0.5, 0, None) ** 0.5
    for k in range(1, int(3600 / 220)):
        away = [(k * pitch - formant) / width for formant, width in ((500, 200), (1500, 300), (2500, 400))]
        loud = sum(np.exp(-0.5 * a**2) / (i + 1) for i, a in enumerate(away)) + 0.03
        sound += loud * syllable * np.sin(k * phase + rng.uniform(0, 6))
    return Audio.of(0.5 * sound / np.abs(sound).max(), rate)


def band(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """What every codec carries: 300-3000 Hz, without phase shift."""
    edges = butter(4, [300, 3000], "bandpass", fs=rate, output="sos")
    return np.asarray(sosfiltfilt(edges, samples.astype(np.float64)))


def lag(late: NDArray[np.float64], early: NDArray[np.float64], widest: int) -> int:
    """Samples by which `late` is behind `early`, at most `widest`."""
    size = 1 << (2 * early.size).bit_length()
    product = np.fft.rfft(late, size) * np.conj(np.fft.rfft(early, size))
    product /= np.abs(product) ** 0.5 + 1e-12  # half-way to the phase transform: a sharper peak
    correlation = np.fft.irfft(product, size)
    around = np.concatenate([correlation[-widest:], correlation[: widest + 1]])
    return int(np.argmax(around)) - widest


def si_sdr(heard: NDArray[np.float64], said: NDArray[np.float64]) -> float:
    part = said * (heard @ said) / (said @ said)
    return float(10 * np.log10((part @ part) / ((heard - part) @ (heard - part))))


def likeness(heard: NDArray[np.float64], said: NDArray[np.float64], rate: int) -> float:
    """Correlation of the log spectra, 300-3000 Hz, 32-ms frames."""
    size = rate * 32 // 1000
    bins = slice(300 * size // rate, 3000 * size // rate)

    def spectra(samples: NDArray[np.float64]) -> NDArray[np.float64]:
        frames = samples[: samples.size // size * size].reshape(-1, size) * np.hanning(size)
        return np.log(np.abs(np.fft.rfft(frames))[:, bins] + 0.03).ravel()

    return float(np.corrcoef(spectra(heard), spectra(said))[0, 1])


def test_the_tested_wheels_hold_every_codec_of_the_table() -> None:
    assert classical.names() == NAMES
    assert set(classical.names()) <= set(zoo.names())


@pytest.mark.parametrize("name", NAMES)
def test_resynthesis_is_the_same_speech_at_the_same_time(name: str) -> None:
    codec = classical.open(name)
    assert isinstance(codec, Resynthesiser)
    lowest, highest = min(codec.kbps, default=None), max(codec.kbps, default=None)
    for rate, kbps in {(48000, lowest), (8000, highest), (16000, highest), (44100, highest)}:
        said = voice(rate)
        heard = codec.resynth(said, kbps)
        assert (heard.rate, heard.samples.shape, heard.samples.dtype) == (
            rate,
            said.samples.shape,
            np.dtype(np.float32),
        )
        ours, theirs = band(heard.samples[0], rate), band(said.samples[0], rate)
        sample = max(1, round(rate / codec.coding_rate(rate, kbps)))
        assert abs(lag(ours, theirs, rate // 10)) <= sample, f"{name} at {kbps} kbit/s and {rate} Hz is late"
        assert likeness(ours, theirs, rate) > 0.7
        if kbps == highest:
            assert si_sdr(ours, theirs) > 6, f"{name} at {kbps} kbit/s and {rate} Hz is another sound"


@pytest.mark.parametrize("name", ["mp3", "aac", "opus", "vorbis", "g726", "wma2"])
def test_more_bits_are_closer_to_the_original(name: str) -> None:
    codec, said = classical.open(name), voice(16000)
    worst, best = (
        si_sdr(band(codec.resynth(said, kbps).samples[0], 16000), band(said.samples[0], 16000))
        for kbps in (min(codec.kbps), max(codec.kbps))
    )
    assert best > worst + 6


@pytest.mark.parametrize("name", CONSTANT)
def test_a_constant_bitrate_is_what_it_says(name: str) -> None:
    codec, said = classical.open(name), voice(16000, 2.0)
    for kbps in {min(codec.kbps), max(codec.kbps)}:
        # AMR pads its frames to whole octets and adds one to each; GSM in WAV saves some.
        assert codec.measured_kbps(said, kbps) == pytest.approx(kbps, rel=0.11)


def test_opus_and_aac_stay_near_their_bitrate() -> None:
    said = Audio.of(np.random.default_rng(0).standard_normal(32000) * 0.1, 16000)
    for name in ("opus", "opus-voip", "aac"):
        for kbps in classical.open(name).kbps[2:4]:
            assert classical.open(name).measured_kbps(said, kbps) == pytest.approx(kbps, rel=0.25)


def test_the_highest_bitrate_is_the_default_and_others_are_refused() -> None:
    codec, said = classical.open("g726"), voice(8000, 0.3)
    assert np.array_equal(codec.resynth(said).samples, codec.resynth(said, 40).samples)
    assert not np.array_equal(codec.resynth(said).samples, codec.resynth(said, 16).samples)
    with pytest.raises(UsageError, match="g726 has one of 16, 24, 32, 40, not 33"):
        codec.resynth(said, 33)
    with pytest.raises(UsageError, match="no choice of bitrate"):
        classical.open("adpcm-ms").resynth(said, 32)


@pytest.mark.parametrize("name", NAMES)
def test_channels_stay_apart_and_any_length_stays(name: str) -> None:
    left, right = voice(22050, 0.55, seed=1).samples, voice(22050, 0.55, seed=2).samples
    both = np.concatenate([left, right])[:, :12001]
    heard = classical.open(name).resynth(Audio(both, 22050))
    assert heard.samples.shape == both.shape
    for channel in (0, 1):
        own, other = both[channel].astype(np.float64), both[1 - channel].astype(np.float64)
        out = heard.samples[channel].astype(np.float64)
        assert si_sdr(band(out, 22050), band(own, 22050)) > si_sdr(band(out, 22050), band(other, 22050)) + 10
    for length in (0, 1, 37):
        assert classical.open(name).resynth(Audio(both[:, :length].copy(), 22050)).samples.shape == (2, length)


@pytest.mark.parametrize("name", ["mp3", "aac", "opus", "mulaw", "vorbis"])
def test_silence_stays_silent_and_full_scale_does_not_wrap(name: str) -> None:
    codec = classical.open(name)
    silent = codec.resynth(Audio(np.zeros((1, 8000), np.float32), 16000))
    assert np.abs(silent.samples).max() < 1e-3
    loud = 3 * voice(16000, 0.5).samples
    heard = codec.resynth(Audio(loud, 16000)).samples
    assert si_sdr(band(heard[0], 16000), band(np.clip(loud[0], -1, 1), 16000)) > 6


@pytest.mark.parametrize(("name", "suffix"), [("mp3", "mp3"), ("opus", "ogg"), ("vorbis", "ogg"), ("g726", "wav")])
def test_encode_gives_a_file_that_others_read(name: str, suffix: str, tmp_path: Path) -> None:
    said = voice(16000)
    (tmp_path / f"said.{suffix}").write_bytes(classical.open(name).encode(Audio(said.samples.repeat(2, 0), 16000)))
    heard = load(tmp_path / f"said.{suffix}").mono()
    assert heard.seconds == pytest.approx(said.seconds, abs=1.2)
    assert heard.seconds >= said.seconds
    assert np.abs(heard.samples).max() > 0.2


def test_two_runs_give_the_same_samples() -> None:
    said = voice(16000, 0.5)
    for name in ("mp3", "aac", "opus", "amr-nb", "vorbis"):
        assert np.array_equal(classical.open(name).resynth(said).samples, classical.open(name).resynth(said).samples)


def test_samples_that_are_not_numbers_are_refused() -> None:
    broken = voice(16000, 0.2).samples.copy()
    broken[0, 5] = np.nan
    with pytest.raises(AudioError, match="mp3 cannot code samples that are NaN or Inf"):
        classical.open("mp3").resynth(Audio(broken, 16000))


def test_unknown_and_missing_codecs_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not AvCoder("no_such_encoder", "wav").present()
    assert not AvCoder("flac", "no_such_container").present()
    assert not SndfileCoder("WAV", "NO_SUCH_SUBTYPE").present()
    monkeypatch.setitem(classical._MODES, "lost", Mode("lost", "", AvCoder("no_such_encoder", "wav"), (8000,)))
    assert "lost" not in classical.names()
    with pytest.raises(MissingPart, match="no encoder for 'lost'"):
        classical.open("lost")
    with pytest.raises(UsageError, match="There is no classical codec 'mp4'"):
        classical.open("mp4")
