from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from earwitness.codecs.generate import recipe as recipes
from earwitness.codecs.generate.builders import build
from earwitness.codecs.generate.parts import HOP, Layout
from earwitness.codecs.generate.recipe import GeneratorRecipe
from earwitness.codecs.generate.sampling import Sampler
from earwitness.codecs.generate.speaker import cut, ends
from earwitness.codecs.generate.text import PHONES, SIL
from earwitness.codecs.generate.training import hop_length, train
from earwitness.core import recipe as core_recipe
from earwitness.core.errors import EarwitnessError
from numpy.typing import NDArray
from safetensors.torch import load_file

SMALL: dict[str, dict[str, Any]] = {
    "matcha": {
        **{"dim": 32, "heads": 2, "layers": 1, "hidden": 32, "channels": 32, "expanded": 48},
        **{"mean_blocks": 1, "flow_blocks": 1},
    },
    "valler": {
        **{"dim": 32, "heads": 2, "layers": 2, "hidden": 48, "phone_layers": 1, "codebook": 16},
        **{"free": 0.0, "corrupt": 0.0},
    },
    "audiolm": {
        **{"dim": 32, "heads": 2, "layers": 2, "hidden": 48, "unit_dim": 16, "unit_layers": 1, "unit_hidden": 16},
        **{"units": 8, "codebook": 16, "window": 16, "corrupt": 0.0, "unit_corrupt": 0.0},
    },
    "valle": {"dim": 32, "heads": 2, "layers": 2, "hidden": 48, "levels": 3, "codebook": 16},
}
GREEDY = Sampler(temperature=0.0, window=0)


class Hums:
    """Each phone is a tone, and codes that name it: the least that a generator must learn."""

    digest = "hums"

    def __init__(self, hop: int, rows: int = 4) -> None:
        self.hop, self.rows = hop, rows

    def batch(self, step: int) -> dict[str, NDArray[Any]]:
        rng, size, count = np.random.default_rng(step), 40 * self.hop, 6
        phones = rng.integers(1, 6, (self.rows, count))
        ends = np.sort(rng.integers(1, 40, (self.rows, count)), axis=1) * self.hop
        ends[:, -1] = size
        place = np.array([np.searchsorted(row, np.arange(size), side="right") for row in ends])
        tone = np.take_along_axis(phones, np.minimum(place, count - 1), axis=1)
        wave = 0.1 * np.sin(2 * np.pi * 200 * tone * np.arange(size) / 16_000)
        codes = np.stack([tone[:, self.hop // 2 :: self.hop]] * 3, axis=1)
        return {
            "wave": wave.astype(np.float32),
            "prompt": wave[:, : 4 * HOP + 2048].astype(np.float32),
            "start": np.zeros(self.rows, np.int64),
            "length": np.full(self.rows, size),
            "phones": phones,
            "ends": ends,
            "present": np.ones((self.rows, count), bool),
            "codes": codes,
            "prompt_codes": codes[:, :, :10],
        }


def toy(model: str, steps: int) -> GeneratorRecipe:
    return GeneratorRecipe.model_validate(
        {
            "name": "toy",
            "model": model,
            "summary": "toy",
            "arguments": SMALL[model],
            "optimiser": {"rate": 5e-3, "warmup": 5},
            "schedule": {"steps": steps, "log_every": steps // 6, "checkpoint_minutes": 0.0},
        }
    )


@pytest.mark.parametrize(
    ("model", "falls"),
    [
        ("matcha", {"mean": 0.7, "flow": 0.9}),
        ("valler", {"code": 0.4}),
        ("valle", {"first": 0.9, "others": 0.6}),
        ("audiolm", {"code": 0.6}),
    ],
)
def test_every_generator_learns_from_the_one_training_loop(
    model: str, falls: Mapping[str, float], tmp_path: Path
) -> None:
    recipe, logs = toy(model, 90), list[dict[str, float]]()
    train(recipe, Hums(hop_length(recipe)), tmp_path, lambda step, numbers: logs.append(dict(numbers)))
    for name, share in falls.items():
        assert logs[-1][name] < share * logs[0][name], name


def test_a_resumed_training_equals_an_unbroken_one(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(step: int, numbers: object) -> None:
        if step == 8:
            raise Stop

    recipe, source = toy("matcha", 12), Hums(HOP)
    train(recipe, source, tmp_path / "whole")
    with pytest.raises(Stop):
        train(recipe, source, tmp_path / "broken", stop)
    train(recipe, source, tmp_path / "broken")
    whole, broken = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken"))
    assert all(torch.equal(whole[key], broken[key]) for key in whole)


def made(model: str, **arguments: Any) -> Any:
    torch.manual_seed(0)
    network = build(model, {**SMALL[model], **arguments}).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(3.0 if weight.dim() > 1 else 1.0)
    return network


@pytest.mark.parametrize("group", [1, 2, 4])
@torch.no_grad()
def test_valler_renders_with_its_cache_what_it_predicts_without(group: int) -> None:
    model = made("valler", group=group)
    phones, prompt = torch.tensor([[0, 3, 5, 2, 0]]), torch.randn(1, 4096, generator=torch.Generator().manual_seed(1))
    stops = torch.tensor([[800, 2400, 4000, 4800, 5600]])
    encoded = model.encode(phones, prompt, torch.ones_like(phones, dtype=torch.bool))
    codes = model.render(encoded, stops, sampler=GREEDY, guidance=1, generator=torch.Generator())[0]
    assert codes.shape == (1, 28)
    past = torch.cat([torch.full((1, group), 16), codes[:, :-group]], dim=1)
    condition = model.conditions(encoded, stops, torch.zeros(1, dtype=torch.int64), 28)
    assert torch.equal(model.logits(past, condition)[..., :16].argmax(-1), codes)


@pytest.mark.parametrize("group", [1, 2])
@torch.no_grad()
def test_valler_redraws_what_is_asked_for_after_what_stands_before_it(group: int) -> None:
    model, phones = made("valler", group=group), torch.tensor([[0, 3, 5, 2, 0]])
    stops, prompt = torch.tensor([[800, 2400, 4000, 4800, 5600]]), torch.full((1, 4096), 0.1)
    encoded = model.encode(phones, prompt, torch.ones_like(phones, dtype=torch.bool))
    codes = torch.randint(0, 16, (1, 1, 28), generator=torch.Generator().manual_seed(3))
    span = torch.zeros(28, dtype=torch.bool)
    span[[8, 9, 10, 13, 14]] = True
    condition = model.conditions(encoded, stops, torch.zeros(1, dtype=torch.int64), 28)

    def redrawn(which: torch.Tensor, forced: bool) -> torch.Tensor:
        generator = torch.Generator()
        found: torch.Tensor = model.redraw(
            codes, which, encoded, stops, sampler=GREEDY, generator=generator, forced=forced
        )
        return found[0]

    def best(past: torch.Tensor) -> torch.Tensor:
        before = torch.cat([torch.full((1, group), 16), past[:, :-group]], dim=1)
        found: torch.Tensor = model.logits(before, condition)[..., :16].argmax(-1)
        return found

    drawn = redrawn(span, forced=False)
    assert torch.equal(drawn[:, ~span], codes[0][:, ~span])
    assert torch.equal(best(drawn)[:, span], drawn[:, span]), "each after what was drawn before it"
    every = torch.ones(28, dtype=torch.bool)
    assert torch.equal(redrawn(every, forced=True), best(codes[0])), "each after the real past"
    assert torch.equal(redrawn(~every, forced=False), codes[0])


@torch.no_grad()
def test_guidance_changes_what_valler_says_and_its_seed_decides() -> None:
    model, phones = made("valler"), torch.tensor([[0, 3, 5, 0]])
    stops, prompt = torch.tensor([[800, 4400, 8000, 9600]]), torch.full((1, 4096), 0.1)
    encoded = model.encode(phones, prompt, torch.ones_like(phones, dtype=torch.bool))

    def say(guidance: float, seed: int) -> list[int]:
        sampler, generator = Sampler(), torch.Generator().manual_seed(seed)
        codes = model.render(encoded, stops, sampler=sampler, guidance=guidance, generator=generator)
        return codes.flatten().tolist()  # type: ignore[no-any-return]

    assert say(1.0, 0) == say(1.0, 0) != say(1.0, 1)
    assert say(1.0, 0) != say(3.0, 0)


@torch.no_grad()
def test_valle_stays_between_its_shortest_and_longest_and_never_says_a_mark() -> None:
    model, phones = made("valle"), torch.tensor([[0, 3, 5, 2, 0]])
    prompt = torch.randint(0, 16, (1, 3, 12), generator=torch.Generator().manual_seed(2))
    lengths = set()
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        codes = model.render(phones, prompt, least=5, most=30, sampler=Sampler(top_k=0, top_p=1), generator=generator)
        assert codes.shape[:2] == (1, 3) and 5 <= codes.shape[2] <= 30 and int(codes.max()) < 16
        lengths.add(codes.shape[2])
    assert len(lengths) > 1
    with torch.no_grad():
        model.first_out.bias[model.end] = 1e6
    with pytest.raises(EarwitnessError, match="ended before"):
        model.render(phones, prompt, least=0, most=30, sampler=GREEDY, generator=torch.Generator())


@torch.no_grad()
def test_padding_of_the_text_does_not_change_what_valle_learns() -> None:
    model, batch = made("valle"), {key: torch.from_numpy(value) for key, value in Hums(320, rows=1).batch(0).items()}
    padded = dict(batch)
    padded["phones"] = torch.nn.functional.pad(batch["phones"], (0, 5))
    padded["present"] = torch.nn.functional.pad(batch["present"], (0, 5))
    first, second = model.losses(batch)["first"], model.losses(padded)["first"]
    assert float(first) == pytest.approx(float(second), abs=1e-5)


def test_frames_are_told_their_phone_and_where_in_it_they_lie() -> None:
    layout = Layout(4)
    with torch.no_grad():
        layout.place.weight.zero_()
        layout.place.bias.zero_()
        encoded = torch.arange(3.0)[None, :, None].expand(1, 3, 4)
        spread = layout(encoded, torch.tensor([[100, 250, 400]]), torch.tensor([[0, 99, 100, 249, 250, 399, 500]]))
    assert spread[0, :, 0].tolist() == [0, 0, 1, 1, 2, 2, 2]


def test_lengths_stay_within_what_speech_can_be_and_follow_the_pace() -> None:
    phones = (SIL, "AA", "B", SIL, "K", SIL)
    stops = ends(phones, np.array([3.0, 9.0, 0.0001, 5.0, 0.1, 0.0]), pace=1.0)
    assert torch.diff(stops, prepend=torch.zeros(1, dtype=torch.int64)).tolist() == [
        1600,
        6400,
        320,
        6400,
        1600,
        1600,
    ]
    assert int(ends(phones, np.full(6, 0.1), pace=2.0)[-1]) < int(ends(phones, np.full(6, 0.1), pace=1.0)[-1])


def test_long_sentences_are_cut_at_pauses_and_lose_no_phone() -> None:
    rng = np.random.default_rng(0)
    long = (
        SIL,
        *(PHONES[k] for k in rng.integers(1, 40, 40)),
        SIL,
        *(PHONES[k] for k in rng.integers(1, 40, 130)),
        SIL,
    )
    pieces = cut(long)
    assert all(len(piece) <= 60 and piece[0] == piece[-1] == SIL for piece in pieces)
    said = [phone for piece in pieces for phone in piece if phone != SIL]
    assert said == [phone for phone in long if phone != SIL]
    assert len(pieces[0]) == 42


@pytest.mark.parametrize("name", sorted(core_recipe.shipped(recipes.PACKAGE)))
def test_every_shipped_recipe_builds_a_small_model(name: str) -> None:
    recipe = recipes.load(name)
    model = build(recipe.model, recipe.arguments)
    assert recipe.name == name and 1e6 < sum(p.numel() for p in model.parameters()) < 6e6
