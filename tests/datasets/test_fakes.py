from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError
from earwitness.datasets import manifest
from earwitness.datasets.fakes import Job, System, make, plan
from earwitness.datasets.manifest import Clip
from earwitness.datasets.readers import read_folder
from numpy.typing import NDArray

SYSTEMS = [System("rough", kbps=(1.0, 2.0)), System("fine")]


@dataclass
class Quantiser:
    """A toy system: `step` wide steps, twice as loud, with an offset."""

    step: float
    shift: float = 0.1

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        step = self.step / (kbps or 1)
        return Audio((np.round(audio.samples / step) * step * 2 + self.shift).astype(np.float32), audio.rate)


def open_toy(name: str, checkpoint: str) -> Quantiser:
    return Quantiser({"rough": 0.05, "fine": 0.01}[name])


def test_the_plan_is_seeded_and_balanced(corpus: Path) -> None:
    clips = read_folder(corpus)
    jobs = plan(clips, SYSTEMS, seed=1)
    assert len(jobs) == 2 * 24, "a twin and one fake for each speech clip, none for the noise"
    assert jobs == plan(clips, SYSTEMS, seed=1)
    assert jobs != plan(clips, SYSTEMS, seed=2)
    assert plan(clips[5:7], SYSTEMS, seed=1) == jobs[10:14], "other clips do not matter"
    assert Counter(job.system for job in jobs)["fine"] in range(6, 19)
    assert {job.kbps for job in jobs if job.system == "rough"} == {1.0, 2.0}


def test_every_system_has_its_turn_before_one_comes_again(corpus: Path) -> None:
    clips = read_folder(corpus)[:8]
    for start in range(0, 24, 3):
        twin, first, second = plan(clips, SYSTEMS, seed=0, per_clip=2)[start : start + 3]
        assert twin.system == ""
        assert {first.system, second.system} == {"rough", "fine"}
    everything = plan(clips[:1], SYSTEMS, seed=0, per_clip=None)
    assert sorted((job.system, job.kbps or 0) for job in everything) == [
        ("", 0),
        ("fine", 0),
        ("rough", 1),
        ("rough", 2),
    ]
    with pytest.raises(DataError, match="no genuine speech"):
        plan([replace(clip, kind="noise") for clip in clips], SYSTEMS, seed=0)


def test_fakes_and_twins_differ_only_by_the_system(corpus: Path, tmp_path: Path) -> None:
    sources = read_folder(corpus)[:6]
    clips = make(plan(sources, SYSTEMS, seed=0, per_clip=None), tmp_path / "out", open_toy)
    manifest.check(clips)
    twins = {clip.path: clip for clip in clips if clip.label == "bonafide"}
    assert len(twins) == 6
    assert len(clips) == 24
    for clip in clips:
        info = soundfile.info(clip.path)
        assert (info.samplerate, info.channels, info.format, info.subtype) == (16000, 1, "FLAC", "PCM_16")
        if clip.label == "bonafide":
            continue
        twin = twins[clip.source]
        fake, genuine = soundfile.read(clip.path)[0], soundfile.read(twin.path)[0]
        assert (clip.speaker, clip.split, clip.text, clip.seconds) == (
            twin.speaker,
            twin.split,
            twin.text,
            twin.seconds,
        )
        assert clip.neural_codec
        assert not twin.neural_codec
        assert len(fake) == len(genuine)
        assert np.std(fake) == pytest.approx(np.std(genuine), rel=0.01)
        assert abs(np.mean(fake)) < 1e-4
        assert np.corrcoef(fake, genuine)[0, 1] > 0.9
        assert not np.array_equal(fake, genuine)


def test_the_twin_is_the_source(corpus: Path, tmp_path: Path) -> None:
    source = read_folder(corpus)[0]
    (twin,) = make([Job(source)], tmp_path)
    before, after = soundfile.read(source.path)[0], soundfile.read(twin.path)[0]
    assert np.abs(after - (before - before.mean())).max() < 1e-4


@dataclass
class Muffler:
    """Takes 12 dB from everything above 2 kHz."""

    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        spectrum = np.fft.rfft(audio.samples)
        spectrum[:, spectrum.shape[1] // 4 :] *= 0.25
        return Audio(np.fft.irfft(spectrum, audio.samples.shape[1]).astype(np.float32), audio.rate)


def test_equalised_fakes_have_the_spectrum_of_the_twin(corpus: Path, tmp_path: Path) -> None:
    sources = read_folder(corpus)[:4]
    loss = {}
    for equalise in (False, True):
        jobs = plan(sources, [System("dull")], seed=0, equalise=equalise)
        clips = make(jobs, tmp_path / str(equalise), lambda name, checkpoint: Muffler())
        highs = []
        for twin, fake in zip(clips[::2], clips[1::2], strict=True):
            power = [np.abs(np.fft.rfft(soundfile.read(c.path)[0])) ** 2 for c in (twin, fake)]
            highs.append(10 * np.log10(power[1][len(power[1]) // 2 :].sum() / power[0][len(power[0]) // 2 :].sum()))
        loss[equalise] = np.mean(highs)
    assert loss[False] < -9
    assert abs(loss[True]) < 1


def test_names_tell_nothing(corpus: Path, tmp_path: Path) -> None:
    for clip in make(plan(read_folder(corpus)[:3], SYSTEMS, seed=0, per_clip=None), tmp_path, open_toy):
        name = Path(clip.path).name.lower()
        assert not any(word in name for word in ("rough", "fine", "clip", "s0", "spoof", "bona"))


def test_a_half_run_goes_on(corpus: Path, tmp_path: Path) -> None:
    jobs = plan(read_folder(corpus)[:6], SYSTEMS, seed=0)
    heard: list[float] = []

    def counting(name: str, checkpoint: str) -> Quantiser:
        codec = open_toy(name, checkpoint)

        class Counting(Quantiser):
            def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
                heard.append(audio.seconds)
                return codec.resynth(audio, kbps)

        return Counting(1.0)

    first = make(jobs, tmp_path, counting)
    assert len(heard) == 6
    spoofs = [Path(clip.path) for clip in first if clip.label == "spoof"]
    spoofs[0].unlink()
    spoofs[1].write_bytes(spoofs[1].read_bytes()[:-100])
    with open(tmp_path / "journal.jsonl", "a") as journal:
        journal.write('{"path": "audio/cut off')
    heard.clear()
    assert make(jobs, tmp_path, counting) == first
    assert len(heard) == 2, "only the missing and the broken file are made again"
    heard.clear()
    assert make(jobs, tmp_path, counting) == first
    assert not heard


def test_processes_give_the_same(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy_system.py").write_text(
        "import numpy as np\n"
        "from earwitness.core.audio import Audio\n"
        "class Toy:\n"
        "    def resynth(self, audio, kbps=None):\n"
        "        return Audio(np.round(audio.samples * np.float32(50)) / np.float32(50), audio.rate)\n"
        "def open_toy(name, checkpoint):\n"
        "    return Toy()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))  # worker processes get this path as well
    opener = importlib.import_module("toy_system").open_toy
    jobs = plan(read_folder(corpus)[:4], SYSTEMS, seed=0)
    one = make(jobs, tmp_path / "one", opener)
    two = make(jobs, tmp_path / "two", opener, engine="pool", workers=2)
    assert [clip.sha256 for clip in one] == [clip.sha256 for clip in two]


class Shortener:
    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        return Audio(audio.samples[:, :-1], audio.rate)


class Breaker:
    def resynth(self, audio: Audio, kbps: float | None = None) -> Audio:
        return Audio(audio.samples * np.float32(np.nan), audio.rate)


@pytest.mark.parametrize(
    ("system", "words"), [(Shortener(), "must keep rate and length"), (Breaker(), "not numbers")]
)
def test_broken_systems_are_named(corpus: Path, tmp_path: Path, system: Shortener | Breaker, words: str) -> None:
    jobs = plan(read_folder(corpus)[:1], [System("odd")], seed=0)
    with pytest.raises(DataError, match=f"odd.*{words}"):
        make(jobs, tmp_path, lambda name, checkpoint: system)


def test_other_weights_make_another_file(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first, second = tmp_path / "a/early.bin", tmp_path / "a/late.bin"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    jobs = plan(read_folder(corpus)[:1], [System("fine", (str(first), str(second)))], seed=0, per_clip=None)
    clips = make(jobs, tmp_path / "out", open_toy)
    assert sorted(clip.checkpoint for clip in clips) == ["", "a/early", "a/late"]
    assert len({clip.path for clip in clips}) == 3


def test_stereo_silence_and_other_rates(tmp_path: Path, say: Callable[..., NDArray[np.float32]]) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([say(1, 1.0, 44100)] * 2, axis=1), 44100)
    soundfile.write(tmp_path / "b.wav", np.zeros(16000, np.float32), 16000)
    sources = [Clip(str(tmp_path / name), speaker="s") for name in ("a.wav", "b.wav")]
    clips = make(plan(sources, [System("fine")], seed=0), tmp_path / "out", open_toy)
    assert [(clip.rate, round(clip.seconds, 3)) for clip in clips] == [(16000, 1.0)] * 4
    assert not soundfile.read(clips[2].path)[0].any()
