from __future__ import annotations

import pytest
import torch
from earwitness.codecs.generate.audiolm import CODES, AudioLm, AudioLmConfig, grown, predicted
from earwitness.codecs.generate.sampling import Sampler
from torch import Tensor

SMALL = {
    **{"dim": 32, "heads": 2, "layers": 2, "hidden": 48, "unit_dim": 16, "unit_layers": 2, "unit_hidden": 32},
    **{"units": 8, "codebook": 16, "window": 16, "corrupt": 0.0, "unit_corrupt": 0.0},
}
GREEDY = Sampler(temperature=0.0, window=0)


@pytest.fixture
def model() -> AudioLm:
    """Weights larger than at the start of training, so that the past matters."""
    torch.manual_seed(0)
    network = AudioLm(AudioLmConfig.model_validate(SMALL)).eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.mul_(4.0 if weight.dim() > 1 and "around" not in name and "voice" not in name else 1.0)
    return network


@pytest.fixture
def prompt() -> Tensor:
    return 0.1 * torch.randn(1, 4096, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_units_are_drawn_with_the_cache_as_predicted_without(model: AudioLm) -> None:
    given = [3, 1, 5]
    drawn = model.more_units(given, 10, GREEDY, torch.Generator())
    every = torch.tensor([[SMALL["units"], *given, *drawn]])
    logits = predicted(model.units, model.semantic, every[:, :-1], None)[0, :, : SMALL["units"]]
    assert logits.argmax(-1)[len(given) :].tolist() == drawn


@torch.no_grad()
def test_codes_are_drawn_with_the_cache_as_predicted_without(model: AudioLm, prompt: Tensor) -> None:
    units, given = [3, 1, 5, 5, 2, 0, 7, 7], [4, 9, 9, 2]
    drawn = model.more_codes(units, given, prompt, GREEDY, torch.Generator())
    assert len(drawn) == CODES * len(units) - len(given)
    condition = model.conditions(torch.tensor([units]), prompt)
    past = torch.tensor([[SMALL["codebook"], *given, *drawn]])[:, :-1]
    logits = predicted(model.codes, model.body, past, condition)[0, :, : SMALL["codebook"]]
    assert logits.argmax(-1)[len(given) :].tolist() == drawn


@torch.no_grad()
def test_a_full_window_is_begun_anew_with_its_later_half(model: AudioLm) -> None:
    given = [int(k) for k in torch.randint(0, 8, (30,), generator=torch.Generator().manual_seed(2))]
    drawn = grown(model.units, model.semantic, None, given, 20, 16, GREEDY, torch.Generator())
    said, begun = list(given), len(given) - 8
    for code in drawn:
        # A window of 16 holds the start and the 15 before the one that is drawn.
        if len(said) - begun == 16:
            begun = len(said) - 8
        past = torch.tensor([[SMALL["units"], *said[begun:]]])
        assert int(predicted(model.units, model.semantic, past, None)[0, -1, :8].argmax()) == code
        said.append(code)


@torch.no_grad()
def test_the_seed_decides_and_steps_are_told(model: AudioLm, prompt: Tensor) -> None:
    def say(seed: int, ticks: list[int] | None = None) -> list[int]:
        sampler, generator = Sampler(top_k=0, top_p=1.0, window=0), torch.Generator().manual_seed(seed)
        units = model.more_units([1, 2], 12, sampler, generator)
        return model.more_codes([1, 2, *units], [0] * 4, prompt, sampler, generator, (ticks or []).append)

    ticks: list[int] = [0]
    assert say(0, ticks) == say(0) != say(1)
    assert ticks == list(range(25))


@torch.no_grad()
def test_codes_follow_the_units_around_them_and_the_voice(model: AudioLm, prompt: Tensor) -> None:
    units = torch.tensor([[3, 1, 5, 5, 2, 0, 7, 7, 1, 1, 4, 4]])
    other = units.clone()
    other[:, -1] = 0
    one, two = model.conditions(units, prompt), model.conditions(other, prompt)
    assert one.shape == (1, CODES * 12, 32)
    changed = (one - two).abs().amax(-1)[0] > 1e-7
    # A kernel of 5 reaches two units back.
    assert changed.tolist() == [False] * CODES * 9 + [True] * CODES * 3
    assert not torch.allclose(one, model.conditions(units, 0.5 * prompt.flip(1)))


def test_no_code_is_a_mark_and_padding_is_not_learnt(model: AudioLm, prompt: Tensor) -> None:
    table = torch.randint(0, 8, (2, CODES + 1, 12), generator=torch.Generator().manual_seed(3))
    batch = {"codes": table, "prompt": prompt.expand(2, -1)}
    with torch.no_grad():
        whole = model.losses(batch)
    longer = torch.cat([table, torch.full((2, CODES + 1, 3), -1)], dim=-1)
    with torch.no_grad():
        padded = model.losses({**batch, "codes": longer})
    assert float(whole["unit"]) == pytest.approx(float(padded["unit"]), abs=1e-5)
    with torch.no_grad():
        model.units.outlet.bias[-1] = model.codes.outlet.bias[-1] = 1e6
    drawn = model.more_units([1], 30, Sampler(window=0), torch.Generator().manual_seed(0))
    assert max(drawn) < SMALL["units"]
