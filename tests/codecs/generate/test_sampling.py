from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from earwitness.codecs.generate.sampling import Sampler, guided, nucleus, repetition_threshold, top_k


def longest_run(codes: list[int]) -> int:
    longest = run = 1
    for before, code in pairwise(codes):
        run = run + 1 if code == before else 1
        longest = max(longest, run)
    return longest


def say(sampler: Sampler, steps: int, seed: int = 0) -> list[int]:
    """A model caught in a loop: whatever it said last it says again with 99.9 %."""
    generator, codes = torch.Generator().manual_seed(seed), [3]
    for _ in range(steps):
        logits = torch.zeros(64)
        logits[codes[-1]] = 11.0
        codes.append(sampler.draw(logits, codes, generator))
    return codes


def test_repetition_aware_sampling_breaks_a_forced_loop() -> None:
    sampler = Sampler(window=10, threshold=0.3)
    assert longest_run(say(replace(sampler, window=0), 200)) == 201
    assert longest_run(say(sampler, 200)) <= 3
    assert longest_run(say(replace(sampler, temperature=0.0), 200)) <= 3


def test_a_code_that_real_speech_repeats_as_often_is_left_alone() -> None:
    real = [np.repeat(np.arange(40), 4)]
    threshold = repetition_threshold(real, window=10, share=1.0)
    assert threshold == 0.4
    codes = say(Sampler(window=10, threshold=threshold), 100)
    assert longest_run(codes) == 4


def test_top_k_and_nucleus_keep_the_likeliest_and_always_one() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    assert torch.isfinite(top_k(logits, 2)).tolist() == [True, True, False, False]
    assert torch.isfinite(nucleus(logits, 0.79)).tolist() == [True, True, False, False]
    assert torch.isfinite(nucleus(logits, 0.01)).tolist() == [True, False, False, False]
    assert torch.equal(top_k(logits, 0), logits) and torch.equal(nucleus(logits, 1.0), logits)


def test_draws_follow_the_seed_and_the_shares() -> None:
    logits, plain = torch.log(torch.tensor([0.7, 0.3])), Sampler(top_k=0, top_p=1.0, window=0)
    draws = [plain.draw(logits, [], torch.Generator().manual_seed(seed)) for seed in range(300)]
    assert 0.2 < np.mean(draws) < 0.4
    assert draws == [plain.draw(logits, [], torch.Generator().manual_seed(seed)) for seed in range(300)]


def test_a_forbidden_code_never_comes_even_when_the_only_free_one_repeats() -> None:
    logits = torch.tensor([float("-inf"), 0.0, float("-inf")])
    assert Sampler(threshold=0.1).draw(logits, [1] * 10, torch.Generator().manual_seed(0)) == 1


@pytest.mark.parametrize(("scale", "expected"), [(0.0, [0.0, 1.0]), (1.0, [2.0, 0.0]), (2.0, [4.0, -1.0])])
def test_guidance_moves_away_from_the_unconditional(scale: float, expected: list[float]) -> None:
    assert guided(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 1.0]), scale).tolist() == expected
