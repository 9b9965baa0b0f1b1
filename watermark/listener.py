"""From the levels of tiles to soft chips: a value for each tile that does not depend on any key.

Two listeners: `linear` is cheap and ranks the many hypotheses of a search; `network` is a small perceptron on each
tile's neighbourhood, trained on marked speech behind codecs, whose output is the log-odds of the chip being +1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.errors import WeightsError
from ..core.weights import card, path
from .layout import BANDS

Floats = NDArray[np.float32]
# Neighbours of a tile: up to 2 bands and 3 blocks away.
NEAR_BANDS, NEAR_BLOCKS = 2, 3
FEATURES = (2 * NEAR_BANDS + 1) * (2 * NEAR_BLOCKS + 1) + 1
# Differences beyond this many dB say no more (host reduction, clipped).
_CLIP = 6.0
# The level under the loudest 5 % at which a tile counts half, and the slope around it, in dB.
_DEPTH, _SLOPE = 45.0, 4.0
_LOUD = 0.95
# A tile below this level in dB is digital silence and says nothing.
_SILENT = -85.0
# Tiles that the network looks at in one go.
_BATCH = 16384


def loudness(levels: Floats) -> Floats:
    """The level in dB that 5 % of the tiles exceed, from every fourth block: (..., bands, blocks) -> (...)."""
    some = levels[..., ::4].reshape(*levels.shape[:-2], -1)
    place = min(some.shape[-1] - 1, int(_LOUD * some.shape[-1]))
    return np.partition(some, place, axis=-1)[..., place]


def linear(levels: Floats) -> Floats:
    """Soft chips (..., BANDS, blocks) of levels (..., BANDS + 2, blocks): how far a tile stands out, in dB.

    0.3 of each edge neighbour and -0.05 of each corner are taken off the tile; the rest is clipped and weighted down
    where the sound is far below its loudest 5 %.
    """
    across = np.empty_like(levels)
    across[..., 1:-1] = levels[..., :-2] + levels[..., 2:]
    across[..., 0] = levels[..., 0] + levels[..., min(1, levels.shape[-1] - 1)]
    across[..., -1] = levels[..., -1] + levels[..., max(-2, -levels.shape[-1])]
    middle = levels[..., 1:-1, :]
    edges = across[..., 1:-1, :] + levels[..., :-2, :] + levels[..., 2:, :]
    corners = across[..., :-2, :] + across[..., 2:, :]
    stands_out = middle - np.float32(0.3) * edges + np.float32(0.05) * corners
    floor = (loudness(levels) - np.float32(_DEPTH))[..., None, None]
    weight = 1.0 / (1.0 + np.exp(np.clip((floor - middle) * np.float32(1 / _SLOPE), -30.0, 30.0)))
    weight *= middle > _SILENT
    soft: Floats = weight * np.clip(stands_out, -_CLIP, _CLIP)
    return soft


def features(levels: Floats) -> Floats:
    """What the network hears of each tile: (BANDS + 2, blocks) -> (BANDS, blocks, FEATURES).

    The neighbours' levels against its own, its own against the loudest 5 %, and its band.
    """
    bands, blocks = BANDS, levels.shape[1]
    margin = NEAR_BANDS - 1
    wide = np.pad(levels, ((margin, margin), (NEAR_BLOCKS, NEAR_BLOCKS)), mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(wide, (2 * NEAR_BANDS + 1, 2 * NEAR_BLOCKS + 1))[:bands]
    own = levels[1:-1]
    out = np.empty((bands, blocks, FEATURES), np.float32)
    window = near.reshape(bands, blocks, -1) - own[..., None]
    centre = window.shape[-1] // 2
    np.clip(window[..., :centre], -20.0, 20.0, out=out[..., :centre])
    np.clip(window[..., centre + 1 :], -20.0, 20.0, out=out[..., centre:-2])
    out[..., :-2] /= 6.0
    out[..., -2] = np.clip(own - loudness(levels) + np.float32(30.0), -40.0, 40.0) / 15.0
    out[..., -1] = (np.arange(bands, dtype=np.float32) / bands - 0.5)[:, None]
    return out


@dataclass(frozen=True)
class Network:
    """Layers of a perceptron with rectifiers between them: (weight (in, out), bias (out,)) each; the last gives 1."""

    layers: tuple[tuple[Floats, Floats], ...]

    def __call__(self, levels: Floats) -> Floats:
        """Soft chips (BANDS, blocks) in (-1, 1): the expected chip, tanh of half the log-odds."""
        rows = features(levels).reshape(-1, FEATURES)
        out = np.empty(len(rows), np.float32)
        for first in range(0, len(rows), _BATCH):
            x = rows[first : first + _BATCH]
            for index, (weight, bias) in enumerate(self.layers):
                x = x @ weight + bias
                if index < len(self.layers) - 1:
                    np.maximum(x, 0.0, out=x)
            out[first : first + _BATCH] = np.tanh(x[:, 0] / 2)
        soft: Floats = out.reshape(BANDS, levels.shape[1]) * (levels[1:-1] > _SILENT)
        return soft


def read(file: str) -> Network:
    """A network from the .npz that training wrote. Raises WeightsError for a file that holds something else."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            count = len(arrays.files) // 2
            layers = tuple(
                (arrays[f"weight{i}"].astype(np.float32), arrays[f"bias{i}"].astype(np.float32)) for i in range(count)
            )
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{file!r} does not hold the listener of the watermark: {error}.") from error
    if not layers or layers[0][0].shape[0] != FEATURES or layers[-1][0].shape[1] != 1:
        raise WeightsError(f"{file!r} does not hold the listener of the watermark: its shapes do not fit.")
    return Network(layers)


@lru_cache(maxsize=1)
def network() -> Network:
    """The shipped network. Raises WeightsError."""
    return read(str(path(card("listener"), "numpy")))
