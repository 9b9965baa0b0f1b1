"""The fingerprint on speakers that chose none of its constants: misses, false matches, near misses, and the index.

    python benchmarks/fingerprint.py --data AUDIO [--split dev] [--lyra LYRA] [--records 1000000] [--per-speaker 4]

AUDIO is a folder with a manifest.csv. Prints the null of the comparison (unrelated speakers, every offset), the share
of clips that are missed after each codec or attack at 2, 3 and 5 s, how the same sentence by somebody else compares,
and an index of that many records: the clips themselves among made-up ones, with recall and time of a look-up on one
core. The mass is cut from speech of the training speakers in pieces of 0.4-0.8 s, some of them backward or negated;
its landmarks are computed for the first 20,000, and turned by a random constant for each 20,000 more, which keeps how
they crowd but not what they are.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import lyra
import numpy as np
from earwitness.codecs import zoo
from earwitness.core import audio
from earwitness.core.audio import Audio
from earwitness.datasets import readers
from earwitness.datasets.manifest import Clip
from earwitness.watermark import fingerprint_compare
from earwitness.watermark.attacks import attack
from earwitness.watermark.fingerprint import RATE, WORDS_PER_SECOND, Words, fingerprint
from earwitness.watermark.fingerprint_compare import SAME_P, compare, compare_sound
from earwitness.watermark.fingerprint_index import FingerprintIndex
from earwitness.watermark.fingerprint_marks import landmarks
from earwitness.watermark.fingerprint_table import Table

ATTACKS = (
    *("gain:0.2", "mp3:16", "aac:24", "opus:16", "opus:6", "amr-nb:12.2", "amr-nb:4.75", "gsm", "mulaw", "bandpass"),
    *("noise-white:10", "noise-white:5", "babble:5", "room:0.5", "rerecord", "compressor:-36", "denoise"),
    "tile-gains:4",
    *("soundstream:1", "soundstream:2", "soundstream:4", "streamcodec:2", "streamcodec:4", "vocos"),
)
LYRA = ("lyra:9.2", "lyra:6", "lyra:3.2", "lyra:3.2,lyra:3.2")
SHIFTED = ("speed:0.95", "speed:1.03", "speed:1.055", "stretch:0.95", "stretch:1.05", "pitch:0.5", "pitch:1")
SECONDS = (2, 3, 5)
MASS_MADE = 20_000
MASS_WORDS = 500


@dataclass(frozen=True)
class Heard:
    """One clip at 16 kHz with its words."""

    clip: Clip
    sound: Audio
    words: Words


def heard(folder: Path, split: str, per_speaker: int) -> list[Heard]:
    """Speech of one split, at most so many clips of a speaker."""
    seen: dict[str, int] = defaultdict(int)
    found = []
    for clip in sorted(readers.read_folder(folder), key=lambda clip: clip.path):
        if clip.split == split and clip.kind == "speech" and seen[clip.speaker] < per_speaker:
            seen[clip.speaker] += 1
            sound = audio.load(folder / clip.path, rate=RATE).mono()
            found.append(Heard(clip, sound, fingerprint(sound.samples[0])))
    return found


def show_null(clips: list[Heard]) -> None:
    """How far unrelated pairs agree: all offsets, and whole comparisons."""
    rng, scores, values = np.random.default_rng(0), [], []
    for one in clips:
        for other in clips:
            if one.clip.speaker == other.clip.speaker or one.words.size < 150:
                continue
            start = int(rng.integers(one.words.size - 149))
            agreement, words = fingerprint_compare._correlate(one.words[start : start + 150], other.words)
            usable = words >= WORDS_PER_SECOND
            scores.append(agreement[usable] / np.sqrt(32 * words[usable]))
            values.append(compare(one.words, other.words).p_value)
    flat, p = np.concatenate(scores), np.array(values)
    print(f"null: {flat.size} alignments of 3 s, mean {flat.mean():.3f}, spread {flat.std():.3f}")
    for tail, z in ((1e-3, 3.09), (1e-4, 3.72), (1e-5, 4.26), (1e-6, 4.75)):
        print(
            f"  beyond {tail:g}: {np.quantile(flat, 1 - tail):.2f} = {np.quantile(flat, 1 - tail) / z:.2f} x normal"
        )
    shares = ", ".join(f"p <= {level:g}: {np.mean(p <= level):.5f}" for level in (0.1, 0.01, 1e-3, 1e-4, SAME_P))
    print(f"  {p.size} comparisons of whole clips: {shares}; least p {p.min():.2g}\n")


def resynthesise(folder: Path | None) -> Callable[[str, Audio, float | None], Audio]:
    def run(name: str, sound: Audio, kbps: float | None) -> Audio:
        if name == "lyra":
            assert folder is not None
            return lyra.resynth(folder, sound, kbps or 9.2)
        return zoo.open(name).resynth(sound, kbps)

    return run


def show_misses(clips: list[Heard], attacked: Mapping[str, list[Audio]]) -> None:
    """Share of excerpts that are not found in their own clip at p <= 1e-6."""
    print("| attack | " + " | ".join(f"missed of {s} s" for s in SECONDS) + " | bit errors at 3 s |")
    print("| --- |" + " --- |" * (len(SECONDS) + 1))
    for name, sounds in attacked.items():
        cells, errors = [], []
        for seconds in SECONDS:
            missed = tried = 0
            for one, sound in zip(clips, sounds, strict=True):
                query = sound.samples[0, RATE // 2 : RATE // 2 + seconds * RATE]
                if query.size < seconds * RATE:
                    continue
                found = compare_sound(query, one.words) if name in SHIFTED else compare(fingerprint(query), one.words)
                tried, missed = tried + 1, missed + (not found.same)
                errors += [found.bit_error_rate] if seconds == 3 and found.same else []
            cells.append(f"{missed}/{tried}")
        print(f"| {name} | " + " | ".join(cells) + f" | {np.mean(errors) if errors else 0.5:.3f} |")
    print()


def show_sentences(clips: list[Heard]) -> None:
    """The same words again: by the same person, by another."""
    by_text: dict[str, list[Heard]] = defaultdict(list)
    for one in clips:
        if one.clip.text:
            by_text[one.clip.text.lower().strip(" .!?")].append(one)
    values: dict[str, list[float]] = {"same speaker": [], "another speaker": []}
    for many in by_text.values():
        for one, other in combinations(many, 2):
            who = "same speaker" if one.clip.speaker == other.clip.speaker else "another speaker"
            values[who].append(compare(one.words, other.words).p_value)
    for who, found in values.items():
        called = sum(value <= SAME_P for value in found)
        least = f", least p {min(found):.2g}" if found else ""
        print(f"the same sentence, {who}: {len(found)} pairs, {called} called the same{least}")
    print()


def show_splices(clips: list[Heard]) -> None:
    """Clips whose second half is somebody else's: is it found, and is half of it told?"""
    shares = []
    for one, other in zip(clips, clips[1:] + clips[:1], strict=True):
        half = min(one.sound.samples.shape[1], other.sound.samples.shape[1]) // 2
        if one.clip.speaker != other.clip.speaker and half >= 2 * RATE:
            joined = np.concatenate([one.sound.samples[0, :half], other.sound.samples[0, half : 2 * half]])
            shares.append(compare(fingerprint(joined), one.words).share)
    print(
        f"half another voice: share that agrees {np.mean(shares):.2f}, {np.min(shares):.2f} to {np.max(shares):.2f}\n"
    )


def mass(speech: list[Words], records: int) -> tuple[list[Words], Table]:
    """Made-up records (the words of MASS_MADE of them) and their landmarks, numbered from 0."""
    rng = np.random.default_rng(0)
    pool = np.concatenate(speech)
    made, numbers, places, codes = [], [], [], []
    for number in range(min(records, MASS_MADE)):
        pieces = []
        for size in rng.integers(20, 40, MASS_WORDS // 20):
            start = int(rng.integers(pool.size - size))
            piece = pool[start : start + size][:: 1 if rng.random() < 0.5 else -1]
            pieces.append(piece if rng.random() < 0.5 else ~piece)
        words = np.concatenate(pieces)[:MASS_WORDS]
        made.append(words)
        marks = landmarks(words)
        numbers.append(np.full(marks.codes.size, number, np.uint32))
        places.append(marks.places)
        codes.append(marks.codes)
    each = np.concatenate(numbers), np.concatenate(places), np.concatenate(codes)
    turns = [np.uint64(0), *rng.integers(0, 2**64 - 1, -(-records // MASS_MADE) - 1, np.uint64)]
    table = Table(
        np.concatenate([(each[0] + turn * MASS_MADE).astype(np.uint32) for turn in range(len(turns))]),
        np.tile(each[1], len(turns)),
        np.concatenate([each[2] ^ turn for turn in turns]),
    )
    return made, table


def show_index(
    clips: list[Heard], speech: list[Words], attacked: Mapping[str, list[Audio]], records: int, per_attack: int
) -> None:
    """Recall and time of look-ups."""
    start = time.perf_counter()
    made, table = mass(speech, records)
    index = FingerprintIndex()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    index.add_table(table)
    index._records += records
    first = 2**31
    index.extend((first + number, landmarks(one.words)) for number, one in enumerate(clips))
    print(f"index: {len(index)} records, {sum(map(len, index._tables)) / 1e6:.1f} M landmarks, made in "
          f"{time.perf_counter() - start:.0f} s; process at its largest {before:.2f} GB")  # fmt: skip
    arrays = sum(part.numbers.nbytes + part.places.nbytes + part.codes.nbytes for part in index._tables)
    arrays += sum(a.nbytes for part in index._tables for a in (*part._orders, *part._offsets))
    print(f"  the index itself: {arrays / 1e9:.2f} GB")

    def fetch(numbers: list[int]) -> dict[int, tuple[str, Words]]:
        return {
            n: (str(n - first), clips[n - first].words) if n >= first else ("mass", made[n % len(made)])
            for n in numbers
        }

    print("| attack | " + " | ".join(f"found of {s} s" for s in SECONDS) + " | p50 ms | p95 ms | wrong |")
    print("| --- |" + " --- |" * (len(SECONDS) + 3))
    for name, sounds in attacked.items():
        cells, times, wrong = [], [], 0
        for seconds in SECONDS:
            right = tried = 0
            for number, sound in enumerate(sounds[:per_attack]):
                query = sound.samples[0, RATE // 2 : RATE // 2 + seconds * RATE]
                if query.size < seconds * RATE:
                    continue
                words = fingerprint(query)
                began = time.perf_counter()
                found = index.lookup(words, fetch)
                times.append(time.perf_counter() - began)
                tried += 1
                right += bool(found) and found[0].record_id == str(number)
                wrong += sum(match.record_id != str(number) for match in found)
            cells.append(f"{right}/{tried}")
        ms = 1000 * np.quantile(times, [0.5, 0.95])
        print(f"| {name} | " + " | ".join(cells) + f" | {ms[0]:.0f} | {ms[1]:.0f} | {wrong} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="The fingerprint and its index.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--lyra", type=Path)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--per-speaker", type=int, default=3)
    parser.add_argument("--per-attack", type=int, default=60)
    chosen = parser.parse_args()
    clips = heard(chosen.data, chosen.split, chosen.per_speaker)
    print(f"{len(clips)} clips of {len({one.clip.speaker for one in clips})} speakers ({chosen.split})\n")
    show_null(clips)
    show_sentences(heard(chosen.data, "train", 100) + heard(chosen.data, chosen.split, 100))
    show_splices(clips)
    run = resynthesise(chosen.lyra)
    wanted = ("gain:1", *ATTACKS, *(LYRA if chosen.lyra else ()), *SHIFTED)
    attacked = {name: [attack(name, one.sound, number, run) for number, one in enumerate(clips)] for name in wanted}
    show_misses(clips, attacked)
    speech = [one.words for one in heard(chosen.data, "train", 4)]
    straight = {name: sounds for name, sounds in attacked.items() if name not in SHIFTED}
    show_index(clips, speech, straight, chosen.records, chosen.per_attack)


if __name__ == "__main__":
    main()
