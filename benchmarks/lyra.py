"""Google's Lyra v2 from its TFLite files, as the codec that nobody here trained or tuned on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from earwitness.core.audio import Audio, exactly, resample

RATE = 16_000
STAGES = {3.2: 16, 6.0: 30, 9.2: 46}


def resynth(folder: Path, sound: Audio, kbps: float = 9.2) -> Audio:
    """Each channel at 3.2, 6 or 9.2 kbit/s, frame by frame; the same rate and length."""
    coded = resample(sound, RATE)
    back = np.stack([_channel(folder, row, STAGES[kbps]) for row in coded.samples])
    return Audio(exactly(resample(Audio(back, RATE), sound.rate).samples, sound.samples.shape[1]), sound.rate)


def _channel(folder: Path, wave: Any, stages: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    def runner(file: str, signature: str) -> Any:
        # New for each clip, because it keeps its state inside.
        return Interpreter(str(folder / file)).get_signature_runner(signature)

    encode, decode = (runner(f"{name}.tflite", "serving_default") for name in ("soundstream_encoder", "lyragan"))
    quantise, restore = runner("quantizer.tflite", "encode"), runner("quantizer.tflite", "decode")
    parts = []
    for frame in np.pad(wave, (0, -len(wave) % 320)).reshape(-1, 1, 320):
        features = encode(input_audio=frame)["output_0"].reshape(1, 1, 64)
        indices = quantise(input_frames=features, num_quantizers=np.int32(stages))["output_0"]
        latent = restore(encoding_indices=indices)["output_0"].reshape(1, 1, 64)
        parts.append(decode(input_audio=latent)["output_0"].reshape(-1))
    return np.clip(np.concatenate(parts)[: len(wave)], -1, 1).astype(np.float32)
