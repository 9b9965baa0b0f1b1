"""Which generators there are, and how one is opened. No torch until one is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...core import recipe as core_recipe
from ...core import weights
from ...core.errors import MissingPart, UsageError, WeightsError
from ...core.weights import Card
from . import recipe as recipes

if TYPE_CHECKING:
    from .speaker import Speaker

KIND = "generator"


@dataclass(frozen=True)
class Listing:
    """One generator; trained: whether there are weights of it here. hours: of training speech."""

    name: str
    summary: str
    trained: bool
    parameters: int = 0
    hours: float = 0.0


def listings() -> list[Listing]:
    """Those with weights, then the shipped recipes without."""
    cards = weights.cards(KIND)
    rows = [
        Listing(name, card.summary, True, int(card.settings["parameters"]), float(card.settings["hours"]))
        for name, card in cards.items()
    ]
    untrained = (name for name in core_recipe.shipped(recipes.PACKAGE) if name not in cards)
    return [*rows, *(Listing(name, recipes.load(name).summary, False) for name in untrained)]


def find(name: str) -> Card:
    """The card of a name, or of a training's folder. Raises UsageError, and WeightsError for an untrained one."""
    known = weights.cards(KIND)
    if name in known:
        return known[name]
    if (folder := Path(name)).is_dir():
        cards = [card for file in sorted(folder.glob("*.toml")) if (card := weights.read_card(file)).kind == KIND]
        if not cards:
            raise UsageError(f"The folder {name!r} holds no trained generator.")
        return cards[0]
    if name in core_recipe.shipped(recipes.PACKAGE):
        raise WeightsError(
            f"The generator {name!r} is untrained: there are no weights of it here. Make some with 'earwitness "
            f"dataset align' and 'earwitness train {name} --data ALIGNED --out DIR', and speak with --model DIR."
        )
    listed = ", ".join(row.name for row in listings())
    raise UsageError(f"There is no generator {name!r}; known: {listed}, and folders of a training.")


def trained_on(card: Card) -> frozenset[str]:
    """`consent.short` digests of the files in the training manifest."""
    return frozenset(weights.path(card, "clips").read_text(encoding="ascii").split())


def open(name: str) -> Speaker:
    """A generator that speaks. Raises as `find`, and MissingPart without torch."""
    card = find(name)
    try:
        from .speaker import Speaker
    except ImportError as error:
        raise MissingPart(f"{card.name!r} runs with torch: pip install 'earwitness[train]'.") from error
    return Speaker(card)
