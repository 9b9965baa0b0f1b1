"""The statistics expert's third view: a few small perceptrons on the same statistics, averaged. Torch, for training.

There are thousands of statistics and only some thousand clips, so each perceptron hears through heavy dropout,
without some families at a time, and hears mixtures of clips (Zhang et al., mixup: Beyond empirical risk minimization,
2018, section 2).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import erf
from torch import Tensor, nn
from torch.nn import functional as F

from ..core import recipe
from ..core.settings import Optimiser, Schedule
from ..core.train import OneNetwork, fit, identity
from .linear import Floats


class PerceptronRecipe(recipe.Strict):
    """members: perceptrons. hidden: units in each of two layers. inputs, units, groups: shares dropped of statistics,
    of units, of families. mix: alpha of the beta distribution that mixtures are drawn from. batch: clips of either
    class. copies: what a clip by other systems that went through a chain counts, beside what it would otherwise.
    share: what the view counts beside one of the others, whose deviation over the training clips is 1."""

    members: int = Field(default=3, ge=1)
    hidden: int = Field(default=64, ge=1)
    inputs: float = Field(default=0.3, ge=0, lt=1)
    units: float = Field(default=0.5, ge=0, lt=1)
    groups: float = Field(default=0.2, ge=0, lt=1)
    mix: float = Field(default=0.3, gt=0)
    batch: int = Field(default=64, ge=1)
    copies: float = Field(default=1.0, ge=0)
    share: float = Field(default=2.0, ge=0)
    optimiser: Optimiser = Optimiser(rate=1e-3, betas=(0.9, 0.999), weight_decay=0.5, warmup=30, final=0.0, clip=5.0)
    schedule: Schedule = Schedule(steps=400, ema=0.9, log_every=400, checkpoint_minutes=60.0)


class Perceptrons(nn.Module):
    """Standardised statistics (batch, size) -> logits (batch, members). sizes: of the groups of statistics."""

    group: Tensor

    def __init__(self, sizes: Sequence[int], settings: PerceptronRecipe) -> None:
        super().__init__()
        self.settings = settings
        members, hidden = settings.members, settings.hidden
        self.register_buffer("group", torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes)))
        self.inward = _table(members, sum(sizes), hidden)
        self.between = _table(members, hidden, hidden)
        self.outward = _table(members, hidden, 1)
        self.offsets = nn.ParameterList(nn.Parameter(torch.zeros(members, 1, n)) for n in (hidden, hidden, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = x.expand(self.settings.members, *x.shape)  # (members, batch, size)
        if self.training:
            kept = torch.rand(*x.shape[:2], int(self.group[-1]) + 1, device=x.device) >= self.settings.groups
            x = F.dropout(x * kept[:, :, self.group], self.settings.inputs)
        for table, offset in zip((self.inward, self.between), self.offsets, strict=False):
            x = F.dropout(F.gelu(x @ table + offset), self.settings.units, self.training)
        logits: Tensor = (x @ self.outward + self.offsets[2])[:, :, 0].T
        return logits


def _table(members: int, inputs: int, outputs: int) -> nn.Parameter:
    return nn.Parameter((torch.rand(members, inputs, outputs) * 2 - 1) * inputs**-0.5)


@dataclass(frozen=True, eq=False)
class Layers:
    """Averaged perceptrons as tables. inward: (size, members * hidden); between: (members, hidden, hidden); outward:
    (members, hidden), their mean and the view's unit in it; the offsets by member; `offset` of the whole."""

    inward: Floats
    inward_offset: Floats
    between: Floats
    between_offset: Floats
    outward: Floats
    offset: float

    @classmethod
    def empty(cls, size: int) -> Layers:
        """One perceptron that says 0."""
        one = np.zeros((1, 1))
        return cls(np.zeros((size, 1)), one[0], one[None], one, one, 0.0)

    @classmethod
    def of(cls, model: Perceptrons) -> Layers:
        """A trained model, its first table on the grid of float16, as it is stored."""
        inward, between, outward = (
            table.detach().cpu().double().numpy() for table in (model.inward, model.between, model.outward)
        )
        first, second, last = (value.detach().cpu().double().numpy()[:, 0] for value in model.offsets)
        members, size, hidden = inward.shape
        flat = inward.transpose(1, 0, 2).reshape(size, members * hidden).astype(np.float16).astype(np.float64)
        return cls(flat, first.reshape(-1), between, second, outward[:, :, 0] / members, float(last.mean()))

    def scaled(self, unit: float) -> Layers:
        """The same with scores divided by `unit`."""
        return replace(self, outward=self.outward / unit, offset=self.offset / unit)

    def score(self, standard: Floats) -> Floats:
        """Standardised statistics (n, size) -> (n,)."""
        members, hidden = self.outward.shape
        x = _gelu(standard @ self.inward + self.inward_offset).reshape(-1, members, hidden)
        x = _gelu(np.einsum("nmh,mhk->nmk", x, self.between) + self.between_offset)
        score: Floats = (x * self.outward).sum(axis=(1, 2)) + self.offset
        return score


def _gelu(x: Floats) -> Floats:
    found: Floats = 0.5 * x * (1.0 + erf(x / np.sqrt(2.0)))
    return found


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Implements core.train.TableSource: mixtures of clips, as standardised statistics, drawn by weight."""

    x: NDArray[np.float32]
    synthetic: NDArray[np.bool_]
    weight: Floats
    settings: PerceptronRecipe
    seed: int

    @property
    def digest(self) -> str:
        """Of the statistics."""
        return hashlib.sha256(self.x.tobytes() + self.synthetic.tobytes() + self.weight.tobytes()).hexdigest()

    def batch(self, step: int) -> Mapping[str, NDArray[Any]]:
        """x (clips, size), synthetic (clips,), 0 to 1: half of the clips of each class before they are mixed."""
        rng = np.random.default_rng((self.seed, step))
        rows = np.concatenate([self._drawn(rng, self.synthetic), self._drawn(rng, ~self.synthetic)])
        other = rng.permutation(rows)
        share = rng.beta(self.settings.mix, self.settings.mix, len(rows)).astype(np.float32)
        x = self.x[rows] * share[:, None] + self.x[other] * (1 - share)[:, None]
        synthetic = self.synthetic[rows] * share + self.synthetic[other] * (1 - share)
        return {"x": x, "synthetic": synthetic.astype(np.float32)}

    def _drawn(self, rng: np.random.Generator, of: NDArray[np.bool_]) -> NDArray[np.intp]:
        weight = np.where(of, self.weight, 0.0)
        return rng.choice(len(weight), self.settings.batch, p=weight / weight.sum())


class PerceptronTask(OneNetwork):
    """Implements core.train.Task: cross entropy, the same mixtures for all perceptrons, each with its own dropout."""

    def __init__(self, model: Perceptrons) -> None:
        super().__init__(model)
        self.model = model

    def loss(self, turn: str, batch: Mapping[str, Tensor], step: int) -> tuple[Tensor, dict[str, float]]:
        """Mean over clips and perceptrons."""
        logits = self.model(batch["x"])
        loss = F.binary_cross_entropy_with_logits(logits, batch["synthetic"][:, None].expand_as(logits))
        return loss, {"cross_entropy": float(loss.detach())}


def fit_perceptrons(
    standard: Floats,
    synthetic: NDArray[np.bool_],
    weight: Floats,
    sizes: Sequence[int],
    settings: PerceptronRecipe,
    seed: int,
) -> Layers:
    """Train on standardised statistics (n, size), drawn by `weight` within each class. sizes: of their groups."""
    source = Mixtures(standard.astype(np.float32), synthetic, weight, settings, seed)
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        trained = fit(
            PerceptronTask(Perceptrons(sizes, settings)),
            source,
            optimiser=settings.optimiser,
            schedule=settings.schedule,
            seed=seed,
            out=Path(folder),
            identity=identity("perceptrons", "", seed, source),
            device="cpu",
        )
    model = trained.generator
    assert isinstance(model, Perceptrons)
    return Layers.of(model)
