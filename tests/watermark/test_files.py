"""Files through embed and verify: formats kept, whole or nothing, records with them, broken input in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from earwitness.core.audio import Audio, load, probe, save
from earwitness.core.errors import AudioError, DataError, UsageError
from earwitness.core.files import sha256
from earwitness.watermark import Embedder, Key, Records
from earwitness.watermark.files import MarkedFile, embed_file, verify_file
from earwitness.watermark.records import open_records, words_sha256

from .refusals import refused

Talk = Callable[..., Audio]


def marked(work: Path, audio: Audio, key: Key, store: Records, name: str = "out.wav", **how: Any) -> MarkedFile:
    subtype = how.pop("subtype", None)
    save(work / "in.wav", audio, subtype)
    return embed_file(work / "in.wav", work / name, key, store, **how)


@pytest.mark.parametrize(
    ("rate", "channels", "subtype", "name", "form"),
    [
        (44100, 2, "PCM_24", "out.wav", ("WAV", "PCM_24")),
        (8000, 1, "PCM_16", "out.flac", ("FLAC", "PCM_16")),
        (48000, 1, "FLOAT", "out.wav", ("WAV", "FLOAT")),
        (22050, 2, "PCM_U8", "out.wav", ("WAV", "PCM_U8")),
        (16000, 1, "FLOAT", "out.flac", ("FLAC", "PCM_24")),
        (16000, 1, "PCM_U8", "out.aiff", ("AIFF", "PCM_U8")),
        (16000, 1, "PCM_32", "out.w64", ("W64", "PCM_32")),
        (32000, 1, "DOUBLE", "out.caf", ("CAF", "DOUBLE")),
        (8000, 1, "ULAW", "out.au", ("AU", "ULAW")),
    ],
)
def test_rate_channels_length_and_sample_format_stay(
    work: Path,
    talk: Talk,
    key: Key,
    store: Records,
    rate: int,
    channels: int,
    subtype: str,
    name: str,
    form: tuple[str, str],
) -> None:
    audio = talk(4.0, rate, channels)
    done = marked(work, audio, key, store, name, subtype=subtype)
    assert (done.format, done.subtype) == form
    found = probe(work / name)
    assert (found.container, found.codec, found.rate, found.channels) == (*form, rate, channels)
    before, after = load(work / "in.wav"), load(work / name)
    assert after.samples.shape == before.samples.shape
    assert 0 < float(np.std(after.samples - before.samples)) < 0.3 * float(np.std(before.samples))
    answer = verify_file(work / name, [key], store)
    assert answer.evidence.verdict == "marked"
    assert answer.evidence.record == done.record.id
    assert answer.evidence.handle == done.record.handle
    assert answer.evidence.p_value <= 1e-6
    assert answer.warnings == done.warnings == ()


@pytest.mark.parametrize(
    ("name", "codec", "target", "form"),
    [
        ("in.mp3", "libmp3lame", "out.wav", "WAV PCM_16"),
        ("in.m4a", "aac", "out.mp3", "MP3 MPEG_LAYER_III"),
        ("in.ogg", "libopus", "out.opus", "OGG OPUS"),
    ],
)
def test_a_lossy_input_takes_the_format_of_the_output_name(
    work: Path,
    talk: Talk,
    key: Key,
    store: Records,
    encode: Callable[..., Path],
    name: str,
    codec: str,
    target: str,
    form: str,
) -> None:
    encode(work / name, codec, 48000, talk(4.0, 48000).samples[0])
    done = embed_file(work / name, work / target, key, store)
    assert f"{done.format} {done.subtype}" == form
    assert verify_file(work / target, [key], store).evidence.record == done.record.id
    assert abs(load(work / target).samples.shape[1] - load(work / name).samples.shape[1]) <= 48


def test_the_record_tells_what_was_marked(work: Path, talk: Talk, key: Key, store: Records) -> None:
    done = marked(work, talk(5.0, 44100, 2), key, store, claims={"title": "a", "n": [1, None]}, strength=2.5)
    record = store.get(done.record.id)
    assert record == done.record
    assert record is not None
    assert (record.rate, record.channels, record.seconds, record.strength) == (44100, 2, 5.0, 2.5)
    assert record.claims == {"title": "a", "n": [1, None]}
    assert record.key_id == key.id
    assert record.source_sha256 == sha256(work / "in.wav")
    assert record.marked_sha256 == sha256(work / "out.wav")
    words = store.fingerprint(record.id)
    assert words_sha256(words) == record.fingerprint_sha256
    assert len(words) > 200


def test_block_wise_equals_whole(work: Path, talk: Talk, key: Key, store: Records) -> None:
    audio = talk(13.0, 44100, 2)
    done = marked(work, audio, key, store, subtype="FLOAT")
    embedder = Embedder(44100, 2, key, done.record.handle, done.record.strength)
    whole = np.concatenate([embedder.push(load(work / "in.wav").samples), embedder.finish()], axis=1)
    np.testing.assert_allclose(load(work / "out.wav").samples, whole, atol=2e-6)


def test_clipping_is_counted_and_the_level_stays(work: Path, talk: Talk, key: Key, store: Records) -> None:
    loud = Audio(np.clip(talk(6.0).samples * 8, -1, 1), 16000)
    done = marked(work, loud, key, store, subtype="PCM_16")
    assert done.clipped > 0
    before, after = load(work / "in.wav").samples, load(work / "out.wav").samples
    assert abs(20 * np.log10(np.std(after) / np.std(before))) < 0.3
    assert marked(work, loud, key, store, "out2.wav", subtype="FLOAT").clipped == 0
    assert np.abs(load(work / "out2.wav").samples).max() > 1


def test_another_key_hears_nothing_and_another_store_knows_nothing(
    work: Path, talk: Talk, key: Key, store: Records, tmp_path: Path
) -> None:
    done = marked(work, talk(6.0), key, store)
    other = verify_file(work / "out.wav", [Key(bytes(32))]).evidence
    assert other.verdict == "no_evidence"
    assert (other.key_id, other.record, other.handle) == (None, None, None)
    for other_store in (None, open_records(tmp_path / "other.sqlite")):
        stranger = verify_file(work / "out.wav", [Key(bytes(32)), key], other_store, search="plain").evidence
        assert stranger.verdict == "marked_unknown_record"
        assert stranger.key_id == key.id
        assert stranger.handle == done.record.handle
        assert stranger.record is None


# Several tracks


def test_several_tracks_are_refused_when_marked_and_all_heard_when_verified(
    work: Path, talk: Talk, key: Key, store: Records, encode: Callable[..., Path]
) -> None:
    done = marked(work, talk(6.0), key, store)
    tracks = [talk(6.0, seed=5).samples[0], load(work / "out.wav").samples[0]]
    encode(work / "two.mka", "aac", 16000, *tracks, container="matroska")
    with pytest.raises(AudioError, match="2 audio tracks"):
        embed_file(work / "two.mka", work / "two.wav", key, store)
    assert not (work / "two.wav").exists()
    answer = verify_file(work / "two.mka", [key], store)
    assert answer.track == 1
    assert answer.evidence.record == done.record.id


# Outputs appear whole or not at all


def test_the_input_itself_is_replaced_only_when_forced(work: Path, talk: Talk, key: Key, store: Records) -> None:
    save(work / "a.wav", talk(6.0))
    (work / "b.wav").symlink_to(work / "a.wav")
    before = (work / "a.wav").read_bytes()
    refused(work, work / "a.wav", "a.wav", key, store, UsageError, "is the input itself")
    refused(work, work / "a.wav", "b.wav", key, store, UsageError, "is the input itself")
    assert (work / "a.wav").read_bytes() == before
    embed_file(work / "a.wav", work / "a.wav", key, store, overwrite_source=True)
    assert verify_file(work / "a.wav", [key], store).evidence.verdict == "marked"
    assert sorted(os.listdir(work)) == ["a.wav", "b.wav"]


class Full:
    """A store that fails when a record is to be kept."""

    def __init__(self, store: Records) -> None:
        self._records = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def add(self, record: Any, fingerprint: Any) -> None:
        raise DataError("The disk is full.")


def test_no_file_without_its_record(work: Path, talk: Talk, key: Key, store: Records) -> None:
    save(work / "a.wav", talk(6.0))
    before = (work / "a.wav").read_bytes()
    full: Any = Full(store)
    with pytest.raises(DataError, match="disk is full"):
        embed_file(work / "a.wav", work / "a.wav", key, full, overwrite_source=True)
    assert (work / "a.wav").read_bytes() == before
    assert sorted(os.listdir(work)) == ["a.wav"]


def test_no_record_without_its_file(
    work: Path, talk: Talk, key: Key, store: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(work / "a.wav", talk(6.0))

    def fails(old: Any, new: Any) -> None:
        raise PermissionError(13, "Permission denied", str(new))

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(PermissionError):
        embed_file(work / "a.wav", work / "b.wav", key, store)
    assert sorted(os.listdir(work)) == ["a.wav"]
    assert store.newest() == []
    assert len(store.handles(key.id)) == 0
