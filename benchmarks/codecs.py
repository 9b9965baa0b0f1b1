"""Codecs on speakers that no training saw, beside Opus and Lyra v2 on the same clips.

    python benchmarks/codecs.py --data AUDIO --lyra LYRA [--only NAME ...] [--per-corpus 8] [--json FILE]

AUDIO is a folder with a manifest.csv (split "test" is used), LYRA the folder of Lyra v2's three TFLite files. Prints
one row for each codec and bitrate: PESQ-WB, STOI, mel distance, SI-SDR, perplexity of the first codebook, measured
kbit/s, real-time factor on one thread; means with 95 % intervals that resample whole speakers, then PESQ by corpus.
A clip that PESQ refuses (no speech found) is counted and left out of PESQ alone. Codec2 and Speex run where their
programs are installed; their RTF is wall time with the start of two processes for each clip, and their measured
kbit/s is not known. --only leaves out all others, "opus" and "lyra-v2" are names as well. FILE gets the rows of each
codec as soon as they are there; rows of several runs on the same clips can be put together with cat.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from clips import test_speech
from earwitness.codecs import classical, pretrained, zoo
from earwitness.codecs.neural import NeuralCodec
from earwitness.codecs.task import perplexity
from earwitness.core import audio, intervals, signal_metrics
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError
from earwitness.datasets.manifest import Clip
from numpy.typing import NDArray
from pesq import NoUtterancesError, pesq
from pystoi import stoi

RATE = 16_000
OPUS = (6.0, 8.0, 12.0, 16.0, 24.0)
PROGRAMS = {"codec2": (0.7, 1.2, 2.4, 3.2), "speex": (3.95, 5.75, 9.8, 16.8, 27.8)}


@dataclass(frozen=True)
class Result:
    """One clip through one codec at one bitrate."""

    codec: str
    kbps: float
    path: str
    corpus: str
    speaker: str
    pesq: float | None
    stoi: float
    mel: float
    si_sdr: float
    perplexity: float | None
    measured_kbps: float | None
    rtf: float


@dataclass(frozen=True)
class Coded:
    """What a codec made of one clip."""

    samples: NDArray[np.float32]
    seconds: float
    codes: NDArray[np.int64] | None = None
    kbps: float | None = None


Runner = Callable[[Audio], Coded]


def neural(name: str, kbps: float | None) -> Runner:
    member = zoo.open(name)

    def run(clip: Audio) -> Coded:
        start = time.perf_counter()
        if not isinstance(member, NeuralCodec) or kbps is None:
            out = member.resynth(clip)
            return Coded(out.samples[0], time.perf_counter() - start)
        tokens = member.encode(clip, member.levels_for(kbps))
        out = member.decode(tokens)
        return Coded(out.samples[0], time.perf_counter() - start, tokens.codes, tokens.kbps)

    return run


def program(name: str, kbps: float) -> Runner:
    member = zoo.open(name)

    def run(clip: Audio) -> Coded:
        start = time.perf_counter()
        out = member.resynth(clip, kbps)
        return Coded(out.samples[0], time.perf_counter() - start)

    return run


def opus(kbps: float) -> Runner:
    member = classical.open("opus")

    def run(clip: Audio) -> Coded:
        start = time.perf_counter()
        out = member.resynth(clip, kbps)
        seconds = time.perf_counter() - start
        return Coded(out.samples[0], seconds, None, member.measured_kbps(clip, kbps))

    return run


def lyra(folder: Path, stages: int) -> Runner:
    member = pretrained.open("lyra-v2", folder)

    def run(clip: Audio) -> Coded:
        start = time.perf_counter()
        tokens = member.encode(clip, stages)
        out = member.decode(tokens)
        return Coded(out.samples[0], time.perf_counter() - start, tokens.codes, tokens.kbps)

    return run


def conditions(lyra_folder: Path | None, only: list[str]) -> Iterator[tuple[str, float, Runner]]:
    """Every (codec, nominal kbit/s, runner), or those of the names in `only`."""

    def wanted(name: str) -> bool:
        return not only or name in only

    for row in zoo.listings():
        if not wanted(row.name):
            continue
        if row.kind == "codec":
            yield from ((row.name, kbps, neural(row.name, kbps)) for kbps in row.kbps)
        elif row.kind in ("vocoder", "copy-synthesis"):
            yield row.name, 0.0, neural(row.name, None)
        elif row.kind == "program":
            yield from ((row.name, kbps, program(row.name, kbps)) for kbps in PROGRAMS.get(row.name, row.kbps))
    if wanted("opus"):
        yield from (("opus", kbps, opus(kbps)) for kbps in OPUS)
    if lyra_folder is not None and wanted("lyra-v2"):
        yield from (("lyra-v2", stages * 0.2, lyra(lyra_folder, stages)) for stages in (16, 30, 46))


def judge(clip: Clip, wave: Audio, name: str, kbps: float, coded: Coded) -> Result:
    reference, heard = wave.samples[0], coded.samples
    try:
        quality: float | None = float(pesq(RATE, reference, heard, "wb"))
    except NoUtterancesError:
        quality = None
    try:
        sdr = signal_metrics.si_sdr(reference, heard)
    except DataError:
        sdr = float("nan")
    used = None
    if coded.codes is not None:
        used = perplexity(torch.from_numpy(coded.codes[0]))
    return Result(
        name,
        kbps,
        clip.path,
        clip.corpus,
        clip.speaker,
        quality,
        float(stoi(reference, heard, RATE)),
        signal_metrics.mel_distance(reference, heard, RATE),
        sdr,
        used,
        coded.kbps,
        coded.seconds / wave.seconds,
    )


def mean(rows: list[Result], field: str) -> str:
    """Mean and interval over speakers, as text."""
    kept = [(row.speaker, value) for row in rows if (value := getattr(row, field)) is not None and np.isfinite(value)]
    if not kept:
        return "-"
    speakers, values = [s for s, _ in kept], np.array([v for _, v in kept], dtype=np.float64)
    found = intervals.bootstrap(lambda x: float(np.mean(x)), speakers, values, n=500)
    return f"{values.mean():.2f} [{found.low:.2f}, {found.high:.2f}]"


def table(results: list[Result]) -> str:
    groups: dict[tuple[str, float], list[Result]] = defaultdict(list)
    for row in results:
        groups[row.codec, row.kbps].append(row)
    fields = ("pesq", "stoi", "mel", "si_sdr", "perplexity", "measured_kbps", "rtf")
    head = ["codec", "kbit/s", "PESQ-WB", "STOI", "mel distance", "SI-SDR dB", "perplexity", "measured kbit/s", "RTF"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for (codec, kbps), rows in groups.items():
        cells = [mean(rows, field) for field in fields[:-1]] + [f"{np.mean([row.rtf for row in rows]):.3f}"]
        lines.append(f"| {codec} | {kbps:g} | " + " | ".join(cells) + " |")
    corpora = sorted({row.corpus for row in results})
    lines += ["", "PESQ-WB by corpus:", "", "| codec | kbit/s | " + " | ".join(corpora) + " |"]
    lines.append("|" + " --- |" * (len(corpora) + 2))
    for (codec, kbps), rows in groups.items():
        cells = []
        for corpus in corpora:
            values = [row.pesq for row in rows if row.corpus == corpus and row.pesq is not None]
            cells.append(f"{np.mean(values):.2f}" if values else "-")
        lines.append(f"| {codec} | {kbps:g} | " + " | ".join(cells) + " |")
    refused = sum(row.pesq is None for row in results)
    return "\n".join([*lines, "", f"PESQ refused {refused} of {len(results)} results."])


def main() -> None:
    parser = argparse.ArgumentParser(description="Codecs on unseen speakers.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lyra", type=Path)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--per-corpus", type=int, default=8)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    clips = test_speech(chosen.data, chosen.per_corpus)
    waves = [audio.load(chosen.data / clip.path, rate=RATE).mono() for clip in clips]
    speakers = len({clip.speaker for clip in clips})
    print(f"{len(clips)} clips, {speakers} speakers, {sum(wave.seconds for wave in waves):.0f} s of test speech\n")
    results = []
    with nullcontext() if chosen.json is None else chosen.json.open("w", encoding="utf-8") as file:
        for name, kbps, runner in conditions(chosen.lyra, chosen.only):
            rows = [judge(clip, wave, name, kbps, runner(wave)) for clip, wave in zip(clips, waves, strict=True)]
            results += rows
            if file is not None:
                file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
                file.flush()
    print(table(results))


if __name__ == "__main__":
    main()
