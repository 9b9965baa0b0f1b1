from __future__ import annotations

from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
import torch
from earwitness.codecs import listeners
from earwitness.codecs.generate import registry
from earwitness.codecs.generate.normalise import PAUSE, sentences
from earwitness.codecs.generate.phonenet import HOP, PARTS, PhoneNet, PhoneNetConfig, label, whole
from earwitness.codecs.generate.publish import publish
from earwitness.codecs.generate.recipe import GeneratorRecipe
from earwitness.codecs.generate.recogniser import Recogniser, cluster
from earwitness.codecs.generate.text import PHONES, SIL, phonemise
from earwitness.codecs.generate.training import train
from earwitness.core.errors import DataError, UsageError, WeightsError
from numpy.typing import NDArray

ReadAloud = Callable[[str], NDArray[np.float32]]
RATE = 16_000
SMALL = {"channels": 32, "hidden": 48, "blocks": 3, "middle": 2, "units": 8, "masks": 0, "drop": 0.0}


class Hums:
    """Each phone is a tone of its own."""

    digest = "hums"

    def batch(self, step: int) -> dict[str, NDArray[np.generic]]:
        rng, size, count, rows = np.random.default_rng(step), 40 * HOP, 6, 4
        phones = rng.integers(0, 6, (rows, count))
        phones[:, ::2] = rng.integers(1, 6, (rows, count // 2))
        ends = np.sort(np.stack([rng.permutation(39)[:count] + 1 for _ in range(rows)]), axis=1) * HOP
        ends[:, -1] = size
        centres = np.arange(size)
        place = [np.searchsorted(stop, centres, side="right") for stop in ends]
        tone = np.take_along_axis(phones, np.stack(place), axis=1)
        wave = 0.1 * np.sin(2 * np.pi * 300 * tone * centres / RATE)
        return {
            "wave": wave.astype(np.float32),
            "start": np.zeros(rows, np.int64),
            "length": np.full(rows, size),
            "phones": phones,
            "ends": ends,
            "present": np.ones((rows, count), bool),
        }


def toy(steps: int) -> GeneratorRecipe:
    return GeneratorRecipe.model_validate(
        {
            "name": "toy",
            "model": "phonenet",
            "summary": "toy",
            "arguments": SMALL,
            "optimiser": {"rate": 5e-3, "warmup": 5},
            "schedule": {"steps": steps, "log_every": 10},
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, float]]]:
    """A folder with a recogniser of tones, and the losses on the way."""
    folder, logs = tmp_path_factory.mktemp("phonenet"), list[dict[str, float]]()
    recipe, source = toy(120), Hums()
    done = train(recipe, source, folder, lambda step, numbers: logs.append(dict(numbers)))
    network = done.generator
    assert isinstance(network, PhoneNet)
    centres = cluster(network, (source.batch(step)["wave"][0].astype(np.float32) for step in range(40)), seed=0)
    publish(recipe, done.file, folder, [], state={"units": centres})
    return folder, logs


def test_both_heads_learn_and_the_recogniser_hears_and_places_tones(
    trained: tuple[Path, list[dict[str, float]]],
) -> None:
    folder, logs = trained
    assert logs[-1]["frame"] < 0.5 * logs[0]["frame"] and logs[-1]["ctc"] < 0.7 * logs[0]["ctc"]
    recogniser = registry.recogniser(str(folder))
    with pytest.raises(UsageError, match="no trained generator"):
        registry.find(str(folder))
    batch = Hums().batch(1000)
    errors = count = 0
    for wave, phones in zip(batch["wave"], batch["phones"], strict=True):
        said = [PHONES[k] for k in phones if k]
        errors, count = errors + listeners.edits(said, recogniser.phones(wave.astype(np.float32))), count + len(said)
    assert errors < 0.6 * count
    units = recogniser.units(batch["wave"][0].astype(np.float32))
    assert units.shape == (40,) and units.max() < SMALL["units"] and len(set(units.tolist())) > 2


def test_labels_and_whole_phones_of_a_piece() -> None:
    phones, ends = torch.tensor([[0, 5, 7, 9]]), torch.tensor([[800, 2400, 3200, 4800]])
    centres = torch.tensor([[0, 799, 800, 2399, 2400, 9000]])
    assert label(phones, ends, centres).tolist() == [[0, 0, 5, 5, 7, 9]]
    inside = whole(phones, ends, torch.tensor([[1500]]), torch.tensor([[4100]]))
    assert inside.tolist() == [[False, True, True, True]]
    inside = whole(phones, ends, torch.tensor([[1700]]), torch.tensor([[3900]]))
    assert inside.tolist() == [[False, False, True, False]]


@torch.no_grad()
def test_a_long_recording_is_heard_as_its_pieces_are() -> None:
    torch.manual_seed(0)
    model = PhoneNet(PhoneNetConfig.model_validate(SMALL)).eval()
    wave = 0.1 * torch.randn(1, 100 * HOP)
    paths, each = model.heads(model.features(wave))
    assert paths.shape == (1, 100, len(PHONES)) and each.shape == (1, PARTS * 100, len(PHONES))
    part, _ = model.heads(model.features(wave[:, 20 * HOP : 80 * HOP]))
    assert torch.allclose(part[:, 15:45], paths[:, 35:65], atol=1e-4)


def test_training_hides_bands_and_a_trained_model_does_not() -> None:
    torch.manual_seed(0)
    model = PhoneNet(PhoneNetConfig.model_validate({**SMALL, "masks": 2}))
    batch = {name: torch.from_numpy(value) for name, value in Hums().batch(0).items()}
    with torch.no_grad():
        assert float(model.losses(batch)["frame"]) != float(model.losses(batch)["frame"])
        model.eval()
        assert float(model.losses(batch)["frame"]) == float(model.losses(batch)["frame"])


def test_too_little_speech_for_the_units_is_an_error() -> None:
    with pytest.raises(DataError, match="too few for 8 units"):
        cluster(PhoneNet(PhoneNetConfig.model_validate(SMALL)), [np.ones(1200, np.float32)], seed=0)


def test_a_recogniser_that_is_not_there_says_how_to_make_one() -> None:
    with pytest.raises(WeightsError, match="train phonenet"):
        registry.recogniser("parrot")


@pytest.fixture(scope="module")
def shipped() -> Recogniser:
    return registry.recogniser()


def test_the_shipped_weights_hear_a_sentence(
    shipped: Recogniser, read_aloud: ReadAloud, text: str, require: Callable[[str], None]
) -> None:
    require("pocketsphinx")
    said = [phone for sentence in phonemise(text) for phone in sentence if phone != SIL]
    heard = shipped.phones(read_aloud("soundstream"))
    # Sentences that are read with other phones are about 0.9 away.
    assert listeners.edits(said, heard) < 0.6 * len(said)
    assert len(shipped.phones(np.zeros(RATE, np.float32))) < 3


def test_the_shipped_weights_place_phones_where_pocketsphinx_does(
    shipped: Recogniser, read_aloud: ReadAloud, text: str, require: Callable[[str], None]
) -> None:
    require("pocketsphinx")
    from earwitness.codecs.generate.align import align

    words = [word for sentence in sentences(text) for word in sentence if word != PAUSE]
    wave = read_aloud("soundstream")
    ours, theirs = shipped.align(wave, words), align(wave, words)
    assert ours.ends[-1] == wave.size and (np.diff(ours.ends) > 0).all()

    # A word may be aligned with another of its pronunciations, and pauses differ: what both have is compared.
    same = SequenceMatcher(a=ours.phones, b=theirs.phones, autojunk=False).get_matching_blocks()
    gaps = [ours.ends[one.a + k] - theirs.ends[one.b + k] for one in same for k in range(one.size)]
    assert len(gaps) > 0.8 * len(theirs.phones) and np.median(np.abs(gaps)) < 0.04 * RATE
    assert ours.score > shipped.align(wave, words[::-1]).score


def test_clarity_tells_speech_from_noise_and_silence(shipped: Recogniser, read_aloud: ReadAloud) -> None:
    speech = read_aloud("soundstream")
    noise = np.random.default_rng(0).normal(0, 0.1, speech.size).astype(np.float32)
    assert shipped.clarity(speech) > 0.3 > shipped.clarity(np.zeros_like(speech))
    assert shipped.clarity(speech) > shipped.clarity(noise)
