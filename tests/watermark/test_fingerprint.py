"""Fingerprints: the same in blocks and whole, robust to what changes no content, and honest about chance."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from earwitness.codecs import classical
from earwitness.core import audio
from earwitness.core.audio import Audio
from earwitness.core.errors import AudioError, UsageError
from earwitness.datasets import readers
from earwitness.watermark.attacks import attack
from earwitness.watermark.fingerprint import RATE, WORDS_PER_SECOND, FingerprintStream, fingerprint
from earwitness.watermark.fingerprint_compare import SAME_P, compare, compare_sound
from earwitness.watermark.fingerprint_index import FingerprintIndex
from earwitness.watermark.fingerprint_marks import STEP, Landmarks, codes_of, coefficients, landmarks
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Words = NDArray[np.uint32]


@cache
def spoken(seed: int, seconds: float = 6.0) -> Floats:
    """Bands of noise and tones that rise and fall in a way of their own, as syllables do."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE), dtype=np.float32)
    steps = round(seconds * 12)
    sound = np.zeros(time.size, np.float32)
    for hz in np.geomspace(110, 3600, 24):
        loud = np.interp(time, np.linspace(0, time.size, steps), rng.standard_normal(steps) * 9)
        sound += 10 ** (loud / 20) * np.sin(np.float32(2 * np.pi * hz / RATE) * time + np.float32(rng.uniform(0, 6)))
    made: Floats = (0.01 * sound + 0.002 * rng.standard_normal(time.size)).astype(np.float32)
    made.flags.writeable = False
    return made


def altered(name: str, sound: Floats) -> Floats:
    def resynthesise(name: str, sound: Audio, kbps: float | None) -> Audio:
        return classical.open(name).resynth(sound, kbps)

    out: Floats = attack(name, Audio(sound[None], RATE), 1, resynthesise).samples[0]
    return out


def test_fifty_words_a_second() -> None:
    words = fingerprint(spoken(0))
    assert words.dtype == np.uint32
    assert words.size == pytest.approx(6 * WORDS_PER_SECOND, abs=12)
    assert fingerprint(np.zeros(0, np.float32)).size == 0
    assert fingerprint(spoken(0)[:3000]).size == 0


@pytest.mark.parametrize(("speed", "tempo"), [(1.0, 1.0), (1.05, 1.0), (0.97, 1.1)])
def test_blocks_give_the_words_of_the_whole(speed: float, tempo: float) -> None:
    sound = spoken(1)
    whole = fingerprint(sound, speed=speed, tempo=tempo)
    for size in (160, 1000, 7777):
        stream = FingerprintStream(speed, tempo)
        parts = [stream.push(sound[start : start + size]) for start in range(0, sound.size, size)]
        assert np.array_equal(np.concatenate(parts), whole)


def test_what_cannot_be_fingerprinted_is_refused() -> None:
    for speed, tempo in ((0.1, 1.0), (1.0, 3.0), (float("nan"), 1.0)):
        with pytest.raises(UsageError):
            FingerprintStream(speed, tempo)
    with pytest.raises(AudioError, match="one channel"):
        FingerprintStream().push(np.zeros((2, 100), np.float32))


def test_silence_says_nothing_and_matches_nothing() -> None:
    silent = fingerprint(np.zeros(5 * RATE, np.float32))
    assert (silent == 0).all()
    assert compare(silent, silent).p_value == 1.0
    assert not compare(silent, fingerprint(spoken(0))).same


def test_level_leaves_the_words_alone() -> None:
    sound = spoken(2)
    apart = np.bitwise_count(fingerprint(sound) ^ fingerprint(sound * np.float32(0.05))).mean() / 32
    assert apart < 0.01


@pytest.mark.parametrize(
    "name",
    ["opus:6", "amr-nb:4.75", "mp3:16", "gsm", "mulaw", "noise-white:10", "bandpass", "eq:6", "room:0.4", "bits:8"],
)
def test_content_is_known_again(name: str) -> None:
    sound = spoken(3)
    found = compare(fingerprint(altered(name, sound)[RATE : 4 * RATE]), fingerprint(sound))
    assert found.same
    assert found.offset_seconds == pytest.approx(1.0, abs=0.041)
    assert found.bit_error_rate < 0.4
    assert found.share > 0.9


@pytest.mark.parametrize(
    ("name", "speed", "tempo"),
    [("speed:1.05", 1.05, 1.0), ("speed:0.94", 0.94, 1.0), ("speed:1.2", 1.2, 1.0), ("stretch:0.85", 1.0, 0.85)],
)
def test_speed_and_tempo_that_are_known_are_undone(name: str, speed: float, tempo: float) -> None:
    sound = spoken(4)
    query = altered(name, sound)
    plain = compare(fingerprint(query), fingerprint(sound))
    undone = compare(fingerprint(query, speed=speed, tempo=tempo), fingerprint(sound), speed=speed, tempo=tempo)
    assert undone.same
    assert undone.bit_error_rate < min(0.3, plain.bit_error_rate - 0.03)
    assert (undone.speed, undone.tempo) == (speed, tempo)


@pytest.mark.parametrize("speed", [0.94, 0.985, 1.037, 1.06])
def test_speed_that_is_not_known_is_searched(speed: float) -> None:
    sound = spoken(5)
    found = compare_sound(altered(f"speed:{speed}", sound), fingerprint(sound))
    assert found.same
    assert found.speed == pytest.approx(speed, abs=0.011)


def test_half_a_foreign_clip_shows_and_so_does_a_jump() -> None:
    mine, other = spoken(6), spoken(7)
    half = np.concatenate([mine[: 3 * RATE], other[3 * RATE :]])
    found = compare(fingerprint(half), fingerprint(mine))
    assert found.same
    assert found.per_second.size == 6
    assert (found.per_second[:2] < 0.2).all()
    assert (found.per_second[-2:] > 0.42).all()
    assert 0.3 < found.share < 0.7
    cut = np.concatenate([mine[: 2 * RATE], mine[int(3.5 * RATE) :]])
    jumped = compare(fingerprint(cut), fingerprint(mine))
    assert jumped.share > 0.7, "both sides of the cut are from the reference"


def test_a_short_reference_is_found_inside_a_long_query() -> None:
    long = np.concatenate([spoken(10), spoken(11), spoken(12)])
    found = compare(fingerprint(long), fingerprint(spoken(11)))
    assert found.same
    assert found.offset_seconds == pytest.approx(-6.0, abs=0.05)
    assert np.nanmin(found.per_second[7:11]) < 0.1


def test_unrelated_content_is_told_apart() -> None:
    many = [fingerprint(spoken(seed)) for seed in range(20, 36)]
    values = np.array([compare(a, b).p_value for i, a in enumerate(many) for b in many[:i]])
    assert values.size == 120
    assert values.min() > 1e-4
    assert np.mean(values <= 0.1) <= 0.1


@pytest.mark.parametrize("kind", ["tone", "loop", "square", "dc"])
def test_sound_that_is_like_itself_is_no_proof(kind: str) -> None:
    time = np.arange(6 * RATE) / RATE
    rng = np.random.default_rng(0)
    made = []
    for _ in range(2):
        noise = 0.001 * rng.standard_normal(time.size)
        made.append(
            {
                "tone": 0.3 * np.sin(2 * np.pi * 440 * time) + noise,
                "loop": np.tile(spoken(1, 0.5), 12)[: time.size] + noise,
                "square": 0.2 * np.sign(np.sin(2 * np.pi * 100 * time + 0.1)) + noise,
                "dc": 0.3 + noise,
            }[kind].astype(np.float32)
        )
    other = fingerprint(spoken(2))
    assert compare(fingerprint(made[0]), other).p_value > SAME_P
    if kind in ("tone", "dc"):
        assert compare(fingerprint(made[0]), fingerprint(made[1])).p_value > SAME_P


def test_nothing_to_compare_is_no_match() -> None:
    empty, some = np.zeros(0, np.uint32), fingerprint(spoken(0))
    for query, reference in ((empty, some), (some, empty), (empty, empty)):
        found = compare(query, reference)
        assert (found.p_value, found.same, found.share) == (1.0, False, 0.0)


def test_speech_of_unseen_speakers_through_a_codec(shared: Path) -> None:
    chosen: dict[str, Floats] = {}
    for clip in readers.read_folder(shared / "audio"):
        if clip.split == "dev" and clip.kind == "speech" and clip.speaker not in chosen and len(chosen) < 12:
            chosen[clip.speaker] = audio.load(shared / "audio" / clip.path, rate=RATE).mono().samples[0]
    words = [fingerprint(sound) for sound in chosen.values()]
    for number, sound in enumerate(chosen.values()):
        query = fingerprint(altered("opus:6", sound)[RATE // 2 : 3 * RATE])
        found = [compare(query, reference) for reference in words]
        assert [comparison.same for comparison in found] == [number == n for n in range(len(words))]


def test_landmarks_survive_bytes_and_find_their_record() -> None:
    marks = landmarks(fingerprint(spoken(0)))
    back = Landmarks.from_bytes(marks.to_bytes())
    assert np.array_equal(back.places, marks.places)
    assert np.array_equal(back.codes, marks.codes)
    assert len(marks.to_bytes()) == 10 * marks.codes.size
    assert landmarks(np.zeros(300, np.uint32)).codes.size == 0


@pytest.fixture(scope="module")
def crowd() -> list[Words]:
    rng = np.random.default_rng(0)
    pool = np.concatenate([fingerprint(spoken(seed, 10.0)) for seed in range(100, 108)])
    pieces = [int(start) for start in rng.integers(0, pool.size - 30, 300 * 16)]
    return [np.concatenate([pool[s : s + 30] for s in pieces[n * 16 : n * 16 + 16]]) for n in range(300)]


def test_an_index_finds_records_whenever_they_came(crowd: list[Words]) -> None:
    index = FingerprintIndex()
    mine = {number: fingerprint(spoken(number)) for number in (3, 4)}
    rows = dict(enumerate(crowd)) | {1000: mine[3], 2000: mine[4]}

    def fetch(numbers: list[int]) -> dict[int, tuple[str, Words]]:
        return {number: (str(number), rows[number]) for number in numbers}

    assert index.lookup(mine[3], fetch) == []
    index.extend((number, landmarks(words)) for number, words in enumerate(crowd))
    assert index.lookup(mine[3], fetch) == []
    for number, record in ((3, 1000), (4, 2000)):
        index.extend([(record, landmarks(mine[number]))])
        assert index.last == record
        query = fingerprint(altered("mp3:32", spoken(number))[RATE : 5 * RATE])
        (match,) = index.lookup(query, fetch)
        assert match.record_id == str(record)
        assert match.offset_seconds == pytest.approx(1.0, abs=0.041)
    assert len(index) == 302
    found = index.lookup(crowd[77], fetch)
    assert found[0].record_id == "77"


def test_a_record_that_is_gone_is_no_match(crowd: list[Words]) -> None:
    index = FingerprintIndex()
    index.extend((number, landmarks(words)) for number, words in enumerate(crowd[:20]))
    assert index.lookup(crowd[3], lambda numbers: {}) == []


@pytest.mark.parametrize("minutes", [0.5, 1.7, 3.0, 6.7])
def test_a_piece_lies_in_its_own_recording_without_an_error(minutes: float) -> None:
    """However many bits are correlated at once, which depends on the length of the reference."""
    words = np.random.default_rng(0).integers(1, 2**32, round(minutes * 3000), dtype=np.uint32)
    found = compare(words[200:700], words)
    assert found.bit_error_rate == 0.0 and found.same and found.share == 1.0
    assert found.offset_seconds == pytest.approx(4.0)


@pytest.mark.parametrize("count", [0, 40, 75, 5999, 6000, 6060, 6074, 6075, 12345])
def test_landmarks_in_pieces_equal_those_of_the_whole(count: int) -> None:
    words = np.random.default_rng(1).integers(1, 2**32, count, dtype=np.uint32)
    words[4000:4100] = 0
    starts, found = coefficients(words, STEP)
    marks = landmarks(words)
    assert np.array_equal(marks.places, starts // STEP)
    assert np.mean(marks.codes == codes_of(found)) > 0.99 if starts.size else marks.codes.size == 0
