"""Training the listener: marked speech behind codecs, tile by tile; the chip is the label. Needs torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.audio import Audio, Samples, exactly
from ..core.files import replacing
from ..core.recipe import Strict
from ..core.settings import Optimiser, Schedule
from ..core.train import BatchSource, fit
from ..core.weights import Card, write_card
from .bands import integral, levels, power, running_energy, transform
from .chips import ChipSource, RecordChips
from .embedder import Embedder
from .key import Key
from .layout import CHIP_HOPS, HOP, RATE, VERSION
from .listener import FEATURES, features

Floats = NDArray[np.float32]
# Speech behind an attack: (name, sound, seed) -> sound of the same rate.
Attack = Callable[[str, Audio, int], Audio]


class ListenerRecipe(Strict):
    """How the listener is trained."""

    name: str
    strength: float
    # Clips that are marked, speaker by speaker.
    clips: int
    # Each clip is heard behind `each` attacks drawn from these (seeded).
    attacks: tuple[str, ...]
    each: int
    seconds: float
    hidden: tuple[int, ...]
    batch: int
    seed: int
    optimiser: Optimiser
    schedule: Schedule


class Rows:
    """A batch source over rows (n, FEATURES + 1) of features and chip; float16 in memory."""

    def __init__(self, rows: NDArray[np.float16], batch: int, seed: int, digest: str) -> None:
        self._rows, self._batch, self._seed, self.digest = rows, batch, seed, digest

    def batch(self, step: int) -> Floats:
        """float32 (batch, 1, FEATURES + 1)."""
        chosen = np.random.default_rng([self._seed, step]).integers(0, len(self._rows), self._batch)
        return self._rows[chosen].astype(np.float32)[:, None]


class ListenerTask:
    """Implements core.train.Task: the log-odds of each chip, by logistic loss."""

    def __init__(self, hidden: Sequence[int]) -> None:
        sizes = [FEATURES, *hidden, 1]
        layers: list[nn.Module] = []
        for inside, outside in pairwise(sizes):
            layers += [nn.Linear(inside, outside), nn.ReLU()]
        self.network = nn.Sequential(*layers[:-1])
        self.networks: Mapping[str, nn.Module] = {"generator": self.network}

    def prepare(self, step: int, source: BatchSource) -> None:
        """Nothing is done once."""

    def turns(self, step: int) -> Sequence[str]:
        return ("generator",)

    def loss(self, turn: str, batch: Tensor, step: int) -> tuple[Tensor, dict[str, float]]:
        odds = self.network(batch[:, 0, :-1])[:, 0]
        loss = F.softplus(-odds * batch[:, 0, -1]).mean()
        return loss, {"loss": float(loss.detach())}


def hear(recipe: ListenerRecipe, clips: Iterable[Samples], attack: Attack) -> NDArray[np.float16]:
    """Rows (n, FEATURES + 1) from speech clips (1, n) at 16 kHz, each marked under a key of its own."""
    rows = []
    for index, clip in enumerate(clips):
        rng = np.random.default_rng([recipe.seed, index])
        key, handle = Key(rng.bytes(32)), int(rng.integers(2**32))
        embedder = Embedder(RATE, 1, key, handle, recipe.strength)
        clip = clip[:, : round(recipe.seconds * RATE)]
        marked = np.concatenate([embedder.push(clip), embedder.finish()], axis=1)
        source = ChipSource(key)
        for name in rng.choice(recipe.attacks, recipe.each, replace=False):
            heard = exactly(attack(str(name), Audio(marked, RATE), int(rng.integers(2**31))).samples, marked.shape[1])
            rows.append(_rows(heard[0], source.periods(handle), source.start(handle)))
    return np.concatenate(rows)


def _rows(heard: Samples, chips: RecordChips, start: int) -> NDArray[np.float16]:
    level = levels(running_energy(integral(power(transform(heard)))), 0, CHIP_HOPS, len(heard) // (CHIP_HOPS * HOP))
    labels = chips.blocks(start, level.shape[1])
    table = np.concatenate([features(level), labels[..., None]], axis=-1)
    return table.reshape(-1, FEATURES + 1).astype(np.float16)


def train(recipe: ListenerRecipe, rows: NDArray[np.float16], out: Path) -> Path:
    """Fit the listener to rows of `hear` into `out`: <name>.npz (float16) and its card; returns the card."""
    data_digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()
    recipe_digest = hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()
    task = ListenerTask(recipe.hidden)
    source = Rows(rows, recipe.batch, recipe.seed, data_digest)
    identity = {"recipe": recipe.name, "recipe_digest": recipe_digest, "data_digest": data_digest}
    trained = fit(
        task,
        source,
        optimiser=recipe.optimiser,
        schedule=recipe.schedule,
        seed=recipe.seed,
        out=out,
        identity=identity,
        device="cpu",
    ).generator
    # The average of the last steps, which core.train exports.
    linear = [layer for layer in trained.modules() if isinstance(layer, nn.Linear)]
    arrays: dict[str, NDArray[np.float16]] = {}
    for index, layer in enumerate(linear):
        arrays[f"weight{index}"] = layer.weight.detach().numpy().T.astype(np.float16)
        arrays[f"bias{index}"] = layer.bias.detach().numpy().astype(np.float16)
    file = out / f"{recipe.name}.npz"
    with replacing(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
    card = Card(
        name=recipe.name,
        kind="watermark",
        folder=out,
        version="1",
        summary="soft chips of the watermark from the levels around a tile",
        licence="Apache-2.0",
        recipe=recipe.name,
        recipe_digest=recipe_digest,
        data_digest=data_digest,
        seed=recipe.seed,
        metrics={"tiles": len(rows)},
        settings={"scheme": VERSION},
    )
    return write_card(card, {"numpy": file})
