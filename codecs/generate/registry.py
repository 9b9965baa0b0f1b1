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
from .recipe import GeneratorRecipe

if TYPE_CHECKING:
    from .continuation import Continuer
    from .recogniser import Recogniser
    from .speaker import Speaker

KIND = "generator"
_NEEDS_TORCH = "{!r} runs with torch: pip install 'earwitness[train]'."


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
    untrained = (recipe for name, recipe in _shipped().items() if name not in cards)
    return [*rows, *(Listing(recipe.name, recipe.summary, False) for recipe in untrained)]


def _shipped() -> dict[str, GeneratorRecipe]:
    """Shipped recipes of generators by name."""
    every = {name: recipes.load(name) for name in core_recipe.shipped(recipes.PACKAGE)}
    return {name: recipe for name, recipe in every.items() if recipe.kind == KIND}


def find(name: str) -> Card:
    """The card of a name, or of a training's folder. Raises UsageError, and WeightsError for an untrained one."""
    if (card := _known(name, KIND)) is not None:
        return card
    if name in _shipped():
        raise WeightsError(
            f"The generator {name!r} is untrained: there are no weights of it here. Make some with 'earwitness "
            f"dataset align' and 'earwitness train {name} --data ALIGNED --out DIR', and speak with --model DIR."
        )
    listed = ", ".join(row.name for row in listings())
    raise UsageError(f"There is no generator {name!r}; known: {listed}, and folders of a training.")


def _known(name: str, kind: str) -> Card | None:
    """The card of a name or a folder, None for an unknown name. Raises UsageError for a folder without one."""
    known = weights.cards(kind)
    if name in known or not (folder := Path(name)).is_dir():
        return known.get(name)
    cards = [card for file in sorted(folder.glob("*.toml")) if (card := weights.read_card(file)).kind == kind]
    if not cards:
        raise UsageError(f"The folder {name!r} holds no trained {kind}.")
    return cards[0]


def trained_on(card: Card) -> frozenset[str]:
    """`consent.short` digests of the files in the training manifest."""
    return frozenset(weights.path(card, "clips").read_text(encoding="ascii").split())


def open(name: str) -> Speaker:
    """A generator that speaks. Raises as `find`, and MissingPart without torch."""
    card = find(name)
    try:
        from .speaker import Speaker
    except ImportError as error:
        raise MissingPart(_NEEDS_TORCH.format(card.name)) from error
    return Speaker(card)


def open_continuer(name: str) -> Continuer:
    """A generator that continues recordings. Raises as `open`; UsageError for one that speaks texts."""
    card = find(name)
    if card.settings["model"] != "audiolm":
        raise UsageError(f"{card.name!r} speaks texts; only an 'audiolm' continues a recording.")
    found = recogniser(card.settings["units"])
    if found.digest != card.settings["units_sha256"]:
        raise WeightsError(f"{card.name!r} learnt the units of other weights of {found.name!r} than are installed.")
    from .continuation import Continuer

    return Continuer(card, found)


def recogniser(name: str = "phonenet") -> Recogniser:
    """The phone recogniser of a name, or of a training's folder. Raises WeightsError and MissingPart as `open`."""
    card = _known(name, "recogniser")
    if card is None:
        raise WeightsError(
            f"There are no weights of the recogniser {name!r} here. Make some with 'earwitness train phonenet --data "
            "ALIGNED --out DIR'."
        )
    try:
        from .recogniser import Recogniser
    except ImportError as error:
        raise MissingPart(_NEEDS_TORCH.format(card.name)) from error
    return Recogniser(card)
