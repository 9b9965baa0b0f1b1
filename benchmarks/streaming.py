"""StreamCodec as a stream, beside Lyra v2: time for each 20-ms frame on one thread, and PESQ when packets are lost.

    python benchmarks/streaming.py --data AUDIO --lyra LYRA [--per-corpus 4]

AUDIO is a folder with a manifest.csv (split "test" is used), LYRA the folder of Lyra v2's TFLite files. A packet
holds 20 ms. Lost packets are drawn at random, the same for both codecs; both fill a gap with the codes that came
last, StreamCodec through its own concealment, Lyra v2 as a plain repeat (its TFLite files hold no concealment).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from clips import test_speech
from earwitness.codecs import pretrained, stream
from earwitness.codecs.pretrained_lyra import LyraEngine
from earwitness.core import audio
from numpy.typing import NDArray
from pesq import NoUtterancesError, pesq

RATE, PACKET = 16_000, 320
LOSSES = (0.0, 0.05, 0.1, 0.2)
BOOKS = 46

Floats = NDArray[np.float32]
Coder = Callable[[Floats, NDArray[np.bool_]], tuple[Floats, list[float]]]


def ours(wave: Floats, lost: NDArray[np.bool_]) -> tuple[Floats, list[float]]:
    encoder, decoder = stream.open("streamcodec")
    heard, spent = [], []
    for packet, gone in zip(wave.reshape(-1, PACKET), lost, strict=True):
        begun = time.perf_counter()
        codes = encoder.push(packet)
        heard.append(decoder.lost(codes.shape[1]) if gone else decoder.push(codes))
        spent.append(time.perf_counter() - begun)
    heard.append(decoder.push(encoder.finish()))
    return np.concatenate(heard)[: wave.size], spent


def lyra(engine: LyraEngine) -> Coder:
    def run(wave: Floats, lost: NDArray[np.bool_]) -> tuple[Floats, list[float]]:
        encoder, decoder = engine.encoder(), engine.decoder()
        last = np.zeros(BOOKS, dtype=np.int64)
        heard, spent = [], []
        for packet, gone in zip(wave.reshape(-1, PACKET), lost, strict=True):
            begun = time.perf_counter()
            codes = encoder(packet)
            last = last if gone else codes
            heard.append(decoder(last))
            spent.append(time.perf_counter() - begun)
        return np.concatenate(heard), spent

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description="Streaming codecs: time and loss.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lyra", type=Path, required=True)
    parser.add_argument("--per-corpus", type=int, default=4)
    chosen = parser.parse_args()
    waves = []
    for clip in test_speech(chosen.data, chosen.per_corpus):
        wave = audio.load(chosen.data / clip.path, rate=RATE).mono().samples[0]
        waves.append(np.ascontiguousarray(wave[: wave.size // PACKET * PACKET]))
    engine = pretrained.open("lyra-v2", chosen.lyra).engine
    assert isinstance(engine, LyraEngine)
    coders: dict[str, Coder] = {"streamcodec (4 kbit/s)": ours, "lyra-v2 (9.2 kbit/s)": lyra(engine)}
    print(f"{len(waves)} clips, {sum(wave.size for wave in waves) / RATE:.0f} s\n")
    print("| codec | lost | PESQ-WB | ms for 20 ms, median | 99 % | RTF |\n|---|---|---|---|---|---|")
    for name, coder in coders.items():
        for loss in LOSSES:
            scores, times = [], []
            for number, wave in enumerate(waves):
                gone = np.random.default_rng(number).random(wave.size // PACKET) < loss
                heard, spent = coder(wave, gone)
                times += spent
                try:
                    scores.append(pesq(RATE, wave, heard, "wb"))
                except NoUtterancesError:
                    continue
            median, slow = 1000 * np.median(times), 1000 * np.quantile(times, 0.99)
            rtf = np.mean(times) / (PACKET / RATE)
            print(f"| {name} | {loss:.0%} | {np.mean(scores):.2f} | {median:.2f} | {slow:.2f} | {rtf:.3f} |")


if __name__ == "__main__":
    main()
