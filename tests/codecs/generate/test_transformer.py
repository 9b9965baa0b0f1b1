from __future__ import annotations

import pytest
import torch
from earwitness.codecs.generate.transformer import GroupedCodes, Transformer, TransformerConfig
from torch import Tensor
from torch.nn import functional as F

CONFIG = TransformerConfig(dim=32, heads=2, layers=3, hidden=48)


def model(causal: bool = True) -> Transformer:
    """Weights larger than at the start of training, so that attention is no mere average."""
    torch.manual_seed(0)
    network = Transformer(CONFIG, causal=causal).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(8.0 if weight.dim() > 1 else 1.0)
    return network


@pytest.mark.parametrize("pieces", [[1] * 20, [12, *[1] * 8], [5, 7, 1, 7], [20]])
@torch.no_grad()
def test_cached_outputs_equal_uncached_ones_however_the_input_is_cut(pieces: list[int]) -> None:
    network, x = model(), torch.randn(2, 20, 32, generator=torch.Generator().manual_seed(1))
    codes = GroupedCodes(50, 32)
    cache = network.cache(2, 24)
    parts = [network(part, cache) for part in torch.split(x, pieces, dim=1)]
    gap = (codes.logits(torch.cat(parts, 1)) - codes.logits(network(x))).abs().max()
    assert float(gap) < 1e-5 and cache.filled == 20


@torch.no_grad()
def test_a_causal_model_does_not_see_what_comes_and_a_full_one_does() -> None:
    x = torch.randn(1, 10, 32, generator=torch.Generator().manual_seed(2))
    changed = x.clone()
    changed[:, 7:] = 0
    assert torch.allclose(model()(x)[:, :7], model()(changed)[:, :7], atol=1e-6)
    full = model(causal=False)
    assert not torch.allclose(full(x)[:, :7], full(changed)[:, :7], atol=1e-3)


@pytest.mark.parametrize("causal", [True, False])
@torch.no_grad()
def test_padding_changes_nothing(causal: bool) -> None:
    network, x = model(causal), torch.randn(1, 9, 32, generator=torch.Generator().manual_seed(3))
    present = torch.tensor([[True] * 6 + [False] * 3])
    assert torch.allclose(network(x, present=present)[:, :6], network(x[:, :6]), atol=1e-5)


@torch.no_grad()
def test_the_order_of_the_past_matters() -> None:
    network, x = model(), torch.randn(1, 8, 32, generator=torch.Generator().manual_seed(4))
    turned = x[:, [1, 0, *range(2, 8)]]
    assert not torch.allclose(network(x)[:, -1], network(turned)[:, -1], atol=1e-4)


def test_a_full_cache_is_an_error() -> None:
    network = model()
    with pytest.raises(ValueError, match="holds 4"):
        network(torch.zeros(1, 5, 32), network.cache(1, 4))


def test_group_1_equals_plain_autoregression() -> None:
    torch.manual_seed(5)
    codes, network = GroupedCodes(40, 32, group=1), model()
    ids = torch.randint(0, 40, (2, 12))
    plain = F.linear(network(F.embedding(ids, codes.table.weight)), codes.outlet.weight, codes.outlet.bias)
    assert torch.equal(codes.logits(network(codes.embed(ids))), plain)
    assert [name for name, _ in codes.named_parameters()] == ["table.weight", "outlet.weight", "outlet.bias"]


def test_a_group_of_4_predicts_the_four_codes_of_a_step_and_learns_them() -> None:
    torch.manual_seed(6)
    codes, network = GroupedCodes(8, 32, group=4), Transformer(CONFIG, causal=True)
    ids = (torch.arange(24)[None] + torch.arange(4)[:, None]) % 8
    optimiser = torch.optim.AdamW([*codes.parameters(), *network.parameters()], lr=5e-3)

    def loss() -> Tensor:
        given = codes.embed(ids[:, :-4])
        assert given.shape == (4, 5, 32)
        return F.cross_entropy(codes.logits(network(given)).flatten(0, 1), ids[:, 4:].flatten())

    first = loss().item()
    for _ in range(40):
        optimiser.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert loss().item() < 0.2 * first
