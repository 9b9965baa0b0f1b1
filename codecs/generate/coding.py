"""The codec whose codes a token model speaks in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import WeightsError
from ...core.weights import Card
from .. import zoo
from ..neural import NeuralCodec
from ..tokens import Tokens


def codec_of(card: Card) -> NeuralCodec:
    """The codec that a generator's card names. Raises WeightsError when other weights of it are installed."""
    name = card.settings["codec"]
    codec = zoo.open_codec(name)
    if not isinstance(codec, NeuralCodec) or codec.spec.digest != card.settings["codec_sha256"]:
        raise WeightsError(f"{card.name!r} learnt the codes of other weights of {name!r} than are installed.")
    return codec


def decoded(codec: NeuralCodec, codes: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """The sound (n,) of codes (levels, frames)."""
    spec, found = codec.spec, codes.astype(np.int64)
    tokens = Tokens(found, spec.name, spec.digest, spec.rate, found.shape[1] * spec.hop_length, spec.code_bits)
    wave: NDArray[np.float32] = codec.decode(tokens).samples[0]
    return wave
