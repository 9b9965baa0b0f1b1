from __future__ import annotations

import pytest
import torch
from earwitness.codecs.neural import UNUSED
from earwitness.codecs.parts.quantise import EmaVq, Fsq, ResidualQuantiser


def latents(count: int = 4000, dim: int = 8) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(count, dim) @ torch.randn(dim, dim)


def ready(stages: list[EmaVq | Fsq], data: torch.Tensor) -> ResidualQuantiser:
    quantiser = ResidualQuantiser(stages)
    quantiser.initialise(data)
    return quantiser.eval()


@pytest.mark.parametrize("first", [EmaVq(8, 64), Fsq(8, (8, 5, 5, 5))])
def test_each_stage_leaves_a_smaller_residual(first: EmaVq | Fsq) -> None:
    data = latents()
    quantiser = ready([first, EmaVq(8, 64), EmaVq(8, 64)], data)
    x = data[:500].T[None]
    errors = [float((quantiser(x, used)[0] - x).square().mean()) for used in (1, 2, 3)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[0] < float(x.square().mean())


def test_decode_of_encode_equals_forward() -> None:
    data = latents()
    quantiser = ready([Fsq(8, (8, 5, 5, 5)), EmaVq(8, 64)], data)
    x = data[:64].T[None]
    quantised, codes, _ = quantiser(x)
    assert torch.equal(quantiser.encode(x), codes)
    assert torch.allclose(quantiser.decode(codes), quantised, atol=1e-4)


def test_an_unused_stage_adds_nothing() -> None:
    data = latents()
    quantiser = ready([Fsq(8, (4, 4)), EmaVq(8, 32)], data)
    x = data[:64].T[None]
    quantised, codes, _ = quantiser(x, 1)
    assert (codes[:, 1] == UNUSED).all() and (codes[:, 0] >= 0).all()
    assert torch.allclose(quantiser.decode(codes), quantised, atol=1e-4)


def test_fsq_uses_its_levels_after_the_start_on_principal_axes() -> None:
    data = latents()
    stage = Fsq(8, (8, 5, 5, 5))
    stage.initialise(data)
    codes = stage.encode(data.T[None])
    assert int(codes.min()) >= 0 and int(codes.max()) < 1000
    assert len(torch.unique(codes)) > 300


def test_dead_codes_are_replaced_while_training() -> None:
    stage = EmaVq(8, 64, decay=0.5)
    data = latents()
    stage.initialise(data)
    stage.codebook[:32] = 1e3
    stage.total[:32] = 1e3
    stage.train()
    for _ in range(20):
        stage(data.T[None])
    assert float(stage.codebook.abs().max()) < 100
    assert len(torch.unique(stage.encode(data.T[None]))) > 55


def test_gradients_pass_straight_through() -> None:
    quantiser = ready([EmaVq(8, 64)], latents())
    x = latents()[:16].T[None].requires_grad_()
    quantiser(x)[0].sum().backward()
    assert torch.allclose(x.grad, torch.ones_like(x))  # type: ignore[arg-type]
