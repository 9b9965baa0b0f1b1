"""How fast the offline synthesisers speak: seconds of work for a second of sound, one thread.

    python benchmarks/engines.py [--sentences 5]

Every voice of flite and festival, and the first of the others, reads the same sentences; opening is not counted.
Engines that are not installed are listed with what they lack.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

from earwitness.datasets.engines import Engine, engines
from scan import markdown

SENTENCES = {
    "en": (
        "The old house stood alone at the edge of a quiet wood.",
        "Please call again tomorrow, and ask for the second office on the left.",
        "Nobody had expected the river to rise so quickly in October.",
        "She counted seven boats, three of them under sail.",
        "If the answer is no, why did you come all the way here?",
    ),
    "ja": (
        "今日は良い天気です。",
        "駅までの道を教えてください。",
        "明日の朝、もう一度電話します。",
        "この本はとても面白かったです。",
        "窓を閉めてもいいですか。",
    ),
}


def measure(engine: Engine, voice: str, sentences: tuple[str, ...]) -> tuple[float, float, int]:
    """Seconds of work, seconds of sound, and its rate in Hz."""
    engine.check((voice,))
    engine.speak(sentences[0], voice, 0)
    started = time.perf_counter()
    made = [engine.speak(sentence, voice, seed) for seed, sentence in enumerate(sentences)]
    return time.perf_counter() - started, sum(audio.seconds for audio in made), made[0].rate


def main() -> None:
    parser = argparse.ArgumentParser(description="Real-time factor of the synthesisers.")
    parser.add_argument("--sentences", type=int, default=5, choices=range(1, 6))
    count = parser.parse_args().sentences
    rows = []
    for engine in engines().values():
        if sentence := engine.missing():
            rows.append([engine.name, "", "", "", sentence])
            continue
        spoken = [voice for voice in engine.voices if voice.language.split("-")[0] in SENTENCES]
        # Kokoro's mixtures and espeak-ng's variants all take the same time.
        for voice in spoken if engine.name in ("flite", "festival") else spoken[:1]:
            texts = SENTENCES[voice.language.split("-")[0]][:count]
            work, sound, rate = measure(engine, voice.name, texts)
            rows.append([engine.name, voice.name, f"{rate}", f"{sound:.1f}", f"{work / sound:.3f}"])
    print(markdown(["engine", "voice", "Hz", "seconds of sound", "real-time factor"], rows))


if __name__ == "__main__":
    main()
