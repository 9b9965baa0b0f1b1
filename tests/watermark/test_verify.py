"""Marking and verifying, end to end, in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soxr
from earwitness import watermark
from earwitness.core.errors import AudioError, UsageError
from earwitness.watermark.chips import ChipSource
from earwitness.watermark.key import Key
from earwitness.watermark.layout import PERIOD
from earwitness.watermark.records import Records, open_records
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Speech = Callable[..., Floats]
RATE = 16000
KEY, OTHER = Key(b"k" * 32), Key(b"o" * 32)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return open_records(tmp_path / "records.sqlite")


@pytest.fixture(scope="module")
def original(speech: Speech) -> Floats:
    return speech(20.0, seed=5)


@pytest.fixture
def marked(original: Floats, records: Records) -> watermark.Marked:
    return watermark.embed(original, RATE, KEY, records=records, claims={"made by": "a test"})


def test_a_mark_is_found_with_its_record_and_under_no_other_key(
    marked: watermark.Marked, original: Floats, records: Records
) -> None:
    assert marked.samples.shape == original.shape and marked.samples.dtype == np.float32
    found = watermark.verify(marked.samples, RATE, [OTHER, KEY], records=records)
    assert found.verdict == "marked" and found.p_value < 1e-12
    assert (found.key_id, found.record, found.handle) == (KEY.id, marked.record.id, marked.record.handle)
    assert (found.speed, found.tempo, found.pitch) == (1.0, 1.0, 1.0) and found.edits == ()
    covered = sum(span.end - span.start for span in found.spans)
    assert covered > 18.0
    assert watermark.verify(marked.samples, RATE, OTHER, records=records).verdict == "fingerprint_only"
    assert watermark.verify(marked.samples, RATE, OTHER).verdict == "no_evidence"


def test_what_is_not_marked_is_no_evidence_and_never_called_authentic(speech: Speech, records: Records) -> None:
    found = watermark.verify(speech(8.0, seed=77), RATE, KEY, records=records)
    assert found.verdict == "no_evidence" and found.p_value > 1e-3 and found.spans == ()
    assert "says nothing" in found.reasons[0] and "authentic" not in " ".join(found.reasons)


def test_without_records_the_key_is_known_but_not_the_content(marked: watermark.Marked) -> None:
    found = watermark.verify(marked.samples, RATE, KEY)
    assert found.verdict == "marked_unknown_record" and found.handle == marked.record.handle and found.record is None


def test_other_content_with_a_copied_mark_is_not_called_marked(
    marked: watermark.Marked, original: Floats, speech: Speech, records: Records
) -> None:
    forged = speech(20.0, seed=6) + (marked.samples - original)
    assert watermark.verify(forged, RATE, KEY, records=records).verdict != "marked"
    # A mark put on other content with the real key and the record's own handle: what a leaked key allows.
    again = watermark.embed(speech(20.0, seed=6), RATE, KEY, handle=marked.record.handle)
    found = watermark.verify(again.samples, RATE, KEY, records=records)
    assert found.verdict == "marked_content_differs" and found.record == marked.record.id


def test_marked_speech_under_other_speech_is_not_called_its_content(
    marked: watermark.Marked, speech: Speech, records: Records
) -> None:
    mixed = speech(20.0, seed=6) + 10 ** (-10 / 20) * marked.samples
    assert watermark.verify(mixed, RATE, KEY, records=records).verdict != "marked"


def test_a_handle_that_is_not_stored_is_not_taken_for_one_that_shares_a_symbol(
    original: Floats, records: Records
) -> None:
    stored = watermark.embed(original, RATE, KEY, records=records, handle=0x12345678)
    other = watermark.embed(original, RATE, KEY, handle=0x12345678 ^ 0x000FFFFF)
    found = watermark.verify(other.samples, RATE, KEY, records=records)
    assert (found.verdict, found.record, found.handle) == ("marked_unknown_record", None, other.record.handle)
    assert watermark.verify(stored.samples, RATE, KEY, records=records).record == stored.record.id


def test_a_pilot_without_a_record_is_no_mark(original: Floats, records: Records) -> None:
    """What averaging many marked sounds gives to somebody without the key."""
    forger = watermark.Embedder(RATE, 1, KEY, 5)
    source = ChipSource(KEY)

    class Pilots:
        def blocks(self, first: int, count: int) -> NDArray[np.int8]:
            chips: NDArray[np.int8] = source.pilot[:, (first + np.arange(count)) % PERIOD].copy()
            return chips

    forger._chips = Pilots()  # type: ignore[assignment]
    forged = np.concatenate([forger.push(original[None]), forger.finish()], axis=1)
    found = watermark.verify(forged, RATE, KEY, records=records)
    assert found.verdict == "inconclusive" and "without the key" in found.reasons[0] and found.key_id is None


@pytest.mark.parametrize(("faster", "kept"), [(1.07, "speed"), (0.9, "speed")])
def test_a_change_of_speed_is_found_and_told(
    faster: float, kept: str, marked: watermark.Marked, records: Records
) -> None:
    changed = soxr.resample(marked.samples, RATE * faster, RATE).astype(np.float32)
    found = watermark.verify(changed, RATE, KEY, records=records)
    assert found.verdict == "marked" and found.record == marked.record.id
    assert found.speed == pytest.approx(faster, abs=2e-3) and found.tempo == 1.0
    assert watermark.verify(changed, RATE, KEY, search="plain").verdict != "marked"


def test_a_crop_is_found_wherever_it_was_taken(marked: watermark.Marked, records: Records) -> None:
    crop = marked.samples[7 * RATE + 1237 : 11 * RATE]
    found = watermark.verify(crop, RATE, KEY, records=records)
    assert found.verdict == "marked" and found.record == marked.record.id


def test_cuts_and_inserts_are_found_where_they_are(
    marked: watermark.Marked, original: Floats, records: Records
) -> None:
    y, second = marked.samples, RATE
    cut = watermark.verify(np.concatenate([y[: 8 * second], y[11 * second :]]), RATE, KEY, records=records)
    assert [(edit.kind, round(edit.seconds, 1)) for edit in cut.edits] == [("cut", 3.0)]
    assert cut.edits[0].at == pytest.approx(8.0, abs=0.25)
    longer = np.concatenate([y[: 8 * second], original[: 4 * second], y[8 * second :]])
    insert = watermark.verify(longer, RATE, KEY, records=records)
    assert [edit.kind for edit in insert.edits] == ["insert"]
    assert insert.edits[0].seconds == pytest.approx(4.0, abs=0.4)
    assert insert.spans[0].end == pytest.approx(8.0, abs=0.25)
    assert insert.spans[1].start == pytest.approx(12.0, abs=0.25)
    replaced = y.copy()
    replaced[5 * second : 8 * second] = original[5 * second : 8 * second]
    assert [edit.kind for edit in watermark.verify(replaced, RATE, KEY, records=records).edits] == ["replace"]


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22050, 1), (44100, 2), (48000, 2)])
def test_any_rate_and_stereo(rate: int, channels: int, speech: Speech) -> None:
    sound = np.stack([speech(8.0, seed=index, rate=rate) for index in range(channels)])
    marked = watermark.embed(sound, rate, KEY)
    assert marked.samples.shape == sound.shape
    found = watermark.verify(marked.samples, rate, KEY)
    assert found.verdict == "marked_unknown_record" and found.handle == marked.record.handle
    change = marked.samples - sound
    assert 0 < np.square(change).sum() < 0.05 * np.square(sound).sum()


def test_one_marked_channel_is_enough(speech: Speech) -> None:
    left, right = speech(10.0, seed=1), speech(10.0, seed=2)
    marked = watermark.embed(left, RATE, KEY)
    found = watermark.verify(np.stack([marked.samples, 3 * right]), RATE, KEY)
    assert found.verdict == "marked_unknown_record" and found.channel == 0


def test_polarity_and_level_do_not_matter(marked: watermark.Marked) -> None:
    assert watermark.verify(-0.05 * marked.samples, RATE, KEY).verdict == "marked_unknown_record"


def test_blocks_give_what_the_whole_gives(original: Floats) -> None:
    whole = watermark.Embedder(44100, 1, KEY, 99)
    parts = watermark.Embedder(44100, 1, KEY, 99)
    one = np.concatenate([whole.push(original[None]), whole.finish()], axis=1)
    pieces = [parts.push(original[None, start : start + 4410]) for start in range(0, len(original), 4410)]
    two = np.concatenate([*pieces, parts.finish()], axis=1)
    assert np.array_equal(one, two) and one.shape == (1, len(original))
    listen, again = watermark.Verifier(44100, 1, [KEY]), watermark.Verifier(44100, 1, [KEY])
    listen.push(one)
    for start in range(0, one.shape[1], 12345):
        again.push(one[:, start : start + 12345])
    assert listen.finish() == again.finish()


def test_long_recordings_are_heard_chapter_by_chapter(speech: Speech, records: Records) -> None:
    short = speech(45.0, seed=9)
    sound = np.concatenate([short, short[::-1]])
    marked = watermark.embed(sound, RATE, KEY, records=records)
    half = marked.samples.copy()
    half[: 30 * RATE] = sound[: 30 * RATE]
    found = watermark.verify(half, RATE, KEY, records=records, search="plain")
    assert found.verdict == "marked" and found.spans[0].start == pytest.approx(30.0, abs=0.4)
    assert found.spans[-1].end == pytest.approx(90.0, abs=0.4) and found.edits == ()
    assert len(found.spans) == 1, "one span, though two chapters were heard"


def test_silence_and_short_sounds_are_refused_by_name(speech: Speech) -> None:
    for sound in (np.zeros(3 * RATE, np.float32), speech(0.2), np.zeros(0, np.float32)):
        with pytest.raises(AudioError, match="too little signal"):
            watermark.embed(sound, RATE, KEY)
    assert watermark.verify(np.zeros(3 * RATE, np.float32), RATE, KEY).verdict == "inconclusive"
    assert watermark.verify(np.zeros(0, np.float32), RATE, KEY).verdict == "inconclusive"


def test_arguments_out_of_range_are_refused(speech: Speech) -> None:
    sound = speech(1.0)
    for wrong in ({"strength": 0.1}, {"strength": 9.0}, {"handle": 2**32}, {"handle": -1}):
        with pytest.raises(UsageError):
            watermark.embed(sound, RATE, KEY, **wrong)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="8000"):
        watermark.embed(sound, 4000, KEY)
    with pytest.raises(UsageError, match="key"):
        watermark.verify(sound, RATE, [])


def test_stronger_marks_are_surer(original: Floats) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.02, len(original)).astype(np.float32)
    bounds = [
        watermark.verify(
            watermark.embed(original, RATE, KEY, handle=5, strength=s).samples + noise, RATE, KEY
        ).p_value
        for s in (1.0, 3.0)
    ]
    assert bounds[1] < bounds[0]


def test_the_tail_of_the_pilot_lies_under_the_bound(original: Floats) -> None:
    """92,160 (key, offset) trials; benchmarks/watermark_null.py makes tens of millions."""
    from earwitness.watermark.bound import threshold
    from earwitness.watermark.chips import ChipSource
    from earwitness.watermark.correlate import Pilot
    from earwitness.watermark.scene import Alignment, Scene

    scene = Scene.of(original)
    soft = np.stack([scene.soft(Alignment(1.0, 6, offset, 0), 0, 640) for offset in range(6)])
    rng = np.random.default_rng(1)
    z = np.stack([Pilot(ChipSource(Key(rng.bytes(32)))).z(soft) for _ in range(24)])
    for p in (0.1, 1e-2, 1e-3):
        assert 0.0 < np.mean(z >= threshold(p, 1.0)) <= p
    assert z.max() < threshold(1e-6, 1.0)
