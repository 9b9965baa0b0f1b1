from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from earwitness.codecs.generate.align import Alignment
from earwitness.codecs.generate.modes import Modes, modes_of
from earwitness.codecs.generate.publish import publish
from earwitness.codecs.generate.registry import find, recogniser
from earwitness.codecs.generate.revise import drawn_span
from earwitness.core.audio import Audio
from earwitness.core.errors import UsageError
from numpy.typing import NDArray

from .test_continuation import published, untrained
from .test_revise import made

RATE, HOP = 16_000, 200


def said(*words: tuple[float, float]) -> Alignment:
    """An alignment with words at these seconds."""
    borders = tuple((round(start * RATE), round(end * RATE)) for start, end in words)
    return Alignment(("AA",), np.array([RATE]), 0.0, borders)


def test_a_generator_works_in_its_modes_alone(
    tmp_path: Path, read_aloud: Callable[[str], NDArray[np.float32]], text: str, require: Callable[[str], None]
) -> None:
    require("pocketsphinx")
    made("valler", tmp_path / "valler")
    assert modes_of(find(str(tmp_path / "valler"))) == ("speak", "infill", "resample")
    modes, audio = Modes(str(tmp_path / "valler")), Audio(read_aloud("soundstream")[None], RATE)
    one, again, other = (modes.infill(audio, text, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.audio.samples, again.audio.samples)
    assert (one.start, one.end) == (again.start, again.end) != (other.start, other.end)
    assert one.audio.samples.shape == audio.samples.shape
    assert all(abs(second * RATE / HOP - round(second * RATE / HOP)) < 1e-6 for second in (one.start, one.end))
    whole = modes.resample(audio, text, 0)
    assert (whole.start, whole.end) == (0.0, audio.seconds)
    assert modes.speak("Hello there.", audio, 0).seconds > 0.2
    with pytest.raises(UsageError, match="only an 'audiolm' continues"):
        modes.go_on(audio, 1.0, 0)


def test_a_continuer_goes_on_and_does_nothing_else(
    tmp_path: Path, read_aloud: Callable[[str], NDArray[np.float32]]
) -> None:
    (tmp_path / "heard").mkdir()
    recipe, file = untrained("phonenet", tmp_path / "heard")
    publish(recipe, file, tmp_path / "heard", [], state={"units": torch.randn(256, 32)})
    (tmp_path / "audiolm").mkdir()
    digest = recogniser(str(tmp_path / "heard")).digest
    modes = Modes(published(tmp_path / "audiolm", str(tmp_path / "heard"), digest))
    assert modes_of(find(modes.name)) == ("continue",)
    audio = Audio(read_aloud("soundstream")[None, :24_000], RATE)
    made = modes.go_on(audio, 1.0, 0)
    assert 0 < audio.seconds - made.start < 0.06 and made.audio.seconds == pytest.approx(made.start + 1.0)
    with pytest.raises(UsageError, match="speaks no text"):
        modes.speak("Hello there.", audio, 0)


def test_spans_are_words_or_stretches_of_the_speech() -> None:
    found = said((0.5, 0.6), (0.6, 1.1), (1.3, 1.7), (1.7, 3.4), (3.4, 3.6))
    spans = [drawn_span(found, np.random.default_rng(seed)) for seed in range(200)]
    lengths = [end - start for start, end in spans]
    assert min(lengths) >= 0.2 - 1e-9 and max(lengths) <= 1.5
    assert min(start for start, _ in spans) >= 0.5 and max(end for _, end in spans) <= 3.6
    words = [span for span in spans if span in ((0.6, 1.1), (1.3, 1.7), (3.4, 3.6))]
    assert 70 < len(words) < 130, "every second one is a whole word, none too short or too long"
    for much in (said((0.5, 0.8)), Alignment(("AA",), np.array([RATE]), 0.0)):
        with pytest.raises(UsageError, match="too little"):
            drawn_span(much, np.random.default_rng(0))
