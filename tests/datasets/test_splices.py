"""Splices: what is put in is where it is said to be, as loud as its surroundings, and only fakes are labelled."""

from __future__ import annotations

import numpy as np
import pytest
from earwitness.core.errors import DataError
from earwitness.datasets.splices import (
    FADE,
    KINDS,
    RATE,
    Host,
    Splice,
    after,
    aligned,
    draw,
    frame_labels,
    joint_labels,
    speech_labels,
    splice,
    tabulate,
)


def tone(hz: float, seconds: float = 4.0, level: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * (1 + 0.5 * np.sin(2 * np.pi * 3 * time)) * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_only_the_spans_change_and_keep_the_level() -> None:
    host, donor = tone(200), tone(1100, level=0.1)
    made = splice(host, donor, rng(), synthetic=True, spans=2)
    inside = np.zeros(len(host), bool)
    for start, end in made.synthetic:
        stretch = slice(round(start * RATE), round(end * RATE))
        inside[stretch] = True
        middle = slice(stretch.start + round(FADE[1] * RATE), stretch.stop - round(FADE[1] * RATE))
        assert np.std(made.samples[middle]) == pytest.approx(np.std(host[middle]), rel=0.25)
    assert np.array_equal(made.samples[~inside], host[~inside])
    assert not np.array_equal(made.samples[inside], host[inside])
    assert list(made.joints) == [edge for span in made.synthetic for edge in span]


def test_genuine_donors_leave_joints_alone() -> None:
    made = splice(tone(200), tone(300), rng(), synthetic=False)
    assert made.synthetic == () and len(made.joints) == 2


def test_a_donor_of_another_length_is_refused() -> None:
    with pytest.raises(DataError, match="as long as its host"):
        splice(tone(200), tone(200, 2.0), rng(), synthetic=True)


def test_copies_are_moved_in_time_to_their_source() -> None:
    draws = rng().standard_normal(4 * RATE)
    source = (draws * np.repeat(rng(1).random(400), 160)).astype(np.float32)
    late = np.concatenate([np.zeros(480, np.float32), source])
    moved = aligned(late, source)
    assert moved is not None and np.allclose(moved, source)
    assert aligned(source[::-1].copy(), source) is None and aligned(source[:100], source) is None


def test_what_is_drawn_depends_on_the_host() -> None:
    bare = Host(tone(200))
    assert all(draw(bare, rng(seed)).synthetic == () for seed in range(20))
    full = Host(tone(200), [tone(900)], [tone(250)])
    made = [draw(full, rng(seed)) for seed in range(60)]
    kinds = {(bool(one.synthetic), bool(one.joints)) for one in made}
    assert kinds == {(True, True), (False, True), (False, False)}
    assert all(np.array_equal(draw(full, rng(3)).samples, draw(full, rng(3)).samples) for _ in range(2))
    assert abs(sum(KINDS.values()) - 1) < 1e-9


def test_chains_afterwards_keep_length_and_labels() -> None:
    made = splice(tone(200), tone(900), rng(), synthetic=True)
    changed = [after(made, rng(seed)) for seed in range(8)]
    assert all(one.synthetic == made.synthetic and one.samples.shape == made.samples.shape for one in changed)
    assert any(not np.array_equal(one.samples, made.samples) for one in changed)


def test_labels_of_frames() -> None:
    assert frame_labels([(0.04, 0.09)], 6, 0.02).tolist() == [0, 0, 1, 1, 0, 0]
    assert joint_labels([0.05], 6, 0.02).tolist() == [0, 1, 1, 1, 0, 0]
    loud = np.concatenate([tone(200, 0.1), 1e-4 * tone(200, 0.1)])
    assert speech_labels(loud, 12, 0.02).tolist() == [1] * 5 + [0] * 7
    assert not speech_labels(None, 4, 0.02).any()


def test_a_table_gives_batches_by_the_step_alone() -> None:
    def make(index: int) -> Splice:
        return splice(tone(200 + index, 2.0), tone(900, 2.0), rng(index), synthetic=True)

    table = tabulate(make, 6, 3 * RATE, 0.02, "digest")
    rows = [table.rows(step, 4, 0) for step in range(3)]
    assert np.array_equal(rows[0], table.rows(0, 4, 0)) and all(len(one) == 4 for one in rows)
    assert sorted(np.concatenate(rows)[:6]) == list(range(6)) and len(table.rows(0, 20, 0)) == 20
    labels = table.labels(rows[0])
    assert labels["synthetic"].shape == (4, 150)
    assert labels["known"][:, :100].all() and not labels["known"][:, 100:].any()
    assert labels["synthetic"].any() and labels["speech"][:, :100].any()
    assert table.hours == pytest.approx(12 / 3600)
