"""Records: kept wholly or not at all, handles unique for a key, many writers at once, looked up by content."""

from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from earwitness.core.errors import DataError, MissingPart
from earwitness.watermark.fingerprint import fingerprint
from earwitness.watermark.records import Record, Records, new_id, now, open_records, words_sha256
from numpy.typing import NDArray

KEY = "00112233aabbccdd"
Words = NDArray[np.uint32]


def words(seed: int = 0, count: int = 300) -> Words:
    return np.random.default_rng(seed).integers(1, 2**32, count, dtype=np.uint32)


def record(handle: int, fingerprint: Words, key_id: str = KEY) -> Record:
    return Record(
        id=new_id(),
        handle=handle,
        key_id=key_id,
        created=now(),
        claims={"title": "Straße", "n": [1, 2.5, None], "deep": {"b": True}},
        seconds=6.0,
        rate=44_100,
        channels=2,
        strength=1.5,
        version="patchwork 1",
        fingerprint_sha256=words_sha256(fingerprint),
        source_sha256="a" * 64,
        owner="newsroom",
    )


@pytest.fixture
def store(tmp_path: Path) -> Records:
    return open_records(tmp_path / "records.db")


def test_what_is_added_comes_back(store: Records) -> None:
    first, second = record(0, words(1)), record(2**32 - 1, words(2))
    store.add(first, words(1))
    store.add(second, words(2))
    assert store.get(first.id) == first
    assert store.by_handle(KEY, 2**32 - 1) == second
    assert store.by_handle("f" * 16, 0) is None
    assert store.get("0" * 32) is None
    assert store.handles(KEY).tolist() == [0, 2**32 - 1]
    assert store.handles(KEY).dtype == np.uint32
    assert store.handles("f" * 16).size == 0
    assert np.array_equal(store.fingerprint(second.id), words(2))
    with pytest.raises(DataError, match="no record"):
        store.fingerprint("0" * 32)


def test_a_store_opened_again_knows_everything(tmp_path: Path) -> None:
    one = record(7, words(1))
    open_records(tmp_path / "deep" / "r.db").add(one, words(1))
    again = open_records(tmp_path / "deep" / "r.db")
    assert again.get(one.id) == one
    assert [match.record_id for match in again.lookup(words(1))] == [one.id]
    copy = pickle.loads(pickle.dumps(again))
    assert copy.by_handle(KEY, 7) == one


def test_handles_and_ids_are_taken_once(store: Records) -> None:
    one = record(7, words(1))
    store.add(one, words(1))
    for other in (record(7, words(2)), replace(record(8, words(2)), id=one.id)):
        with pytest.raises(DataError, match="already"):
            store.add(other, words(2))
    assert store.handles(KEY).tolist() == [7]
    store.add(record(7, words(2), key_id="f" * 16), words(2))
    assert store.by_handle(KEY, 7) == one


def test_a_refused_record_leaves_no_trace(store: Records) -> None:
    one = record(7, words(1))
    with pytest.raises(DataError, match="digest"):
        store.add(one, words(2))
    for claims in ({"x": float("nan")}, {"x": object()}):
        with pytest.raises(DataError, match="claims"):
            store.add(replace(one, claims=claims), words(1))
    assert store.get(one.id) is None
    assert store.lookup(words(1)) == []


def test_new_handles_are_free_and_spread(store: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add(record(5, words(1)), words(1))
    drawn = iter([5, 5, 6])
    monkeypatch.setattr("earwitness.watermark.records_sql.secrets.randbits", lambda bits: next(drawn))
    assert store.new_handle(KEY) == 6
    monkeypatch.undo()
    many = [store.new_handle(KEY) for _ in range(200)]
    assert len(set(many)) == 200
    assert max(many) > 2**31 > min(many)


def test_threads_may_write_at_once(store: Records) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.add(record(n, words(n)), words(n)), range(60)))
    assert sorted(store.handles(KEY).tolist()) == list(range(60))
    assert all(store.lookup(words(n)) for n in range(0, 60, 20))


def test_processes_may_write_and_create_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from earwitness.watermark.records import Record, new_id, now, open_records, words_sha256\n"
        "store = open_records(sys.argv[1])\n"
        "for n in range(15):\n"
        "    handle, words = int(sys.argv[2]) * 100 + n, np.arange(1, 9, dtype=np.uint32)\n"
        "    row = Record(new_id(), handle, 'k', now(), {}, 1.0, 16000, 1, 1.0, '1', words_sha256(words))\n"
        "    store.add(row, words)\n"
    )
    path = tmp_path / "r.db"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(n)], stderr=subprocess.PIPE) for n in range(3)
    ]
    for run in runs:
        errors = run.communicate(timeout=60)[1]
        assert run.returncode == 0, errors.decode()
    assert open_records(path).handles("k").size == 45


def test_another_processs_records_are_seen(tmp_path: Path) -> None:
    mine, theirs = open_records(tmp_path / "r.db"), open_records(tmp_path / "r.db")
    mine.add(record(1, words(1)), words(1))
    assert mine.handles(KEY).tolist() == [1]
    assert mine.lookup(words(2)) == []
    theirs.add(record(2, words(2)), words(2))
    assert mine.handles(KEY).tolist() == [1, 2]
    assert len(mine.lookup(words(2))) == 1


def test_files_that_are_no_store_have_their_sentence(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, only words " * 100)
    with pytest.raises(DataError, match="cannot be used"):
        open_records(tmp_path / "text")
    with pytest.raises(MissingPart, match="driver"):
        open_records("postgresql+nothing://user:secret@host/db")
    with pytest.raises(DataError, match="cannot be used") as caught:
        open_records(f"sqlite:////{tmp_path}")
    assert "secret" not in str(caught.value)


def test_write_ahead_log_is_on(tmp_path: Path) -> None:
    open_records(tmp_path / "r.db")
    assert sqlite3.connect(tmp_path / "r.db").execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_sqlalchemy_url_opens_as_well(tmp_path: Path) -> None:
    one = record(3, words(1))
    open_records(f"sqlite:///{tmp_path / 'u.db'}").add(one, words(1))
    assert open_records(tmp_path / "u.db").get(one.id) == one


def sung(seed: int) -> NDArray[np.float32]:
    """Eight seconds of noise whose bands rise and fall in a way of their own."""
    rng = np.random.default_rng(seed)
    bands = rng.standard_normal((24, 160)) * 8
    time = np.arange(8 * 16_000)
    sound = np.zeros(time.size)
    for band, hz in zip(bands, np.geomspace(100, 3400, 24), strict=True):
        loud = 10 ** (np.interp(time, np.linspace(0, time.size, 160), band) / 20)
        sound += loud * np.sin(2 * np.pi * hz * time / 16_000 + rng.uniform(0, 6))
    return (0.01 * sound + 0.001 * rng.standard_normal(time.size)).astype(np.float32)


def test_content_is_found_among_other_content(store: Records) -> None:
    sounds = [sung(n) for n in range(6)]
    rows = []
    for number, sound in enumerate(sounds):
        rows.append(record(number, fingerprint(sound)))
        store.add(rows[-1], fingerprint(sound))
    rng = np.random.default_rng(9)
    for number in (0, 5):
        excerpt = sounds[number][24_000:88_000]
        noisy = excerpt + rng.standard_normal(excerpt.size).astype(np.float32) * 0.3 * excerpt.std()
        (match,) = store.lookup(fingerprint(noisy))
        assert match.record_id == rows[number].id
        assert match.offset_seconds == pytest.approx(1.5, abs=0.021)
        assert match.bit_error_rate < 0.4
        assert match.p_value < 1e-6
        assert match.seconds == pytest.approx(3.8, abs=0.2)
    assert store.lookup(fingerprint(sung(99))) == []
    assert store.lookup(np.zeros(200, np.uint32)) == []
    assert store.lookup(np.zeros(0, np.uint32)) == []


def test_the_best_come_first_and_no_more_than_asked(store: Records) -> None:
    clean = fingerprint(sung(1))
    for number in range(4):
        flipped = clean ^ np.random.default_rng(number).choice([0, 1, 3], clean.size).astype(np.uint32)
        some = clean if number == 2 else flipped
        store.add(record(number, some), some)
    found = store.lookup(clean, limit=2)
    assert len(found) == 2
    best = store.by_handle(KEY, 2)
    assert best is not None
    assert found[0].record_id == best.id
    assert found[0].bit_error_rate == 0
