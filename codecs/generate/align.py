"""Where each phone of a known text lies in a recording: pocketsphinx's aligner, offline, 20 times real time.

Two passes: the words are fixed first, then their phones, in frames of 10 ms. The aligner gives silence at the edges
to the first and last phone unless there is enough of it, so half a second of faint noise is put on both ends and
taken off again from the result.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DataError, MissingPart
from .text import IDS, SIL, dictionary, pronounce

RATE = 16_000
_HOP = 160
# Frame k is 410 samples from 160 k; half-way between the centres of two frames lies their border.
_BORDER = 125
_PAD = RATE // 2
_PAD_LEVEL = 1e-4


@dataclass(frozen=True, eq=False)
class Alignment:
    """Phones in order, silence as SIL, and where each ends.

    ends: int64 (phones,), samples at 16 kHz, rising; the first starts at 0, the last ends with the recording.
    score: mean log likelihood of a frame of speech, in the aligner's own unit: for comparing takes of one text.
    words: first and last + 1 sample of each word, in order.
    """

    phones: tuple[str, ...]
    ends: NDArray[np.int64]
    score: float
    words: tuple[tuple[int, int], ...] = ()


def align(wave: NDArray[np.float32], words: Sequence[str]) -> Alignment:
    """Align (n,) at 16 kHz, full scale 1, with what is said in it, lower-case words without pauses.

    Raises DataError when the words cannot be found in the sound, MissingPart without pocketsphinx.
    """
    if not words:
        raise DataError("There is no word to align.")
    decoder = _aligner()
    for word in words:
        if word not in dictionary() and decoder.lookup_word(word) is None:
            decoder.add_word(word, " ".join(pronounce(word)), True)
    noise = _PAD_LEVEL * np.random.default_rng(0).standard_normal(2 * _PAD)
    padded = np.concatenate([noise[:_PAD], wave, noise[_PAD:]])
    raw = (np.clip(padded, -1, 1) * 32767).astype("<i2").tobytes()
    try:
        decoder.set_align_text(" ".join(words))
        _decode(decoder, raw)
        if decoder.hyp() is None:
            raise DataError(f"The words {' '.join(words)[:60]!r} were not found in the sound.")
        decoder.set_alignment()
        _decode(decoder, raw)
        found = decoder.get_alignment()
    except RuntimeError as error:
        raise DataError(f"The words {' '.join(words)[:60]!r} cannot be aligned: {error}.") from error
    if found is None:
        raise DataError(f"The words {' '.join(words)[:60]!r} were not found in the sound.")
    pieces = [(piece.name, piece.start, piece.duration, piece.score) for piece in found.phones()]
    # The aligner writes its fillers in brackets: <s>, <sil>, [NOISE].
    spoken = [piece for piece in found.words() if piece.name[0] not in "<["]
    borders = [(_place(piece.start, wave.size), _place(piece.start + piece.duration, wave.size)) for piece in spoken]
    return replace(_alignment(pieces, wave.size), words=tuple(pair for pair in borders if pair[0] < pair[1]))


def _place(frame: int, length: int) -> int:
    """The sample of the recording, without padding, at which a frame begins."""
    return int(np.clip(frame * _HOP + _BORDER - _PAD, 0, length))


def _decode(decoder: Any, raw: bytes) -> None:
    # Else the front end carries what it heard before into this recording.
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(raw, full_utt=True)
    decoder.end_utt()


def _alignment(pieces: Sequence[tuple[str, int, int, int]], length: int) -> Alignment:
    """Without the padding, neighbouring silences as one, and fillers such as breath as silence."""
    phones, ends = list[str](), list[int]()
    for name, start, duration, _ in pieces:
        phone = name if name in IDS else SIL
        end = _place(start + duration, length)
        if end <= (ends[-1] if ends else 0):
            continue
        if phones and phone == phones[-1] == SIL:
            ends[-1] = end
        else:
            phones.append(phone)
            ends.append(end)
    spoken = [(duration, score) for name, _, duration, score in pieces if name in IDS and name != SIL]
    if not phones or not spoken:
        raise DataError("The aligner found no phone in the sound.")
    if phones[-1] == SIL:
        ends[-1] = length
    elif ends[-1] < length:
        phones, ends = [*phones, SIL], [*ends, length]
    score = sum(score for _, score in spoken) / sum(duration for duration, _ in spoken)
    return Alignment(tuple(phones), np.array(ends, dtype=np.int64), float(score))


@cache
def _aligner() -> Any:
    if importlib.util.find_spec("pocketsphinx") is None:
        raise MissingPart("Alignment needs pocketsphinx: pip install 'earwitness[train]'.")
    from pocketsphinx import Decoder

    return Decoder(samprate=RATE, loglevel="FATAL", lm=None)
