"""Augmentation chains: what each step promises, and that chance comes from seeds alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from earwitness.codecs import classical
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError, RecipeError
from earwitness.datasets import rooms
from earwitness.datasets.augment import POLICIES, Chain, RecordedBeds, Step, draw_chain, named
from earwitness.datasets.augment_denoise import Denoise
from earwitness.datasets.augment_device import Band, Compress, Gain, Overdrive, Peak, RawBoost, Tilt
from earwitness.datasets.augment_line import Codec, Loss, Rate
from earwitness.datasets.augment_place import Bed, Noise, Room
from earwitness.datasets.manifest import Clip
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

RATE = 16000
Samples = NDArray[np.float32]
Say = Callable[..., Samples]

EVERY_STEP = [
    Noise("pink", 12.5),
    Bed("hall", 10.0),
    Room(7),
    Gain(-6.0),
    Band(300.0, 3400.0, 4),
    Tilt(2.5),
    Peak(900.0, -8.0, 1.5),
    Compress(-25.0, 4.0),
    Overdrive("soft", 6.0),
    Overdrive("hard", 6.0),
    Denoise(18.0, 1.5),
    RawBoost(4),
    Rate(11025),
    Codec("g726", 24.0),
    Codec("adpcm-ms", 0.0),
    Loss(10.0, 20, 1.5, "repeat"),
]


@pytest.fixture(params=EVERY_STEP, ids=str)
def step(request: pytest.FixtureRequest, require: Callable[[str], None]) -> Step:
    if isinstance(request.param, Room):
        require("pyroomacoustics")
    return request.param  # type: ignore[no-any-return]


BEDS = {"hall": Audio.of(np.random.default_rng(5).standard_normal(30000) * 0.2, 22050)}


def run(step: Step, audio: Audio, seed: int = 1) -> Samples:
    return step.apply(audio, np.random.default_rng(seed), BEDS).samples


def power(samples: Samples, low: float, high: float, rate: int = RATE) -> float:
    """Energy between two frequencies in dB."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    bins = np.fft.rfftfreq(samples.size, 1 / rate)
    return float(10 * np.log10(spectrum[(bins >= low) & (bins < high)].sum() + 1e-12))


def white(seconds: float = 2.0, level: float = 0.1, seed: int = 0) -> Audio:
    return Audio.of(np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * level, RATE)


def test_the_list_above_holds_every_step() -> None:
    assert {step.kind() for step in EVERY_STEP} == set(Step.kinds)


def test_a_step_keeps_length_and_rate_changes_something_and_has_no_chance_of_its_own(step: Step, say: Say) -> None:
    for rate, samples in ((RATE, np.stack([say(1), say(2)])[:, :12347]), (44100, say(3, 0.3, 44100)[None])):
        audio = Audio(samples, rate)
        once, again = (step.apply(audio, np.random.default_rng(9), BEDS) for _ in range(2))
        assert (once.rate, once.samples.shape, once.samples.dtype) == (rate, samples.shape, np.dtype(np.float32))
        assert np.isfinite(once.samples).all()
        assert np.array_equal(once.samples, again.samples)
        assert not np.allclose(once.samples, samples, atol=1e-4)


def test_a_step_survives_silence_and_next_to_nothing(step: Step) -> None:
    for length in (1, 50, 4000):
        silent = run(step, Audio(np.zeros((1, length), np.float32), RATE))
        assert silent.shape == (1, length)
        # G.726 and ADPCM idle at their smallest step.
        assert np.abs(silent).max() < 2e-3


def test_a_step_does_not_move_speech_in_time(step: Step, say: Say) -> None:
    said = say(4)
    heard = run(step, Audio(said[None], RATE))[0]
    product = np.fft.rfft(heard, 65536) * np.conj(np.fft.rfft(said, 65536))
    correlation = np.fft.irfft(product / (np.abs(product) ** 0.5 + 1e-9))
    late = int(np.argmax(correlation))
    # A causal band-pass and an early echo may move the peak by a millisecond, no step by more.
    assert min(late, 65536 - late) <= RATE // 1000


@pytest.mark.parametrize("colour", ["white", "pink", "brown", "blue"])
@pytest.mark.parametrize("snr", [0.0, 15.0, 30.0])
def test_noise_and_beds_reach_their_snr(colour: str, snr: float, say: Say) -> None:
    audio = Audio(say(1)[None], RATE)
    for step in (Noise(colour, snr), Bed("hall", snr)):
        noise = run(step, audio) - audio.samples
        assert 20 * np.log10(np.std(audio.samples) / np.std(noise)) == pytest.approx(snr, abs=0.5)


def test_colours_have_their_slopes(say: Say) -> None:
    audio = Audio(say(1, 4.0)[None], RATE)
    for colour, fall in (("white", 0.0), ("pink", 3.0), ("brown", 6.0), ("blue", -3.0)):
        noise = (run(Noise(colour, 0.0), audio) - audio.samples)[0]
        # Two octaves apart, each one octave wide: white doubles its energy with each octave.
        step = power(noise, 400, 800) - power(noise, 1600, 3200) + 6.02
        assert step == pytest.approx(2 * fall, abs=0.7)


def test_a_bed_is_looped_and_starts_where_the_seed_says() -> None:
    tone = Audio.of(np.sin(np.arange(4000) * 2 * np.pi * 0.05), RATE)
    audio = white(1.0)
    heard = [
        Bed("tone", 0.0).apply(audio, np.random.default_rng(s), {"tone": tone}).samples - audio.samples
        for s in (1, 2)
    ]
    assert not np.allclose(heard[0], heard[1], atol=1e-3)
    for part in np.split(heard[0][0], 4):
        assert power(part, 750, 850) - power(part, 1000, 8000) > 20
    with pytest.raises(DataError, match="needs the recording 'tone'"):
        Bed("tone", 0.0).apply(audio, np.random.default_rng(1), BEDS)


def test_a_room_lengthens_sound_and_keeps_its_level(require: Callable[[str], None]) -> None:
    require("pyroomacoustics")
    audio = Audio.of(np.concatenate([white(0.5).samples[0], np.zeros(8000)]), RATE)
    for number in (3, 11, 42):
        heard = run(Room(number), audio)[0]
        assert np.std(heard) == pytest.approx(np.std(audio.samples), rel=0.01)
        assert power(heard[8000:9600], 50, 8000) > power(heard[14400:], 50, 8000) + 6
        assert power(heard[8000:9600], 50, 8000) > power(heard[:8000], 50, 8000) - 30


def test_rooms_decay_as_they_say(require: Callable[[str], None]) -> None:
    require("pyroomacoustics")
    ratios = []
    for number in range(12):
        response = rooms.response(number, RATE)
        assert np.argmax(np.abs(response)) == 0
        left = 10 * np.log10(np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1] / np.sum(response**2) + 1e-9)
        start, stop = np.argmax(left < -5), np.argmax(left < -20)
        ratios.append(4 * (stop - start) / RATE / rooms.shape(number).rt60)
    assert 0.6 < np.median(ratios) < 1.4
    assert len({rooms.shape(number) for number in range(rooms.COUNT)}) == rooms.COUNT


def test_a_band_limit_takes_away_what_lies_outside() -> None:
    audio = white()
    phone = run(Band(300.0, 3400.0, 6), audio)[0]
    before = audio.samples[0]
    assert power(phone, 500, 3000) == pytest.approx(power(before, 500, 3000), abs=0.5)
    assert power(phone, 20, 150) < power(before, 20, 150) - 30
    assert power(phone, 6000, 8000) < power(before, 6000, 8000) - 25
    low = run(Band(0.0, 4000.0, 8), audio)[0]
    assert power(low, 20, 3500) == pytest.approx(power(before, 20, 3500), abs=0.5)
    assert power(low, 6500, 8000) < power(before, 6500, 8000) - 30
    assert np.array_equal(run(Band(0.0, 8000.0, 4), audio)[0], before)


def test_a_rate_trip_keeps_what_fits_and_drops_the_rest() -> None:
    audio = white()
    heard = run(Rate(8000), audio)[0]
    assert power(heard - audio.samples[0], 100, 3500) < power(audio.samples[0], 100, 3500) - 60
    assert power(heard, 4100, 8000) < power(audio.samples[0], 4100, 8000) - 60
    there_and_back = run(Rate(48000), audio)[0]
    assert power(there_and_back - audio.samples[0], 100, 7000) < power(audio.samples[0], 100, 7000) - 50


def test_tilt_and_peak_shape_the_spectrum() -> None:
    audio = white(4.0)
    tilted = run(Tilt(3.0), audio)[0]
    assert power(tilted, 2000, 2400) - power(tilted, 500, 600) == pytest.approx(6 + 6.02, abs=0.7)
    assert np.std(tilted) == pytest.approx(np.std(audio.samples), rel=0.01)
    peaked = run(Peak(1000.0, 9.0, 0.5), audio)[0]
    rise = power(peaked, 980, 1020) - power(audio.samples[0], 980, 1020)
    assert rise - (power(peaked, 4000, 6000) - power(audio.samples[0], 4000, 6000)) == pytest.approx(9, abs=0.5)


def test_gain_is_exact_and_a_chain_does_not_clip(say: Say) -> None:
    audio = Audio(say(1, level=0.1)[None], RATE)
    assert np.allclose(run(Gain(-6.0), audio), audio.samples * 10 ** (-0.3), rtol=1e-5)
    loud = Chain((Gain(40.0),)).apply(audio, 1).samples
    assert np.abs(loud).max() == pytest.approx(0.99)
    assert np.corrcoef(loud[0], audio.samples[0])[0, 1] > 0.99999


def test_compression_narrows_the_range_of_levels() -> None:
    quiet, loud = white(1.0, 0.01).samples[0], white(1.0, 0.3).samples[0]
    audio = Audio.of(np.concatenate([quiet, loud, quiet]), RATE)
    heard = run(Compress(-25.0, 4.0), audio)[0]

    def level(part: Samples) -> float:
        return float(20 * np.log10(np.std(part[2000:14000])))

    before, after = (level(x[16000:32000]) - level(x[:16000]) for x in (audio.samples[0], heard))
    assert before == pytest.approx(29.5, abs=0.5)
    assert 10 < after < 18
    assert np.allclose(heard[:15000], quiet[:15000], atol=1e-4)
    # It recovers after the loud part, but not at once.
    assert np.std(heard[32000:32400]) < 0.6 * np.std(heard[40000:])


def test_a_denoiser_lowers_pauses_and_spares_speech(say: Say) -> None:
    said = np.concatenate([np.zeros(8000, np.float32), say(1, level=0.1)])
    noise = 0.003 * np.random.default_rng(0).standard_normal(said.size).astype(np.float32)
    audio = Audio((said + noise)[None], RATE)
    heard = run(Denoise(20.0, 1.5), audio)[0]
    assert 15 < 20 * np.log10(np.std(noise[500:7500]) / np.std(heard[500:7500])) < 20.1
    error = heard[8000:] - said[8000:]
    assert 20 * np.log10(np.std(said[8000:]) / np.std(error)) > 20
    assert np.allclose(run(Denoise(0.0, 1.0), audio), audio.samples, atol=1e-6)


def test_overdrive_flattens_peaks_and_keeps_the_highest(say: Say) -> None:
    audio = Audio(say(1)[None], RATE)
    peak = np.abs(audio.samples).max()
    hard = run(Overdrive("hard", 6.0), audio)
    assert np.abs(hard).max() == pytest.approx(peak)
    assert np.mean(np.abs(hard) > 0.999 * peak) > 10 * np.mean(np.abs(audio.samples) > 0.999 * peak)
    soft = run(Overdrive("soft", 9.0), audio)
    assert np.abs(soft).max() == pytest.approx(peak, rel=1e-5)
    assert np.std(soft) > 1.3 * np.std(audio.samples)


def test_lost_packets_are_as_many_and_as_long_as_asked() -> None:
    audio = white(60.0)
    gone = run(Loss(10.0, 20, 3.0, "zero"), audio)[0].reshape(-1, 320)
    lost = np.all(gone == 0, axis=1)
    assert np.array_equal(gone[~lost], audio.samples[0].reshape(-1, 320)[~lost])
    assert lost.mean() == pytest.approx(0.1, abs=0.03)
    bursts = np.flatnonzero(np.diff(np.concatenate([[0], lost, [0]]).astype(int)) == 1).size
    assert lost.sum() / bursts == pytest.approx(3.0, abs=0.8)
    repeated = run(Loss(10.0, 20, 3.0, "repeat"), audio)[0].reshape(-1, 320)
    first = np.flatnonzero(lost[1:] & ~lost[:-1])
    assert np.allclose(repeated[first + 1], 0.5 * repeated[first])
    faded = run(Loss(10.0, 20, 3.0, "fade"), audio)[0]
    inside = (first[:, None] + 1) * 320 + np.arange(40, 280)
    assert np.allclose(faded[inside], repeated.ravel()[inside], atol=1e-6)


@pytest.mark.parametrize("algorithm", range(1, 9))
def test_rawboost_does_what_its_parts_do(algorithm: int, say: Say) -> None:
    audio = Audio(say(2, level=0.1)[None], RATE)
    change = run(RawBoost(algorithm), audio) - audio.samples
    ratio = 20 * np.log10(np.std(audio.samples) / np.std(change))
    assert -12 < ratio < 45
    moved = np.mean(np.abs(change) > 1e-6)
    if algorithm == 2:
        # Impulses: at most a tenth of the samples, each by at most twice itself.
        assert 0 < moved <= 0.1
        assert np.all(np.abs(change) <= 2.0001 * np.abs(audio.samples))
    else:
        assert moved > 0.9
    if algorithm == 3:
        changes = [run(RawBoost(3), audio, seed) - audio.samples for seed in range(24)]
        ratios = [20 * np.log10(np.std(audio.samples) / np.std(change)) for change in changes]
        assert 9.9 < min(ratios) < 15
        assert 35 < max(ratios) < 40.1


def test_the_text_of_every_step_is_the_step(step: Step) -> None:
    assert Step.parse(str(step)) == step
    assert Chain.parse(f"{step} > {EVERY_STEP[0]}") == Chain((step, EVERY_STEP[0]))


NUMBERS = st.floats(-1e6, 1e6)
WORDS = st.from_regex(r"[A-Za-z0-9._+-]+", fullmatch=True)
STEPS = st.one_of(
    st.builds(Gain, NUMBERS),
    st.builds(Noise, st.sampled_from(["white", "pink", "brown", "blue"]), NUMBERS),
    st.builds(Bed, WORDS, NUMBERS),
    st.builds(Codec, WORDS, NUMBERS),
    st.builds(Room, st.integers(0, 10**9)),
    st.builds(Peak, st.floats(1e-3, 1e5), NUMBERS, st.floats(1e-3, 10)),
)


@settings(max_examples=50)
@given(st.lists(STEPS, max_size=5))
def test_any_chain_survives_the_manifest(steps: list[Step]) -> None:
    chain = Chain(tuple(steps))
    assert Chain.parse(str(chain)) == chain
    assert str(Chain.parse(str(chain))) == str(chain)


@settings(max_examples=100)
@given(st.integers(0, 2**63 - 1), st.sampled_from(sorted(POLICIES)))
def test_drawn_chains_survive_the_manifest_and_can_be_coded(seed: int, policy: str) -> None:
    chain = draw_chain(np.random.default_rng(seed), policy, BEDS)
    assert Chain.parse(str(chain)) == chain
    assert chain == draw_chain(np.random.default_rng(seed), policy, BEDS)
    for step in chain.steps:
        if isinstance(step, Codec):
            assert step.kbps in (classical.open(step.name).kbps or (0.0,))


@pytest.mark.parametrize(
    "text",
    [
        "nonsense(db=1.0)",
        "gain(db=1.0",
        "gain()",
        "gain(db=loud)",
        "gain(db=nan)",
        "gain(db=1.0,hz=3)",
        "noise(colour=green,snr=3.0)",
        "band(low=400.0,high=300.0,order=4)",
        "room(number=1.5)",
        "gain(db=1.0) > ",
        "codec(name=a b,kbps=1.0)",
        "rawboost(algorithm=9)",
        "loss(percent=80.0,ms=20,burst=1.0,fill=zero)",
    ],
)
def test_text_that_is_no_chain_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        Chain.parse(text)


def test_both_classes_get_the_same_treatment(say: Say) -> None:
    genuine = Audio(say(1)[None], RATE)
    fake = Audio((genuine.samples + 0.001 * say(2)).astype(np.float32), RATE)
    text = f"{Noise('white', 5.0)} > {Loss(20.0, 20, 2.0, 'zero')} > {Gain(-3.0)}"
    chain = Chain.parse(text)
    heard = [chain.apply(audio, 77).samples[0] for audio in (genuine, fake)]
    assert np.array_equal(heard[0] == 0, heard[1] == 0)
    noises = [h - a.samples[0] * 10**-0.15 for h, a in zip(heard, (genuine, fake), strict=True)]
    kept = heard[0] != 0
    assert np.corrcoef(noises[0][kept], noises[1][kept])[0, 1] > 0.9999
    assert not np.array_equal(chain.apply(genuine, 78).samples, chain.apply(genuine, 77).samples)


def test_a_clean_clip_is_not_touched(say: Say) -> None:
    audio = Audio(say(1)[None], RATE)
    assert draw_chain(np.random.default_rng(0), "none").apply(audio, 3) is audio
    assert str(Chain()) == ""
    assert Chain.parse("") == Chain()


def test_wide_leaves_three_in_ten_clean_and_reaches_every_step() -> None:
    chains = [draw_chain(np.random.default_rng(seed), "wide", BEDS) for seed in range(1000)]
    assert np.mean([not chain.steps for chain in chains]) == pytest.approx(0.3, abs=0.05)
    drawn = [step for chain in chains for step in chain.steps]
    assert {step.kind() for step in drawn} == set(Step.kinds)
    assert {step.name for step in drawn if isinstance(step, Codec)} == set(named("wide").codecs)
    assert not any(isinstance(s, Bed) for seed in range(100) for s in draw_chain(np.random.default_rng(seed)).steps)


def test_lossy_chains_hold_a_codec_each_and_never_a_place() -> None:
    chains = [draw_chain(np.random.default_rng(seed), "lossy", BEDS).steps for seed in range(300)]
    for steps in chains:
        assert any(isinstance(step, Codec) for step in steps)
        assert not any(isinstance(step, Bed | Noise | Room) for step in steps)
    drawn = {step.name for steps in chains for step in steps if isinstance(step, Codec)}
    assert drawn == set(named("lossy").codecs) and {"opus", "opus-voip", "mp3"} <= drawn


def test_whole_chains_run(say: Say, require: Callable[[str], None]) -> None:
    require("pyroomacoustics")
    audio = Audio(say(5, 0.4)[None], RATE)
    for seed in range(25):
        chain = draw_chain(np.random.default_rng(seed), "wide", BEDS)
        heard = chain.apply(audio, seed, BEDS)
        assert heard.samples.shape == audio.samples.shape
        assert np.isfinite(heard.samples).all()
        assert np.abs(heard.samples).max() <= 0.9901 or not chain.steps
        assert np.array_equal(heard.samples, Chain.parse(str(chain)).apply(audio, seed, BEDS).samples)


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(RecipeError, match="no augmentation policy 'wild'; known: none, light, lossy, wide"):
        draw_chain(np.random.default_rng(0), "wild")


def test_beds_come_from_the_manifest_by_kind_and_digest(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "rain.flac", np.full((22050, 2), 0.25), 22050, subtype="PCM_16")
    beds = RecordedBeds(
        [
            Clip(path=str(tmp_path / "rain.flac"), kind="noise", sha256="ab" * 32),
            Clip(path=str(tmp_path / "talk.flac"), kind="speech", sha256="cd" * 32),
        ]
    )
    assert list(beds) == ["noise-abababababab"]
    bed = beds["noise-abababababab"]
    assert (bed.rate, bed.samples.shape) == (16000, (1, 16000))
    assert bed.samples[0, 8000] == pytest.approx(0.25, abs=1e-3)
