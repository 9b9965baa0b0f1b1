from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from earwitness.codecs import zoo
from earwitness.codecs.generate import registry
from earwitness.codecs.generate.align import Alignment
from earwitness.codecs.generate.text import IDS, PHONES, SIL
from earwitness.codecs.neural import NeuralCodec
from earwitness.core.audio import Audio, save
from earwitness.core.errors import DataError
from earwitness.core.files import sha256
from earwitness.datasets.aligned import Aligned, align_clips
from earwitness.datasets.coded import codes, tables, units
from earwitness.datasets.manifest import Clip
from earwitness.datasets.utterances import Spoken
from numpy.typing import NDArray

RATE = 16_000
Speech = Callable[..., NDArray[np.float32]]


def fake_align(wave: NDArray[np.float32], words: Sequence[str]) -> Alignment:
    """Half a second of silence, ten phones, and the rest silence."""
    if list(words) == ["wrong"]:
        raise DataError("not found")
    ends = 8_000 + 1_600 * np.arange(11)
    return Alignment((SIL, *PHONES[1:11], SIL), np.append(ends, wave.size), -1.0)


@pytest.fixture
def clips(tmp_path: Path, speech: Speech) -> list[Clip]:
    made = []
    for number, (speaker, text, language) in enumerate(
        [
            ("a", "hello", "en"),
            ("a", "yes", "en-US"),
            ("b", "no", "en"),
            ("b", "wrong", "en"),
            ("b", "ja", "de"),
            ("b", "", "en"),
        ]
    ):
        path = tmp_path / "sound" / f"{number}.wav"
        save(path, Audio(speech(2.0 + 0.5 * number, seed=number)[None], RATE))
        made.append(
            Clip(str(path), "c", speaker, "", language, "train", 2.0 + 0.5 * number, RATE, text, sha256=sha256(path))
        )
    return made


def test_transcribed_english_is_packed_with_its_phones_and_the_rest_counted(
    clips: list[Clip], tmp_path: Path
) -> None:
    found = align_clips(clips, tmp_path / "out", aligner=fake_align)
    assert (found.clips, found.speakers) == (3, 2)
    assert found.left_out == {"no text": 1, "language de": 1, "text not found in the sound": 1}
    opened = Aligned.open(tmp_path / "out")
    assert [len(opened.phones(k)) for k in range(3)] == [12] * 3
    assert opened.ends(1)[-1] == opened.packed.length[1] and opened.phones(0)[0] == IDS[SIL]
    assert not (tmp_path / "out.lines").exists()


def test_begun_work_goes_on_where_it_stopped(clips: list[Clip], tmp_path: Path) -> None:
    asked: list[int] = []

    def stopping(wave: NDArray[np.float32], words: Sequence[str]) -> Alignment:
        asked.append(wave.size)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return fake_align(wave, words)

    with pytest.raises(KeyboardInterrupt):
        align_clips(clips, tmp_path / "out", aligner=stopping)
    with open(tmp_path / "out.lines", "a", encoding="utf-8") as file:
        file.write('{"clip": "cut of')
    assert align_clips(clips, tmp_path / "out", aligner=stopping).clips == 3
    assert len(asked) == 3 + 2


def test_a_pack_without_phones_or_of_other_clips_is_refused(clips: list[Clip], tmp_path: Path) -> None:
    align_clips(clips[:2], tmp_path / "one", aligner=fake_align)
    align_clips(clips[:3], tmp_path / "two", aligner=fake_align)
    (tmp_path / "one" / "phones.npz").replace(tmp_path / "two" / "phones.npz")
    for name, reason in (("one", "dataset align"), ("two", "not those")):
        with pytest.raises(DataError, match=reason):
            Aligned.open(tmp_path / name)
    with pytest.raises(DataError, match="No clip could be aligned: 1 no text"):
        align_clips([replace(clips[0], text="")], tmp_path / "none", aligner=fake_align)


def test_batches_are_a_function_of_the_step_and_prompts_are_other_clips_of_the_voice(
    clips: list[Clip], tmp_path: Path
) -> None:
    align_clips(clips[:3], tmp_path / "out", aligner=fake_align)
    opened = Aligned.open(tmp_path / "out")
    numbered = [np.full((1, 200), number) for number in range(3)]
    spoken = Spoken(opened, 1.0, 0.5, 16, 3, hop=256, codes=numbered)
    one, again, other = spoken.batch(5), spoken.batch(5), spoken.batch(6)
    assert all(np.array_equal(one[key], again[key]) for key in one)
    assert not np.array_equal(one["wave"], other["wave"])
    assert one["wave"].shape == (16, 15_872) and one["prompt"].shape == (16, 7_936)
    for row in range(16):
        said, heard = int(one["codes"][row, 0, 0]), int(one["prompt_codes"][row, 0, 0])
        # Speaker b has one clip only, which then is its own prompt.
        assert (said, heard) in {(0, 1), (1, 0), (2, 2)}
    assert bool((one["start"] % 256 == 0).all()) and bool((one["length"] <= 15_872).all())


def test_edge_silence_is_trimmed_and_phones_move_along(clips: list[Clip], tmp_path: Path) -> None:
    align_clips(clips[:1], tmp_path / "out", aligner=fake_align)
    opened = Aligned.open(tmp_path / "out")
    batch = Spoken(opened, 1.9, 0.5, 1, 0, hop=320).batch(0)
    first = (8_000 - 1_920) // 320 * 320
    assert batch["ends"][0, :2].tolist() == [8_000 - first, 9_600 - first]
    assert int(batch["ends"][0, -1]) == int(batch["length"][0]) == 24_000 + 1_920 - first
    assert not batch["wave"][0, int(batch["length"][0]) :].any()
    with pytest.raises(DataError, match=r"no training clip of at most 0\.5 s"):
        Spoken(opened, 0.5, 0.5, 1, 0, hop=320, whole=True)


def test_codes_are_made_once_and_again_when_the_codec_is_another(clips: list[Clip], tmp_path: Path) -> None:
    align_clips(clips[:2], tmp_path / "out", aligner=fake_align)
    opened, codec = Aligned.open(tmp_path / "out"), zoo.open_codec("wavtokenizer")
    assert isinstance(codec, NeuralCodec)
    made = codes(opened, codec)
    assert [part.shape for part in made] == [(1, 160), (1, 200)]
    calls: list[int] = []
    read = codes(opened, codec, lambda done, total: calls.append(done))
    assert calls == [] and all(np.array_equal(a, b) for a, b in zip(made, read, strict=True))
    other = NeuralCodec(replace(codec.spec, digest="other"), codec.engine)
    codes(opened, other, lambda done, total: calls.append(done))
    assert calls == [1, 2]


def test_units_are_made_once_and_lie_beside_the_codes_of_their_time(clips: list[Clip], tmp_path: Path) -> None:
    align_clips(clips[:3], tmp_path / "out", aligner=fake_align)
    aligned, codec, recogniser = Aligned.open(tmp_path / "out"), zoo.open_codec("wavtokenizer"), registry.recogniser()
    assert isinstance(codec, NeuralCodec)
    first, written = units(aligned, recogniser), (tmp_path / "out" / "codes-phonenet.npz").stat().st_mtime_ns
    again = units(aligned, recogniser)
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert (tmp_path / "out" / "codes-phonenet.npz").stat().st_mtime_ns == written
    assert [line.shape for line in first] == [(1, -(-n // 400)) for n in aligned.packed.length]
    lines = codes(aligned, codec)
    made = tables(lines, first, 2)
    for table, line, unit in zip(made, lines, first, strict=True):
        frames = table.shape[1]
        assert table.shape[0] == 3 and 0 <= unit.shape[1] - frames <= 1
        assert np.array_equal(table[:2].T.reshape(-1), line[0, : 2 * frames])
        assert np.array_equal(table[2], unit[0, :frames])
