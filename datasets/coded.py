"""The codes of every clip of an aligned pack, made once for each codec and kept beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.generate.prompt import levelled
from ..codecs.neural import NeuralCodec
from ..core.audio import Audio
from ..core.errors import DataError
from ..core.files import replacing
from .aligned import Aligned


def codes(
    aligned: Aligned, codec: NeuralCodec, progress: Callable[[int, int], None] | None = None
) -> list[NDArray[np.int16]]:
    """(levels, frames) of each clip at the level that generators learn.

    They are read from `codes-<codec>.npz` in the folder when the codec's weights made that file, else made and
    written there. Raises DataError when the codec's rate is not the pack's.
    """
    packed, spec = aligned.packed, codec.spec
    if spec.rate != packed.rate:
        raise DataError(f"{codec.name} works at {spec.rate} Hz, and the pack is at {packed.rate} Hz.")
    file = packed.folder / f"codes-{codec.name}.npz"
    identity = f"{packed.digest} {spec.digest}"
    if file.is_file():
        with np.load(file, allow_pickle=False) as stored:
            if str(stored["identity"]) == identity:
                return np.split(stored["codes"], stored["borders"], axis=1)
    made: list[NDArray[Any]] = []
    for number in range(len(packed.clips)):
        wave = levelled(packed.wave(number))
        made.append(codec.encode(Audio(wave[None], spec.rate)).codes.astype(np.int16))
        if progress is not None:
            progress(number + 1, len(packed.clips))
    borders = np.cumsum([part.shape[1] for part in made])[:-1]
    with replacing(file) as temporary:
        np.savez_compressed(
            temporary, codes=np.concatenate(made, axis=1), borders=borders, identity=np.array(identity)
        )
    return made
