from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError, DecodeError
from earwitness.datasets import manifest
from earwitness.datasets import pack as packing
from earwitness.datasets.manifest import Clip
from earwitness.datasets.pack import Crops, Packed, pack
from earwitness.datasets.readers import read_folder
from numpy.typing import NDArray

Say = Callable[..., NDArray[np.float32]]


@pytest.fixture
def packed(corpus: Path, tmp_path: Path) -> Packed:
    return pack(read_folder(corpus), tmp_path / "packed")


def test_packed_samples_are_the_files(packed: Packed) -> None:
    assert packed.hours == pytest.approx(sum(clip.seconds for clip in packed.clips) / 3600)
    for number, clip in enumerate(packed.clips):
        assert np.array_equal(packed.samples(number), soundfile.read(clip.path, dtype="int16")[0])
    assert np.array_equal(packed.samples(3, 100, 50), packed.samples(3)[100:150])
    assert isinstance(packed.shards[0], np.memmap)


def test_shards_hold_whole_clips(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_SHARD_SAMPLES", 50_000)
    packed = pack(read_folder(corpus), tmp_path / "packed")
    assert len(packed.shards) > 5
    assert all(len(shard) <= 50_000 for shard in packed.shards)
    assert np.array_equal(packed.samples(20), soundfile.read(packed.clips[20].path, dtype="int16")[0])


def test_rate_and_transform(corpus: Path, tmp_path: Path) -> None:
    clips = read_folder(corpus)[:1]
    packed = pack(clips, tmp_path / "p", rate=8000, transform=lambda a: Audio(a.samples * np.float32(0.5), a.rate))
    original, _ = soundfile.read(clips[0].path)
    assert len(packed.samples(0)) == len(original) // 2
    assert np.std(packed.samples(0) / 32768) == pytest.approx(0.5 * np.std(original), rel=0.05)


def test_a_pack_is_kept_and_never_mixed(corpus: Path, tmp_path: Path) -> None:
    clips = read_folder(corpus)
    first = pack(clips, tmp_path / "packed")
    stamp = (first.folder / "index.npz").stat().st_mtime_ns
    assert (pack(clips, tmp_path / "packed").folder / "index.npz").stat().st_mtime_ns == stamp
    with pytest.raises(DataError, match="other clips or another rate"):
        pack(clips[1:], tmp_path / "packed")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/precious").touch()
    with pytest.raises(DataError, match="not empty"):
        pack(clips, tmp_path / "full")


def test_a_failed_pack_leaves_nothing(corpus: Path, tmp_path: Path) -> None:
    (corpus / "speech/clip 9.flac").write_text("not sound")
    clips = read_folder(corpus)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DecodeError, match="clip 9"):
        pack(clips, tmp_path / "packed")
    assert sorted(tmp_path.iterdir()) == before


def test_broken_packs_are_refused(packed: Packed) -> None:
    shard = packed.folder / "shard-000.npy"
    np.save(shard, np.load(shard)[:-1])
    with pytest.raises(DataError, match="shorter than its index"):
        Packed.open(packed.folder)
    manifest.write(packed.folder / "manifest.jsonl", packed.clips[1:])
    with pytest.raises(DataError, match="not the one that was packed"):
        Packed.open(packed.folder)
    (packed.folder / "pack.toml").write_text("version = 1")
    with pytest.raises(DataError, match="not a pack"):
        Packed.open(packed.folder)


def test_a_batch_is_a_function_of_seed_and_step(packed: Packed) -> None:
    batch = Crops(packed, 0.5, 6, seed=3).batch(11)
    assert batch.shape == (6, 1, 8000) and batch.dtype == np.float32
    assert np.array_equal(batch, Crops(Packed.open(packed.folder), 0.5, 6, seed=3).batch(11))
    assert np.array_equal(batch[:2], Crops(packed, 0.5, 2, seed=3).batch(11)), "not of the batch size"
    assert not np.array_equal(batch, Crops(packed, 0.5, 6, seed=3).batch(12))
    assert not np.array_equal(batch, Crops(packed, 0.5, 6, seed=4).batch(11))


def test_crops_are_centred_at_varied_levels_within_range(packed: Packed) -> None:
    crops = Crops(packed, 0.5, 64, seed=0, gain_db=(-20, 20)).batch(0)
    assert np.abs(crops.mean(axis=2)).max() < 1e-6
    assert np.abs(crops).max() <= 1.0
    plain = Crops(packed, 0.5, 64, seed=0, gain_db=(0, 0)).batch(0)
    gains = 20 * np.log10(crops.std(axis=2) / plain.std(axis=2))
    assert gains.min() < -10
    assert gains.max() > 8


def _corpus_of(crops: Crops, draws: int) -> Counter[str]:
    rng = np.random.default_rng(0)
    return Counter(crops.packed.clips[crops._draw.clip(rng)].corpus for _ in range(draws))


def test_big_corpora_and_talkative_speakers_do_not_dominate(tmp_path: Path, say: Say) -> None:
    clips = []
    for number in range(40):
        corpus, speaker = ("small", "quiet") if number < 4 else ("big", "talker" if number < 39 else "rare")
        path = tmp_path / f"{number}.flac"
        soundfile.write(path, say(number, 1.0), 16000)
        clips.append(Clip(str(path), corpus=corpus, speaker=speaker, sha256=f"{number}"))
    crops = Crops(pack(clips, tmp_path / "packed"), 0.5, 1, seed=0)
    counts = _corpus_of(crops, 2000)
    assert counts["small"] / 2000 == pytest.approx(2 / (2 + 6), abs=0.03)  # sqrt(4), sqrt(36)
    rng = np.random.default_rng(1)
    speakers = Counter(crops.packed.clips[crops._draw.clip(rng)].speaker for _ in range(2000))
    assert speakers["rare"] / speakers["talker"] == pytest.approx(1, abs=0.15)


def test_near_silence_is_drawn_again(tmp_path: Path, say: Say) -> None:
    sound = np.concatenate([np.zeros(32000, np.float32), say(1, 2.0)])
    soundfile.write(tmp_path / "a.flac", sound, 16000)
    packed = pack([Clip(str(tmp_path / "a.flac"), speaker="s")], tmp_path / "packed")
    crops = Crops(packed, 0.5, 64, seed=0, gain_db=(0, 0)).batch(0)
    assert 20 * np.log10(crops.std(axis=2).min()) > -50


def test_only_the_asked_for_clips_are_drawn(packed: Packed) -> None:
    with pytest.raises(DataError, match=r"no test clip of at least 0\.5 s"):
        Crops(packed, 0.5, 1, seed=0, split="test")
    with pytest.raises(DataError, match=r"at least 1\.5 s"):
        Crops(packed, 1.5, 1, seed=0)
    assert _corpus_of(Crops(packed, 0.5, 1, seed=0), 300)["hiss"] == 0
    assert _corpus_of(Crops(packed, 0.5, 1, seed=0, speech_only=False), 300)["hiss"] > 0


def test_valid_is_fixed_and_from_dev(packed: Packed) -> None:
    one, other = Crops(packed, 0.5, 4, seed=1).valid(5, 0.8), Crops(packed, 0.2, 9, seed=2).valid(5, 0.8)
    assert one.shape == (5, 1, 12800)
    assert np.array_equal(one, other)
    assert Crops(packed, 0.5, 4, seed=1).valid_split(0.8) == "dev"
    # Steps from sample to sample do not change when the mean is removed.
    steps = np.rint(np.diff(one[0, 0]) * 32768).astype(np.int16).tobytes()
    found = {clip.split for i, clip in enumerate(packed.clips) if steps in np.diff(packed.samples(i)).tobytes()}
    assert found == {"dev"}


def test_valid_without_dev_speakers_is_from_train(corpus: Path, tmp_path: Path) -> None:
    clips = [replace(clip, split="train") for clip in read_folder(corpus)]
    crops = Crops(pack(clips, tmp_path / "packed"), 0.5, 4, seed=1)
    assert crops.valid_split(0.5) == "train"
    assert crops.valid(2, 0.5).shape == (2, 1, 8000)
