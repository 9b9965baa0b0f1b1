from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError
from earwitness.datasets.audit import CUES, LeakError, audit, measure
from earwitness.datasets.manifest import Clip
from numpy.typing import NDArray

Say = Callable[..., NDArray[np.float32]]
Change = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]


class Store:
    """Pairs of 20 speakers: a fake is a little noisier (which no cue sees), and `change`d."""

    def __init__(self, say: Say, change: Change) -> None:
        self.sound: dict[str, Audio] = {}
        self.clips: list[Clip] = []
        rng = np.random.default_rng(0)
        for number in range(60):
            genuine = say(number, 0.8 + 0.05 * (number % 7))
            fake = genuine + rng.normal(0, 1e-3 * np.std(genuine), genuine.size).astype(np.float32)
            for label, samples in (("bonafide", genuine), ("spoof", change(fake, rng))):
                path = f"/{number}-{label}"
                self.sound[path] = Audio(samples[None].astype(np.float32), 16000)
                source = f"/{number}-bonafide" if label == "spoof" else ""
                self.clips.append(Clip(path, speaker=f"s{number // 3}", label=label, source=source))


def low_pass(x: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    spectrum = np.fft.rfft(x)
    spectrum[int(0.6 * spectrum.size) :] = 0
    return np.fft.irfft(spectrum, x.size).astype(np.float32)


CHANGES: dict[str, Change] = {
    "duration": lambda x, rng: x[: int(0.8 * x.size)],
    "level": lambda x, rng: x * np.float32(0.4),
    "peak": lambda x, rng: np.clip(x, -1.2 * np.std(x), 1.2 * np.std(x)),
    "leading silence": lambda x, rng: np.concatenate([np.zeros(rng.integers(1600, 4000)), x[:-4000]]),
    "trailing silence": lambda x, rng: np.concatenate([x[4000:], np.zeros(rng.integers(1600, 4000))]),
    "bandwidth": low_pass,
    "DC offset": lambda x, rng: x + np.float32(0.01),
}


def test_a_fair_set_passes(say: Say) -> None:
    store = Store(say, lambda x, rng: x)
    report = audit(store.clips, store.sound.__getitem__)
    report.check()
    assert tuple(report.cues) == CUES
    assert report.clips == 120
    assert max(report.cues.values()) < 0.6
    assert 0.5 <= report.joint < 0.6


@pytest.mark.parametrize("cue", CHANGES)
def test_each_leak_is_named(say: Say, cue: str) -> None:
    store = Store(say, CHANGES[cue])
    report = audit(store.clips, store.sound.__getitem__)
    assert report.cues[cue] > 0.6
    assert report.joint > 0.7
    with pytest.raises(LeakError, match=cue):
        report.check()


def test_a_leak_of_spread_is_seen(say: Say) -> None:
    """All fakes at the middle level: the order says nothing, the distance from the middle much."""
    store = Store(say, lambda x, rng: (x * 0.055 / np.std(x)).astype(np.float32))
    assert audit(store.clips, store.sound.__getitem__).cues["level"] > 0.7


def test_the_cues_measure_what_they_say() -> None:
    rate = 16000
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate) + 0.1
    sound = np.concatenate([np.full(rate // 2, 0.1), tone, np.full(rate // 4, 0.1)]).astype(np.float32)
    sound += np.float32(0.1 - sound.mean())
    found = dict(zip(CUES, measure(Audio(sound[None], rate)), strict=True))
    assert found["duration"] == pytest.approx(1.75)
    assert found["level"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2) * np.sqrt(1 / 1.75)), abs=0.1)
    assert found["peak"] == pytest.approx(-6.02, abs=0.1)
    assert found["leading silence"] == pytest.approx(0.5 / 1.75, abs=0.02)
    assert found["trailing silence"] == pytest.approx(0.25 / 1.75, abs=0.02)
    assert found["silence"] == pytest.approx(0.75 / 1.75, abs=0.02)
    assert found["roll-off"] == pytest.approx(1000, abs=100)
    assert 1000 <= found["bandwidth"] < 2500
    assert found["DC offset"] == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(1), np.ones(1), np.zeros(8000)])
def test_empty_and_silent_sound_has_finite_cues(samples: NDArray[np.float64]) -> None:
    assert np.isfinite(measure(Audio(samples[None].astype(np.float32), 16000))).all()


def test_a_part_is_heard_pairs_together(say: Say) -> None:
    store = Store(say, lambda x, rng: x)
    heard: list[str] = []

    def load(path: str) -> Audio:
        heard.append(path)
        return store.sound[path]

    audit(store.clips, load, most=60)
    assert len(heard) == 60
    numbers = [path.split("-")[0] for path in heard]
    assert all(numbers.count(number) == 2 for number in numbers)


def test_what_cannot_be_audited(say: Say) -> None:
    store = Store(say, lambda x, rng: x)
    genuine = [clip for clip in store.clips if clip.label == "bonafide"]
    for clips in (genuine, store.clips[:2], []):
        with pytest.raises(DataError, match="needs bona fide and spoof"):
            audit(clips, store.sound.__getitem__)
