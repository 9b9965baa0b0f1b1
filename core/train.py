"""The one training loop, on accelerate: codecs, vocoders, language models and detectors all go through `fit`.

A `Task` says what to learn; a `BatchSource` gives batches as a pure function of the step. Everything that a step
depends on is in the checkpoint or derived from (seed, step), so a resumed run equals an unbroken one exactly.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from .. import __version__
from .errors import RecipeError
from .files import replacing
from .settings import Optimiser, Schedule


class BatchSource(Protocol):
    """Training data: a batch is a pure function of the step."""

    digest: str

    def batch(self, step: int) -> NDArray[np.float32]:
        """float32 (batch, 1, samples)."""
        ...


class TableSource(Protocol):
    """Training data whose batch is a table of arrays, such as codes beside phones; a pure function of the step."""

    @property
    def digest(self) -> str:
        """Of the data."""
        ...

    def batch(self, step: int) -> Mapping[str, NDArray[Any]]:
        """Arrays by name, the batch first in each."""
        ...


class Task(Protocol):
    """What to learn. `networks["generator"]` is what is exported; each network has its own optimiser.

    A batch is what the source gives, as tensors on the device: one, or a table of them.
    """

    networks: Mapping[str, nn.Module]

    def prepare(self, step: int, source: Any) -> None:
        """Called before each step, for one-off work such as k-means."""
        ...

    def turns(self, step: int) -> Sequence[str]:
        """Names of the networks to update in this step, in order."""
        ...

    def loss(self, turn: str, batch: Any, step: int) -> tuple[Tensor, dict[str, float]]:
        """Loss of one network's turn, and numbers for the log."""
        ...


class OneNetwork:
    """What is the same in every `Task` with one network and nothing to do once."""

    def __init__(self, model: nn.Module) -> None:
        self.networks: Mapping[str, nn.Module] = {"generator": model}

    def prepare(self, step: int, source: Any) -> None:
        """Nothing is done once."""

    def turns(self, step: int) -> Sequence[str]:
        """The one network."""
        return ("generator",)


@dataclass(frozen=True)
class Trained:
    """Result of `fit`: the averaged generator, its file, and the steps and seconds spent."""

    generator: nn.Module
    file: Path
    steps: int
    seconds: float


def fit(
    task: Task,
    source: BatchSource | TableSource,
    *,
    optimiser: Optimiser,
    schedule: Schedule,
    seed: int,
    out: Path,
    identity: Mapping[str, str],
    device: Literal["auto", "cpu", "cuda"] = "auto",
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> Trained:
    """Train `task` to `schedule.steps`, resuming from `out/checkpoint` when there is one.

    `identity` names what made the result (recipe and data digests ...); it is stored in every file, and a
    checkpoint of another identity is refused with RecipeError.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise RecipeError("The recipe asks for device 'cuda', and this machine has none; use --device cpu.")
    set_seed(seed)
    accelerator = Accelerator(cpu=device == "cpu" or not torch.cuda.is_available())
    networks = {name: network.to(accelerator.device) for name, network in task.networks.items()}
    optimisers = {name: _optimiser(network, name, optimiser) for name, network in networks.items()}
    average = torch.optim.swa_utils.AveragedModel(networks["generator"], avg_fn=_averaging(schedule.ema))
    accelerator.register_for_checkpointing(*networks.values(), *optimisers.values(), average)

    out.mkdir(parents=True, exist_ok=True)
    first = _resume(accelerator, out / "checkpoint", identity)
    started = saved = time.monotonic()
    for step in range(first, schedule.steps):
        task.prepare(step, source)
        batch = _tensors(source.batch(step), accelerator.device)
        logs: dict[str, float] = {}
        for turn in task.turns(step):
            loss, numbers = task.loss(turn, batch, step)
            _set_rate(optimisers[turn], _rate(turn, optimiser) * _factor(step, optimiser, schedule.steps))
            optimisers[turn].zero_grad(set_to_none=True)
            accelerator.backward(loss)
            norm = accelerator.clip_grad_norm_(networks[turn].parameters(), optimiser.clip)
            optimisers[turn].step()
            logs |= numbers | {f"{turn}_norm": float(norm)}
        average.update_parameters(networks["generator"])
        done = step + 1
        if done % schedule.log_every == 0 or done == schedule.steps:
            logs["seconds"] = time.monotonic() - started
            _log(out / "log.jsonl", done, logs)
            if progress is not None:
                progress(done, logs)
        if done in schedule.keep:
            export(average.module, out / f"step-{done:06d}.safetensors", {**identity, "step": str(done)})
        if time.monotonic() - saved > 60 * schedule.checkpoint_minutes or done == schedule.steps:
            _checkpoint(accelerator, out / "checkpoint", done, identity)
            saved = time.monotonic()
    file = out / "model.safetensors"
    export(average.module, file, {**identity, "step": str(schedule.steps)})
    return Trained(average.module.eval(), file, schedule.steps, time.monotonic() - started)


def _tensors(batch: NDArray[Any] | Mapping[str, NDArray[Any]], device: torch.device) -> Tensor | dict[str, Tensor]:
    if isinstance(batch, Mapping):
        return {name: torch.from_numpy(array).to(device) for name, array in batch.items()}
    return torch.from_numpy(batch).to(device)


def identity(recipe: str, recipe_digest: str, seed: int, source: Any) -> dict[str, str]:
    """What made a result, for the files of `fit`. source: has a `digest` and, where they are known, `hours`."""
    made = {
        "recipe": recipe,
        "recipe_digest": recipe_digest,
        "data_digest": source.digest,
        "seed": str(seed),
        "earwitness": __version__,
    }
    if (hours := getattr(source, "hours", None)) is not None:
        made["hours"] = f"{hours:.1f}"
    return made


def export(network: nn.Module, file: Path, metadata: Mapping[str, str]) -> None:
    """Write a network's state as safetensors, whole or not at all."""
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    with replacing(file) as temporary:
        save_file(state, temporary, metadata=dict(metadata))


def _optimiser(network: nn.Module, name: str, settings: Optimiser) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        network.parameters(), lr=_rate(name, settings), betas=settings.betas, weight_decay=settings.weight_decay
    )


def _rate(network: str, settings: Optimiser) -> float:
    return settings.critic_rate if network == "critic" else settings.rate


def _factor(step: int, settings: Optimiser, steps: int) -> float:
    """Linear warm-up, then a cosine down to `final`: a function of the step alone, so nothing to resume."""
    warm = min(1.0, (step + 1) / max(1, settings.warmup))
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(1, steps))))
    return warm * (settings.final + (1 - settings.final) * fall)


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _averaging(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    def average(old: Tensor, new: Tensor, count: Tensor | int) -> Tensor:
        # A short memory at first, so that the random start is forgotten.
        rate = min(decay, (1 + float(count)) / (10 + float(count)))
        return old + (new - old) * (1 - rate)

    return average


def _log(file: Path, step: int, numbers: Mapping[str, float]) -> None:
    with file.open("a", encoding="utf-8") as log:
        log.write(json.dumps({"step": step, **{key: round(value, 5) for key, value in numbers.items()}}) + "\n")


def _checkpoint(accelerator: Accelerator, folder: Path, step: int, identity: Mapping[str, str]) -> None:
    fresh = folder.with_name("checkpoint.new")
    shutil.rmtree(fresh, ignore_errors=True)
    accelerator.save_state(str(fresh))
    (fresh / "state.json").write_text(json.dumps({"step": step, "identity": dict(identity)}), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _resume(accelerator: Accelerator, folder: Path, identity: Mapping[str, str]) -> int:
    file = folder / "state.json"
    if not file.is_file():
        return 0
    state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if state["identity"] != dict(identity):
        raise RecipeError(
            f"{folder.parent} holds a checkpoint of another recipe or other data; choose another --out."
        )
    accelerator.load_state(str(folder))
    return int(state["step"])
