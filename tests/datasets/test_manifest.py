from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from earwitness.core.errors import DataError
from earwitness.datasets.manifest import Clip, check, digest, read, write

GENUINE = Clip(path="/data/a.flac", speaker="s1", seconds=1.5, rate=16000, text="Ünïcode 한국어", sha256="aa")
FAKE = replace(
    GENUINE,
    path="/data/b.flac",
    label="spoof",
    system="vocos",
    kbps=1.5,
    source="/data/a.flac",
    seed=2**63 - 1,
    sha256="bb",
)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_manifest_survives_the_round_trip(tmp_path: Path, suffix: str) -> None:
    partial = replace(FAKE, path="/data/c.flac", spans=((0.25, 0.5), (1.0, 1.5)), prompt="aa", consent="training")
    clips = [GENUINE, replace(FAKE, neural_codec=True), partial]
    write(tmp_path / f"manifest{suffix}", clips)
    assert read(tmp_path / f"manifest{suffix}") == clips


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_paths_below_the_manifest_move_with_it(tmp_path: Path, suffix: str) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    clip = replace(FAKE, path=str(old / "audio" / "x.flac"), source=str(old / "audio" / "y.flac"))
    write(old / f"m{suffix}", [clip])
    os.rename(old, new)
    (moved,) = read(new / f"m{suffix}")
    assert (moved.path, moved.source) == (str(new / "audio" / "x.flac"), str(new / "audio" / "y.flac"))


def test_a_failing_write_leaves_the_old_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    write(manifest, [GENUINE])
    before = manifest.read_bytes()
    with pytest.raises(TypeError):
        write(manifest, [GENUINE, replace(GENUINE, text=object())])  # type: ignore[arg-type]
    assert manifest.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.jsonl"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"path": "a", "speker": "x"}', "'speker'; did you mean 'speaker'"),
        ('{"path": "a", "label": "bonafied"}', "'bonafied'; did you mean 'bonafide'"),
        ('{"path": "a", "split": "validation"}', "split cannot be 'validation'; known: train, dev, test"),
        ('{"path": "a", "seconds": "long"}', "seconds cannot be 'long'"),
        ('{"path": "a", "seconds": NaN}', "seconds cannot be nan"),
        ('{"path": "a", "rate": 1.5}', "rate cannot be 1.5"),
        ('{"path": "a", "rate": null, "text": 3}', "text cannot be 3"),
        ('{"path": "a", "spans": [[1, 0.5]]}', "spans cannot be [[1, 0.5]]"),
        ('{"path": "a", "spans": [[0, 1], [0.5, 2]]}', "spans cannot be [[0, 1], [0.5, 2]]"),
        ('{"path": "a", "spans": [[0, NaN]]}', "spans cannot be [[0, nan]]"),
        ('{"path": "a", "spans": [1, 2]}', "spans cannot be [1, 2]"),
        ('{"speaker": "a"}', "no path"),
        ("[1]", "not a JSON object"),
        ("{", "not JSON"),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "m.jsonl").write_text(f'{{"path": "fine"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(DataError) as error:
        read(tmp_path / "m.jsonl")
    assert words in str(error.value)
    assert "line 2" in str(error.value)


def test_spans_are_read_from_text_and_from_older_manifests_without(tmp_path: Path) -> None:
    lines = ['{"path": "a", "label": "spoof", "system": "x", "spans": "0.2-0.5 1-1.25"}', '{"path": "b"}']
    (tmp_path / "m.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert [clip.spans for clip in read(tmp_path / "m.jsonl")] == [((0.2, 0.5), (1.0, 1.25)), ()]


def test_only_a_spoof_has_spans_and_within_its_length() -> None:
    check([replace(FAKE, spans=((0.0, 1.5),))])
    for clip in (replace(GENUINE, spans=((0.0, 1.0),)), replace(FAKE, spans=((1.0, 1.6),))):
        with pytest.raises(DataError, match="spans lie within a spoof"):
            check([clip])


def test_a_mark_left_off_is_no_mark() -> None:
    assert replace(FAKE, watermark="key/0000beef").marked
    assert not replace(FAKE, watermark="off: training").marked and not FAKE.marked


def test_files_that_are_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "m.parquet").write_bytes(b"PAR1 not really")
    (tmp_path / "m.jsonl").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "m.xls").touch()
    for name, words in [
        ("m.parquet", "not a Parquet"),
        ("m.jsonl", "UTF-8"),
        ("m.xls", ".jsonl or"),
        ("n.jsonl", "no m"),
    ]:
        with pytest.raises(DataError, match=words):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("clips", "words"),
    [
        ([GENUINE, replace(GENUINE, path="/c", split="test")], "Speaker 's1' is in two splits, train and test"),
        ([GENUINE, GENUINE], "listed twice"),
        ([replace(GENUINE, kind="speach")], "did you mean 'speech'"),
        ([replace(GENUINE, system="vocos")], "bona fide has no system"),
        ([replace(FAKE, system="")], "must name its system"),
        ([replace(GENUINE, speaker="")], "needs a speaker"),
        ([GENUINE, replace(FAKE, speaker="", split="test")], "its source '/data/a.flac' is in train"),
    ],
)
def test_check_names_the_broken_rule(clips: list[Clip], words: str) -> None:
    with pytest.raises(DataError) as error:
        check(clips)
    assert words in str(error.value)


def test_check_allows_what_is_right() -> None:
    noise = Clip(path="/n.flac", kind="noise", split="dev")
    check([GENUINE, FAKE, noise, replace(noise, path="/o.flac", split="test")])


def test_the_digest_is_of_the_content() -> None:
    assert digest([GENUINE, FAKE]) == digest([FAKE, replace(GENUINE, path="/elsewhere.flac")])
    changes = [replace(FAKE, sha256="cc"), replace(FAKE, label="bonafide"), replace(FAKE, split="dev")]
    assert len({digest([GENUINE, clip]) for clip in [FAKE, *changes]}) == 4
