"""The chain that makes spans of frames, the expert that is trained on splices, and what a scan does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from earwitness.core import weights
from earwitness.core.errors import DataError, WeightsError
from earwitness.core.recipe import find, load
from earwitness.datasets.splices import RATE, Host, Splice, draw, tabulate
from earwitness.detect import registry, spans
from earwitness.detect.baseline import RECIPES
from earwitness.detect.calibrate import Calibration
from earwitness.detect.decide import Rules
from earwitness.detect.scan import How, judge, scan
from earwitness.detect.source import Track
from earwitness.detect.span_model import FRAME, HOP, STRIDE, WINDOW, SpanModel
from earwitness.detect.span_training import Heard, SpansRecipe, chosen_chain, train_spans
from earwitness.detect.spans import Chain, Frames, Localiser, spans_of
from earwitness.detect.verdict import Measurement

from .conftest import Speech, make_fake

CHAIN = Chain(weight=0.5, change=4.0, evidence=1.0, shortest=0.1)


def frames(*stretches: tuple[int, float]) -> np.ndarray:
    return np.concatenate([np.full(count, value) for count, value in stretches])


def test_a_stretch_of_evidence_is_a_span() -> None:
    (found,) = spans_of(frames((50, -1.0), (30, 1.0), (50, -1.0)), 0.02, CHAIN)
    assert [found.start, found.end] == pytest.approx([1.0, 1.6])
    assert found.score == pytest.approx(30 * 0.5 - 4.0)


def test_a_short_gap_does_not_split_a_span_and_few_frames_make_none() -> None:
    (found,) = spans_of(frames((50, -1.0), (30, 1.0), (5, -1.0), (30, 1.0), (50, -1.0)), 0.02, CHAIN)
    assert [found.start, found.end] == pytest.approx([1.0, 2.3])
    assert spans_of(frames((50, -1.0), (8, 1.0), (50, -1.0)), 0.02, CHAIN) == ()
    assert spans_of(np.zeros(0), 0.02, CHAIN) == ()


def test_a_longer_recording_takes_more_evidence() -> None:
    """30 frames are worth 11 nats, the change taken off; an hour has 60 chances, 4.1 nats."""
    chain = Chain(weight=0.5, change=4.0, evidence=8.0, shortest=0.1)
    for minutes, told in ((0.5, True), (1.0, True), (10.0, True), (60.0, False)):
        quiet = round(minutes * 60 / 0.02) - 30
        assert bool(spans_of(frames((quiet, -1.0), (30, 1.0)), 0.02, chain)) is told, minutes


def test_spans_at_the_borders_and_two_of_them() -> None:
    found = spans_of(frames((30, 1.0), (60, -1.0), (30, 1.0)), 0.02, CHAIN)
    assert [(round(s.start, 2), round(s.end, 2)) for s in found] == [(0.0, 0.6), (1.8, 2.4)]


def test_the_best_path_is_no_worse_than_any_other() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        gain = rng.normal(size=9)
        best = max(_worth(gain, bits, 1.5) for bits in range(2**9))
        got = sum(1 << i for first, last in spans._stretches(gain, 1.5) for i in range(first, last))
        assert _worth(gain, got, 1.5) == pytest.approx(best)


def _worth(gain: np.ndarray, bits: int, cost: float) -> float:
    states = [0, *(bits >> i & 1 for i in range(len(gain))), 0]
    changes = sum(a != b for a, b in pairwise(states))
    return float(np.dot(states[1:-1], gain)) - cost * changes


def test_silence_is_no_evidence_and_a_frame_is_worth_only_so_much() -> None:
    llr = Chain(scale=2.0, offset=1.0, most=3.0).llr(np.array([0.5, 9.0, -9.0, 9.0]), np.array([1.0, 1.0, 1.0, 0.0]))
    assert llr.tolist() == [2.0, 3.0, -3.0, 0.0]


def test_frames_lie_where_they_are_said_to_be() -> None:
    assert pytest.approx(0.02) == FRAME and STRIDE * HOP / RATE == FRAME
    model = SpanModel(channels=16, blocks=2).eval()
    sound = torch.zeros(1, 2 * RATE)
    noise = torch.randn(1, 3200, generator=torch.Generator().manual_seed(0))
    sound[:, RATE : RATE + 3200] = noise * torch.linspace(0.05, 0.4, 3200)
    *_, heard = model(sound)
    loud = torch.nonzero(heard[0] > 0.5)[:, 0]
    assert 0.98 <= float(loud[0]) * FRAME <= 1.02 and 1.16 <= float(loud[-1]) * FRAME <= 1.2
    assert heard.shape[1] == ((2 * RATE - WINDOW) // HOP) // STRIDE + 1


TINY = """
name = "tiny-spans"
seed = 0
batch = 8
joint = 0.3
false_spans = 200.0
weights = [0.1, 0.3]
changes = [2.0, 6.0]
[network]
channels = 24
blocks = 2
kernel = 5
dropout = 0.0
[optimiser]
rate = 5e-3
betas = [0.9, 0.98]
warmup = 5
[schedule]
steps = 60
ema = 0.9
log_every = 20
"""


@pytest.fixture(scope="module")
def trained(speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An EARWITNESS_HOME with a small expert that heard crude copies."""
    folder = tmp_path_factory.mktemp("spans")
    (folder / "tiny-spans.toml").write_text(TINY)

    def host(index: int) -> Host:
        real = speech(2.4, seed=index)
        return Host(real, [make_fake(real, 0.7)])

    def splices(first: int, count: int, kinds: dict[str, float]) -> list[Splice]:
        return [draw(host(index), np.random.default_rng(index), kinds) for index in range(first, first + count)]

    def hear(expert: Localiser, made: Sequence[Splice]) -> Heard:
        heard = [expert.hear(one.samples) for one in made]
        return Heard(heard, [one.synthetic for one in made], [len(one.samples) / RATE for one in made])

    def choose(expert: Localiser) -> tuple[Heard, Heard]:
        return hear(expert, splices(100, 8, {"synthetic": 1.0})), hear(expert, splices(200, 8, {"whole": 1.0}))

    made = splices(0, 32, {"synthetic": 0.7, "genuine": 0.3})
    table = tabulate(made.__getitem__, 32, round(2.4 * RATE), FRAME, "made")
    train_spans(table, folder / "tiny-spans.toml", folder / "weights", choose)
    return folder


def test_training_finds_spans_in_what_it_did_not_hear(trained: Path) -> None:
    card = weights.read_card(trained / "weights" / "tiny-spans.toml")
    assert card.kind == spans.KIND and card.metrics["f1_20ms"] > 0.5
    assert set(card.settings) == {"rate", "hop", *Chain().table()}


@pytest.fixture
def expert(trained: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Localiser:
    monkeypatch.setenv("EARWITNESS_HOME", str(trained))
    return spans.open("tiny-spans")


def test_windows_are_joined_on_one_time_line(expert: Localiser, speech: Speech) -> None:
    real = speech(6.0, seed=300)
    whole = expert.hear(real)
    assert [len(part) for part in whole] == [300] * 3
    halves = [expert.hear(real[: 3 * RATE]), expert.hear(real[3 * RATE :], 150)]
    assert sum(len(half.logits) for half in halves) == 300
    assert expert.speech(halves) == pytest.approx(expert.speech([whole]), abs=0.5)
    assert expert.hear(real[:100]).logits.shape == (0,)


class Deaf:
    """A detector that finds every window genuine."""

    name, rate, window = "deaf", RATE, 2 * RATE
    calibration, rules = Calibration(cap=5.0), Rules()
    warnings: Sequence[str] = ()
    model: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, localiser: Localiser) -> None:
        self.localiser = localiser

    def measure(self, window: np.ndarray) -> Measurement:
        return Measurement(-3.0, len(window) / RATE, -20.0, 8000.0)


class Told:
    """A span expert that hears one stretch of a recording as synthetic."""

    name, rate, hop, chain = "told", RATE, FRAME, Chain()

    def __init__(self, *stretches: tuple[int, int]) -> None:
        self.stretches = stretches
        self.heard = 0

    def hear(self, window: np.ndarray, count: int | None = None) -> Frames:
        count = round(len(window) / RATE / FRAME) if count is None else count
        place = np.arange(self.heard, self.heard + count)
        self.heard += count
        inside = np.zeros(count, bool)
        for first, last in self.stretches:
            inside |= (place >= first) & (place < last)
        return Frames(np.where(inside, 4.0, -4.0), np.ones(count), np.ones(count))

    spans = Localiser.spans
    speech = Localiser.speech


def test_a_synthetic_part_makes_a_genuine_whole_inconclusive() -> None:
    sound = np.full((1, 10 * RATE), 0.1, np.float32)
    track = Track(1, lambda rate: iter([sound]))
    verdict = judge([track], Deaf(Told((120, 200), (300, 340))), How(0.5), "x.wav")  # type: ignore[arg-type]
    assert verdict.decision == "inconclusive" and verdict.score == -3.0
    assert [(span.start, span.end) for span in verdict.synthetic_spans] == [(2.4, 4.0), (6.0, 6.8)]
    assert "a part of it may be synthetic (2.4-4.0 s, 6.0-6.8 s)" in verdict.reasons[-1]
    clear = judge([track], Deaf(Told()), How(0.5), "x.wav")  # type: ignore[arg-type]
    assert clear.decision == "genuine" and clear.synthetic_spans == ()


def test_what_is_no_speech_is_too_little_of_it() -> None:
    class Mute(Told):
        def hear(self, window: np.ndarray, count: int | None = None) -> Frames:
            heard = super().hear(window, count)
            return heard._replace(spoken=np.zeros_like(heard.heard))

    sound = np.full((1, 10 * RATE), 0.1, np.float32)
    track = Track(1, lambda rate: iter([sound]))
    verdict = judge([track], Deaf(Mute((120, 200))), How(0.5), "x.wav")  # type: ignore[arg-type]
    assert verdict.decision == "inconclusive" and verdict.score is None and verdict.synthetic_spans == ()
    assert "too little speech (0.0 s" in verdict.reasons[0]


def test_the_suspicious_channel_is_reported() -> None:
    sound = np.stack([np.full(4 * RATE, 0.1), np.full(4 * RATE, 0.2)]).astype(np.float32)

    class Second(Told):
        def hear(self, window: np.ndarray, count: int | None = None) -> Frames:
            self.stretches = ((0, 90),) if window[0] > 0.15 else ()
            self.heard = 0
            return super().hear(window, count)

    track = Track(2, lambda rate: iter([sound]))
    verdict = judge([track], Deaf(Second()), How(0.5), "x.wav")  # type: ignore[arg-type]
    assert verdict.channel == 1 and verdict.synthetic_spans


def test_a_card_may_name_an_expert(
    trained: Path, tiny_home: Path, own_home: Path, speech: Speech, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARWITNESS_HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    for folder in (trained, tiny_home):
        for file in (folder / "weights").iterdir():
            if file.is_file():
                (tmp_path / "weights" / file.name).write_bytes(file.read_bytes())
    card = registry.card("tiny")
    named = replace(card, settings={**card.settings, "localiser": "tiny-spans"}, name="both")
    weights.write_card(named, {"onnx": weights.path(card, "onnx")})
    real = speech(4.0, seed=301)
    mixed = real.copy()
    mixed[RATE : 3 * RATE] = make_fake(real, 0.7)[RATE : 3 * RATE]
    verdict = scan(mixed, RATE, detector="both")
    assert any(span.start < 2.5 and span.end > 1.5 for span in verdict.synthetic_spans)
    assert scan(mixed, RATE, detector="tiny").synthetic_spans == ()
    broken = replace(card, settings={**card.settings, "localiser": "nobody"}, name="broken")
    weights.write_card(broken, {"onnx": weights.path(card, "onnx")})
    with pytest.raises(WeightsError, match="nobody"):
        scan(mixed, RATE, detector="broken")


def test_a_chain_that_finds_nothing_is_refused() -> None:
    settings = load(find("spans", RECIPES), SpansRecipe)
    rng = np.random.default_rng(0)
    labels = np.zeros(200)
    labels[50:60] = 1
    flat = Frames(rng.normal(size=200), np.ones(200), np.ones(200))
    splices = Heard([flat], [((1.0, 1.2),)], [4.0])
    loud = Heard([Frames(np.full(200, 9.0), np.ones(200), np.ones(200))], [()], [4.0])
    with pytest.raises(DataError):
        chosen_chain(replace(splices, synthetic=[()]), loud, settings)
