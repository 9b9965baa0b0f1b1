from __future__ import annotations

import torch
from earwitness.codecs.packed_weights import pack, unpack


def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "body.weight": torch.randn(64, 32, 3) * torch.logspace(-4, 0, 64)[:, None, None],
        "body.bias": torch.randn(64),
        "quantiser.codebook": torch.randn(512, 32),
        "quantiser.active": torch.tensor(True),
    }


def test_a_small_state_is_halved() -> None:
    before = state()
    packed = pack(before)
    assert packed.keys() == before.keys() and packed["body.weight"].dtype == torch.float16
    after = unpack(packed)
    assert after["quantiser.active"].dtype == torch.bool
    for name in ("body.weight", "body.bias", "quantiser.codebook"):
        assert torch.equal(after[name], before[name].half().float())


def test_a_large_state_has_its_largest_matrix_in_bytes_row_by_row() -> None:
    before = state()
    packed = pack(before, limit=45_000)
    assert packed["body.weight"].dtype == torch.int8 and packed["quantiser.codebook"].dtype == torch.float16
    assert sum(value.nbytes for value in packed.values()) <= 45_000
    after = unpack(packed)
    assert after.keys() == before.keys()
    gap = (after["body.weight"] - before["body.weight"]).abs().flatten(1).amax(1)
    peak = before["body.weight"].abs().flatten(1).amax(1)
    assert bool((gap <= peak / 127).all()) and bool((gap > 0).any())


def test_what_was_packed_is_exact_in_float16_and_packs_to_the_same() -> None:
    before = state()
    before["body.weight"][:3] *= torch.tensor([1e-3, 1e-4, 0.0])[:, None, None]
    once = unpack(pack(before, limit=45_000))
    for value in once.values():
        assert torch.equal(value, value.half().to(value.dtype))
    again = unpack(pack(once, limit=45_000))
    assert all(torch.equal(again[name], value) for name, value in once.items())
