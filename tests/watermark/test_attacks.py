"""Attacks: each does what its name says, keeps rate and channels, follows its seed, and names its errors."""

from __future__ import annotations

import numpy as np
import pytest
from earwitness.core.audio import Audio
from earwitness.core.errors import AudioError, UsageError
from earwitness.watermark import attacks
from earwitness.watermark.attacks import SUITES, attack, family, names, suite
from numpy.typing import NDArray
from scipy.signal import correlate

RATE = 16_000
Floats = NDArray[np.floating]
PLAIN = [known.name for known in names() if known.run is not None]
CHANGE_LENGTH = {"crop", "cut", "insert", "samples-dropped", "speed", "stretch", "stretch-vocoder"}


def voice(seconds: float = 3.0, rate: int = RATE, channels: int = 1, seed: int = 0) -> Audio:
    """A buzz with a wandering pitch and syllables, different in each channel."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    made = []
    for _ in range(channels):
        pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * time + rng.uniform(0, 6))
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        buzz = sum(np.sin(n * phase + n * n) / n for n in range(1, 25))
        loud = 0.55 + 0.45 * np.sin(2 * np.pi * 3.3 * time + rng.uniform(0, 6))
        made.append(0.1 * buzz * loud + 0.003 * rng.standard_normal(time.size))
    return Audio.of(np.stack(made), rate)


def tone(hz: float, seconds: float = 2.0, rate: int = RATE, height: float = 0.5) -> Audio:
    return Audio.of(height * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate), rate)


def level(x: Floats) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(x, dtype=np.float64))) + 1e-12))


def loudest_hz(audio: Audio) -> float:
    x = audio.samples[0]
    return float(np.argmax(np.abs(np.fft.rfft(x * np.hanning(x.size)))) * audio.rate / x.size)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (8000, 1), (44_100, 2)])
def test_every_attack_keeps_its_promises(name: str, rate: int, channels: int) -> None:
    audio = voice(1.5, rate, channels)
    before = audio.samples.copy()
    got = attack(name, audio, seed=3)
    assert (got.rate, got.channels) == (rate, channels)
    assert got.samples.dtype == np.float32
    assert np.isfinite(got.samples).all()
    assert (audio.samples == before).all(), "the input is not written to"
    if name not in CHANGE_LENGTH:
        assert got.samples.shape == audio.samples.shape
    if not (name in ("lowpass", "resample") and rate == 8000) and name != "crop":
        assert got.samples.shape != before.shape or not np.array_equal(got.samples, before), "something was done"
    again = attack(name, audio, seed=3)
    assert np.array_equal(got.samples, again.samples)


@pytest.mark.parametrize("name", PLAIN)
def test_nothing_a_sample_and_silence_are_survived(name: str) -> None:
    for length in (0, 1, 2, 50, 4000):
        silent = Audio(np.zeros((2, length), np.float32), RATE)
        got = attack(name, silent)
        assert got.channels == 2
        assert np.isfinite(got.samples).all()
        assert np.abs(got.samples).max(initial=0.0) == 0.0


@pytest.mark.parametrize("name", ["noise-white", "noise-pink", "noise-background", "babble", "music", "hum"])
@pytest.mark.parametrize("snr", [20.0, 5.0])
def test_noise_has_the_snr_of_its_name(name: str, snr: float) -> None:
    audio = voice()
    noise = attack(f"{name}:{snr}", audio).samples - audio.samples
    assert level(audio.samples) - level(noise) == pytest.approx(snr, abs=0.1)


def test_chance_comes_from_the_seed() -> None:
    audio = voice(1.0)
    assert not np.array_equal(attack("noise-white:10", audio, 1).samples, attack("noise-white:10", audio, 2).samples)
    stereo = Audio(np.repeat(audio.samples, 2, axis=0), RATE)
    noise = attack("noise-white:10", stereo).samples - stereo.samples
    assert abs(np.corrcoef(noise)[0, 1]) < 0.05


def test_level_attacks() -> None:
    audio = voice()
    assert np.allclose(attack("gain:0.2", audio).samples, 0.2 * audio.samples)
    assert np.array_equal(attack("polarity", audio).samples, -audio.samples)
    assert np.unique(attack("bits:4", audio).samples).size <= 16
    assert np.abs(attack("bits:8", audio).samples - audio.samples).max() <= 1 / 256 + 1e-6
    assert np.abs(attack("clip:6", audio).samples).max() == pytest.approx(np.abs(audio.samples).max() / 2, rel=0.01)
    assert level(attack("limiter:-36", audio).samples) < -33
    loud, soft = tone(300), tone(300, height=0.05)
    closer = level(attack("compressor:-36", loud).samples) - level(attack("compressor:-36", soft).samples)
    assert closer == pytest.approx(20 / 4, abs=0.3)
    assert level(attack("expander:-14", loud).samples) == pytest.approx(level(loud.samples), abs=0.1)
    assert level(attack("expander:-14", soft).samples) < level(soft.samples) - 20
    quarter = attack("phase:90", tone(200)).samples[0]
    assert abs(np.corrcoef(quarter, tone(200).samples[0])[0, 1]) < 0.01


@pytest.mark.parametrize(
    ("name", "kept", "gone"),
    [
        ("lowpass:3500", 1000, 6000),
        ("highpass:500", 1500, 100),
        ("bandpass", 1000, 60),
        ("bandpass:300@3400", 1000, 7000),
        ("resample:8000", 1000, 6000),
        ("smooth:16", 60, 1000),
    ],
)
def test_filters_keep_one_band_and_drop_another(name: str, kept: float, gone: float) -> None:
    assert level(attack(name, tone(kept)).samples) == pytest.approx(level(tone(kept).samples), abs=1)
    assert level(attack(name, tone(gone)).samples) < level(tone(gone).samples) - 20


def test_the_equaliser_moves_bands_by_its_decibels() -> None:
    audio = Audio.of(0.1 * np.random.default_rng(0).standard_normal(4 * RATE), RATE)
    ratio = np.abs(np.fft.rfft(attack("eq:6", audio).samples[0])) / np.abs(np.fft.rfft(audio.samples[0]))
    db = 20 * np.log10(np.convolve(ratio, np.ones(101) / 101, "same")[200:-200])
    assert 4 < db.max() < 7
    assert -7 < db.min() < -4


def test_speed_moves_pitch_and_time_stretch_time_alone_pitch_pitch_alone() -> None:
    fast, longer, higher = (attack(name, tone(400)) for name in ("speed:1.25", "stretch:0.8", "pitch:2"))
    assert fast.samples.shape[1] == pytest.approx(2 * RATE / 1.25, abs=2)
    assert loudest_hz(fast) == pytest.approx(500, abs=2)
    assert longer.samples.shape[1] == round(2 * RATE / 0.8)
    assert loudest_hz(longer) == pytest.approx(400, abs=2)
    assert higher.samples.shape[1] == 2 * RATE
    assert loudest_hz(higher) == pytest.approx(400 * 2 ** (2 / 12), abs=2)
    vocoder = attack("stretch-vocoder:0.8", tone(400))
    assert vocoder.samples.shape[1] == round(2 * RATE / 0.8)
    assert loudest_hz(vocoder) == pytest.approx(400, abs=2)


@pytest.mark.parametrize("name", ["stretch", "stretch-vocoder"])
@pytest.mark.parametrize("tempo", [0.75, 1.3])
def test_stretched_syllables_stay_in_step(name: str, tempo: float) -> None:
    audio = voice(4.0)
    got = attack(f"{name}:{tempo}", audio).samples[0]

    def envelope(x: Floats, points: int) -> Floats:
        parts = np.array_split(np.square(x, dtype=np.float64), points)
        return np.array([part.mean() for part in parts])

    assert np.corrcoef(envelope(audio.samples[0], 100), envelope(got, 100))[0, 1] > 0.85


def test_a_stretch_by_nothing_changes_nothing() -> None:
    audio = voice()
    assert np.allclose(attack("stretch:1", audio).samples, audio.samples, atol=1e-5)


def test_crops_cuts_inserts_and_splices() -> None:
    audio = voice(6.0)
    crop = attack("crop:2", audio).samples[0]
    assert crop.size == 2 * RATE
    assert crop.tobytes() in audio.samples[0].tobytes()
    assert np.array_equal(attack("crop:60", audio).samples, audio.samples)
    cut = attack("cut:0.5", audio).samples[0]
    assert cut.size == 5.5 * RATE
    assert np.array_equal(cut[:1000], audio.samples[0][:1000])
    assert np.array_equal(cut[-1000:], audio.samples[0][-1000:])
    assert attack("insert:1", audio).samples.shape[1] == 7 * RATE
    spliced = attack("splice:2", audio).samples[0]
    assert not np.array_equal(spliced, audio.samples[0])
    assert np.array_equal(np.sort(spliced), np.sort(audio.samples[0]))
    dropped = attack("samples-dropped:1", audio).samples.shape[1]
    assert dropped == pytest.approx(0.99 * 6 * RATE, rel=0.003)
    assert np.array_equal(attack("reverse", audio).samples, audio.samples[:, ::-1])
    zeros = attack("zeros:10", audio).samples[0]
    assert (zeros[: 6 * RATE // 10] == 0).all()
    assert np.array_equal(zeros[6 * RATE // 10 :], audio.samples[0][6 * RATE // 10 :])


def test_echoes_and_rooms_leave_the_direct_sound_in_its_place() -> None:
    audio = voice()
    late = attack("echo:0.5@0.1", audio).samples[0] - audio.samples[0]
    assert np.allclose(late[1600:], 0.5 * audio.samples[0][:-1600], atol=1e-6)
    click = np.zeros(RATE, np.float32)
    click[100] = 1
    wet = attack("room:0.5@3", Audio(click[None], RATE)).samples[0]
    assert np.argmax(np.abs(wet)) == 100
    assert level(click) - level(wet - click) == pytest.approx(3, abs=0.2)
    early, end = wet[100 + 1600 : 100 + 3200], wet[100 + 4800 : 100 + 6400]
    assert level(early) - level(end) == pytest.approx(60 * 0.2 / 0.5, abs=3)


def test_a_rerecording_is_late_by_nothing_and_narrow() -> None:
    audio = voice()
    got = attack("rerecord", audio).samples[0]
    away = int(np.argmax(correlate(got, audio.samples[0]))) - (audio.samples.shape[1] - 1)
    assert abs(away) < 20
    low = [np.abs(np.fft.rfft(x))[: 100 * 3].mean() for x in (audio.samples[0], got)]
    assert low[1] < low[0]


def test_removal_changes_tiles_by_their_decibels_and_denoising_takes_noise() -> None:
    audio = Audio.of(0.1 * np.random.default_rng(1).standard_normal(3 * RATE), RATE)
    got = attack("tile-gains:4", audio).samples[0]
    off = level(got - audio.samples[0]) - level(audio.samples)
    assert -9 < off < -3
    spoken = Audio(voice().samples * (np.arange(3 * RATE) // 8000 % 2 == 0), RATE)
    noisy = attack("noise-white:10", spoken)
    cleaned = attack("denoise", noisy)
    assert level(cleaned.samples - spoken.samples) < level(noisy.samples - spoken.samples) - 2

    def swing(x: Audio) -> float:
        frames = np.square(x.samples[0][: RATE * 2].reshape(-1, 320)).mean(axis=1)
        return float(np.std(np.log(frames + 1e-9)))

    assert swing(attack("smooth-bands:0.5", voice())) < 0.7 * swing(voice())


def test_packets_are_lost_as_often_as_said() -> None:
    audio = voice(20.0)
    changed = (attack("packet-loss:10", audio).samples != audio.samples).reshape(-1, 320).any(axis=1)
    assert changed.mean() == pytest.approx(0.1, abs=0.03)


def test_codecs_come_in_by_a_function() -> None:
    asked: list[tuple[str, float | None]] = []

    def resynthesise(name: str, audio: Audio, kbps: float | None) -> Audio:
        asked.append((name, kbps))
        return Audio(audio.samples * np.float32(0.5), audio.rate)

    got = attack("mp3:64,lyra:3.2,codec:anything,codec:dac@6.029,gain:2", voice(0.5), resynthesise=resynthesise)
    assert asked == [("mp3", 64.0), ("lyra", 3.2), ("anything", None), ("dac", 6.029)]
    assert np.allclose(got.samples, voice(0.5).samples / 8)
    with pytest.raises(UsageError, match="no codecs were handed in"):
        attack("opus:6", voice(0.5))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("noise-wite:10", "did you mean 'noise-white'"),
        ("stretchh", "did you mean 'stretch'"),
        ("", "There is no attack"),
        ("\x1b[31mred", r"\\x1b"),
        ("gain:loud", "takes a number"),
        ("gain:1e9", "0.001 to 1000"),
        ("gain:nan", "takes 0.001 to 1000"),
        ("polarity:3", "takes no number"),
        ("gain:1@2", "at most 1"),
        ("codec", "name of a codec"),
        ("codec:dac@x", "takes a number"),
        ("mp3:64,,gain", "There is no attack"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        attack(name, voice(0.2))


def test_samples_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(AudioError, match="NaN"):
        attack("gain", Audio(np.full((1, 10), np.nan, np.float32), RATE))


def test_every_attack_of_every_suite_is_known_and_runs() -> None:
    audio = voice(1.2)
    assert set(SUITES) == {"raw-bench-strict", "raw-bench-loose", "audiomarkbench", "earwitness"}
    for name, entries in SUITES.items():
        assert len(set(entries)) == len(entries), name
        for entry in entries:
            attack(entry, audio, resynthesise=lambda name, sound, kbps: sound)
            assert family(entry) in {"codec", "neural", "level", "filter", "noise", "room", "desync", "removal"}


def test_strict_draws_lie_in_their_ranges_and_follow_the_seed() -> None:
    entries = suite("raw-bench-strict", seed=5, draws=20)
    low = [float(entry.split(":")[1]) for entry in entries if entry.startswith("stretch:")]
    assert len(low) == 40
    assert all(0.75 <= x <= 0.95 or 1.05 <= x <= 1.25 for x in low)
    assert entries == suite("raw-bench-strict", seed=5, draws=20)
    assert entries != suite("raw-bench-strict", seed=6, draws=20)
    with pytest.raises(UsageError, match="known: raw-bench-strict"):
        suite("nothing")


def test_families_tell_neural_from_classical() -> None:
    assert family("mp3:64") == "codec"
    assert family("mp3:64,lyra:3.2") == "neural"
    assert family("codec:dac") == "neural"
    assert family("noise-white:10,denoise") == "removal"
    assert all(isinstance(known.help, str) and known.help for known in attacks.names())
