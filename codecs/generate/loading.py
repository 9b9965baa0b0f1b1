"""The network of a card with its weights."""

from __future__ import annotations

from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from ...core import weights
from ...core.errors import WeightsError
from ...core.weights import Card
from ..packed_weights import unpack
from .builders import build


def loaded(card: Card) -> Any:
    """The network, ready to run. Raises WeightsError when the file does not fit the card."""
    model = build(card.settings["model"], card.settings["arguments"])
    file = weights.path(card, "safetensors")
    try:
        model.load_state_dict(unpack(load_file(file)))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(f"The weights {file.name!r} do not fit {card.name!r}: {error}.") from error
    return model.eval()
