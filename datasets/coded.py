"""The codes and semantic units of every clip of an aligned pack, made once for each model and kept beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.generate.prompt import levelled
from ..codecs.neural import NeuralCodec
from ..core.audio import Audio
from ..core.errors import DataError
from ..core.files import replacing
from .aligned import Aligned

if TYPE_CHECKING:
    from ..codecs.generate.recogniser import Recogniser


def codes(
    aligned: Aligned, codec: NeuralCodec, progress: Callable[[int, int], None] | None = None
) -> list[NDArray[np.int16]]:
    """(levels, frames) of each clip at the level that generators learn.

    They are read from `codes-<codec>.npz` in the folder when the codec's weights made that file, else made and
    written there. Raises DataError when the codec's rate is not the pack's.
    """
    spec = codec.spec
    if spec.rate != aligned.packed.rate:
        raise DataError(f"{codec.name} works at {spec.rate} Hz, and the pack is at {aligned.packed.rate} Hz.")
    return _kept(
        aligned, codec.name, spec.digest, lambda wave: codec.encode(Audio(wave[None], spec.rate)).codes, progress
    )


def units(
    aligned: Aligned, recogniser: Recogniser, progress: Callable[[int, int], None] | None = None
) -> list[NDArray[np.int16]]:
    """The semantic units (1, frames) of each clip, kept as `codes` are."""
    return _kept(aligned, recogniser.name, recogniser.digest, lambda wave: recogniser.units(wave)[None], progress)


def tables(
    codes: Sequence[NDArray[np.int16]], units: Sequence[NDArray[np.int16]], each: int
) -> list[NDArray[np.int16]]:
    """Codes of one level and units of the same clips as one, (each + 1, frames): `each` codes, then their unit."""
    made = []
    for line, unit in zip(codes, units, strict=True):
        frames = min(line.shape[1] // each, unit.shape[1])
        made.append(np.concatenate([line[0, : each * frames].reshape(frames, each).T, unit[:, :frames]]))
    return made


def _kept(
    aligned: Aligned,
    name: str,
    digest: str,
    make: Callable[[NDArray[np.float32]], NDArray[np.int64]],
    progress: Callable[[int, int], None] | None,
) -> list[NDArray[np.int16]]:
    packed = aligned.packed
    file, identity = packed.folder / f"codes-{name}.npz", f"{packed.digest} {digest}"
    if file.is_file():
        with np.load(file, allow_pickle=False) as stored:
            if str(stored["identity"]) == identity:
                return np.split(stored["codes"], stored["borders"], axis=1)
    made: list[NDArray[Any]] = []
    for number in range(len(packed.clips)):
        made.append(make(levelled(packed.wave(number))).astype(np.int16))
        if progress is not None:
            progress(number + 1, len(packed.clips))
    borders = np.cumsum([part.shape[1] for part in made])[:-1]
    with replacing(file) as temporary:
        np.savez_compressed(
            temporary, codes=np.concatenate(made, axis=1), borders=borders, identity=np.array(identity)
        )
    return made
