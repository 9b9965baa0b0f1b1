"""Lyra v2 (google/lyra 1.3.2): its three TFLite files, one 20-ms frame at a time. 16 kHz, up to 46 books of 4 bits.

Google's own bitrates are 3.2, 6 and 9.2 kbit/s (16, 30 and 46 books).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import WeightsError
from ..core.files import sha256
from .neural import Codes, Floats, NeuralCodec, NeuralSpec

HOP, BOOKS = 320, 46
_ENCODER, _QUANTISER, _DECODER = "soundstream_encoder.tflite", "quantizer.tflite", "lyragan.tflite"


def open_lyra(folder: Path) -> NeuralCodec:
    """Lyra v2 from the folder of its files. Raises WeightsError when one is missing."""
    missing = [name for name in (_ENCODER, _QUANTISER, _DECODER) if not (folder / name).is_file()]
    if missing:
        raise WeightsError(f"{str(folder)!r} holds no {', '.join(missing)}; they come with google/lyra.")
    parts = "".join(sha256(folder / name) for name in (_ENCODER, _QUANTISER, _DECODER))
    digest = hashlib.sha256(parts.encode()).hexdigest()
    return NeuralCodec(NeuralSpec("lyra-v2", digest, 16_000, HOP, (4.0,) * BOOKS), LyraEngine(folder))


class LyraEngine:
    """Implements neural.CodecEngine. The networks keep their state inside, so every call starts fresh ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def encode(self, wave: Floats) -> Codes:
        """(1, 1, n) -> (1, 46, frames)."""
        encoder = self.encoder()
        return np.stack([encoder(frame) for frame in wave.reshape(-1, HOP)], axis=1)[None]

    def decode(self, codes: Codes) -> Floats:
        """(1, 46, frames), UNUSED where a book is left out -> (1, 1, n)."""
        decoder = self.decoder()
        return np.concatenate([decoder(frame) for frame in codes[0].T])[None, None]

    def encoder(self) -> Callable[[Floats], Codes]:
        """A fresh encoder: a frame (320,) -> its codes (46,)."""
        analyse = self._runner(_ENCODER, "serving_default")
        quantise = self._runner(_QUANTISER, "encode")

        def encode(frame: Floats) -> Codes:
            features = analyse(input_audio=frame.reshape(1, HOP))["output_0"].reshape(1, 1, 64)
            indices = quantise(input_frames=features, num_quantizers=np.int32(BOOKS))["output_0"]
            return np.asarray(indices[:, 0, 0], dtype=np.int64)

        return encode

    def decoder(self) -> Callable[[Codes], Floats]:
        """A fresh decoder: codes (46,) -> a frame (320,)."""
        restore, speak = self._runner(_QUANTISER, "decode"), self._runner(_DECODER, "serving_default")

        def decode(codes: Codes) -> Floats:
            indices = codes.reshape(BOOKS, 1, 1).astype(np.int32)
            latent = restore(encoding_indices=indices)["output_0"].reshape(1, 1, 64)
            wave: Floats = np.clip(speak(input_audio=latent)["output_0"].reshape(-1), -1, 1).astype(np.float32)
            return wave

        return decode

    def _runner(self, file: str, signature: str) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(str(self.folder / file)).get_signature_runner(signature)
