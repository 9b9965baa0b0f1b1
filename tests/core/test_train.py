from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from earwitness.core.errors import RecipeError
from earwitness.core.settings import Optimiser, Schedule
from earwitness.core.train import fit
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn


class Source:
    digest = "data"

    def batch(self, step: int) -> NDArray[np.float32]:
        return np.random.default_rng(step).standard_normal((4, 1, 8)).astype(np.float32)


class Regression:
    """Learns y = sum(x) with a random mask drawn from torch's global generator: exact resume needs its state."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.networks: Mapping[str, nn.Module] = {"generator": nn.Linear(8, 1), "critic": nn.Linear(1, 1)}

    def prepare(self, step: int, source: object) -> None:
        pass

    def turns(self, step: int) -> tuple[str, ...]:
        return ("generator", "critic") if step % 2 else ("generator",)

    def loss(self, turn: str, batch: Tensor, step: int) -> tuple[Tensor, dict[str, float]]:
        guess = self.networks["generator"](batch[:, 0])
        if turn == "critic":
            loss = (self.networks["critic"](guess.detach()) - 1).square().mean()
        else:
            loss = ((guess - batch[:, 0].sum(1, keepdim=True)) * torch.rand(4, 1)).square().mean()
        return loss, {f"{turn}_loss": loss.item()}


def run(out: Path, steps: int, total: int = 12, identity: str = "a") -> dict[str, Tensor]:
    class Stop(Exception):
        pass

    def progress(step: int, numbers: Mapping[str, float]) -> None:
        if step == steps and steps != total:
            raise Stop

    schedule = Schedule(steps=total, log_every=steps, checkpoint_minutes=0, keep=(4,))
    try:
        fit(
            Regression(),
            Source(),
            optimiser=Optimiser(rate=0.05),
            schedule=schedule,
            seed=7,
            out=out,
            identity={"recipe_digest": identity},
            progress=progress,
        )
    except Stop:
        return {}
    return load_file(out / "model.safetensors")


def test_a_resumed_run_equals_an_unbroken_one_exactly(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", 12)
    run(tmp_path / "broken", 5)
    resumed = run(tmp_path / "broken", 12)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_training_learns_and_keeps_checkpoints(tmp_path: Path) -> None:
    weight = run(tmp_path, 200, total=200)["weight"]
    assert (weight - 1).abs().max() < 0.3
    assert (tmp_path / "step-000004.safetensors").is_file()
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 1


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    run(tmp_path, 12)
    with pytest.raises(RecipeError, match="another recipe"):
        run(tmp_path, 12, identity="b")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cuda"):
        fit(
            Regression(),
            Source(),
            optimiser=Optimiser(),
            schedule=Schedule(steps=1),
            seed=0,
            out=tmp_path,
            identity={},
            device="cuda",
        )
