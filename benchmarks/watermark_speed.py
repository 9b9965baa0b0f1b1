"""Speed of the mark on one core, and the memory that it takes for long files.

    python benchmarks/watermark_speed.py --data AUDIO [--repeats 3] [--hours 3]

AUDIO is a folder with a manifest.csv; files are made from its test speech, repeated, in a temporary folder. Every
measurement runs in a process of its own with one thread. Real-time factors (processor and wall time over the sound's
length, medians of the repeats; processor time is the figure on a busy machine): embedding as a library (no
verification) and by the whole command `earwitness watermark embed` (start, decoding, verification, record), verifying
with full search on marked and unmarked sound. Peak memory is VmHWM of the process, for 10 minutes and for --hours.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from earwitness.core.audio import Audio, Writer, resample
from watermark_lab import RATE, Floats, heading
from watermark_survival import recordings

SECONDS = (10, 60, 600)
FORMATS = ((16_000, 1), (48_000, 2))

# Run in a fresh process; argv: what, key as hex, source, target. Prints processor s, wall s, peak kB, verdict.
_CHILD = """
import json, sys, time
from pathlib import Path
from earwitness.watermark import Embedder, Key, Verifier
from earwitness.core.audio import blocks, probe
what, key, source = sys.argv[1], Key(bytes.fromhex(sys.argv[2])), sys.argv[3]
form = probe(source)
sound = list(blocks(source)) if what.startswith("library") else blocks(source)
cpu, wall = time.process_time(), time.perf_counter()
said = ""
if what.endswith("embed"):
    worker = Embedder(form.rate, form.channels, key, 77)
    for block in sound:
        worker.push(block)
    worker.finish()
else:
    worker = Verifier(form.rate, form.channels, [key])
    for block in sound:
        worker.push(block)
    said = worker.finish().verdict
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
print(json.dumps([cpu, wall, peak, said]))
"""
# The command itself, in a process that states its own peak at the end.
_COMMAND = """
import json, sys, time
from earwitness.api.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code or 0
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
print(json.dumps([time.process_time(), peak, code]))
"""
_SECRET = "a5" * 32


@dataclass(frozen=True)
class Run:
    """One measurement."""

    cpu: float
    wall: float
    peak_mb: float
    verdict: str


def child(what: str, source: Path) -> Run:
    command = [sys.executable, "-c", _CHILD, what, _SECRET, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    cpu, wall, peak, said = json.loads(done.stdout.splitlines()[-1])
    return Run(cpu, wall, peak / 1024, said)


def command(*words: str) -> Run:
    """A whole command, from start to end; the processor time counts its imports."""
    import time

    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, "watermark", *words], capture_output=True, text=True, check=True
    )
    cpu, peak, code = json.loads(done.stdout.splitlines()[-1])
    if code:
        raise SystemExit(f"earwitness watermark {' '.join(words)} ended with {code}: {done.stderr}")
    return Run(cpu, time.perf_counter() - started, peak / 1024, "")


def write(path: Path, speech: Floats, seconds: int, rate: int, channels: int) -> Path:
    """Speech repeated to a length; the second channel starts halfway through."""
    unit = resample(Audio(np.stack([np.roll(speech, len(speech) // 2 * one) for one in range(channels)]), RATE), rate)
    left = seconds * rate
    with Writer(path, rate, channels, "PCM_16", length=left, name=path.name) as file:
        while left > 0:
            file.write(unit.samples[:, :left])
            left -= unit.samples.shape[1]
    return path


def speeds(folder: Path, speech: Floats, repeats: int) -> Iterator[str]:
    key = folder / "key"
    command("keygen", str(key))
    yield heading(
        "sound", "embed, library", "embed, command", "verify, marked", "verify, unmarked", "wall of the four"
    )
    for rate, channels in FORMATS:
        for seconds in SECONDS:
            source = write(folder / f"{rate}-{seconds}.wav", speech, seconds, rate, channels)
            marked, home = folder / "marked.wav", str(folder / "home")
            runs = [
                [child("library embed", source) for _ in range(repeats)],
                [
                    command("embed", str(source), str(marked), "--key", str(key), "--home", home, "-q")
                    for _ in range(repeats)
                ],
                [child("library verify", _marked(source, folder)) for _ in range(repeats)],
                [child("library verify", source) for _ in range(repeats)],
            ]
            assert runs[2][0].verdict.startswith("marked"), runs[2][0].verdict
            cells = [f"{statistics.median(run.cpu for run in those) / seconds:.4f}" for those in runs]
            walls = ", ".join(f"{statistics.median(run.wall for run in those) / seconds:.4f}" for those in runs)
            yield f"| {seconds} s, {rate} Hz, {channels} ch | {' | '.join(cells)} | {walls} |"


def _marked(source: Path, folder: Path) -> Path:
    """`source` with the mark that the children look for."""
    from earwitness.core.audio import blocks, probe
    from earwitness.watermark import Embedder, Key

    form, target = probe(source), folder / f"m-{source.name}"
    if not target.exists():
        worker = Embedder(form.rate, form.channels, Key(bytes.fromhex(_SECRET)), 77)
        with Writer(target, form.rate, form.channels, "PCM_16", name=target.name) as file:
            for block in blocks(source):
                file.write(worker.push(block))
            file.write(worker.finish())
    return target


def memory(folder: Path, speech: Floats, hours: float) -> Iterator[str]:
    """Peak of embedding and verifying files block by block, and of the whole command."""
    yield heading(
        "sound", "embed, MB", "verify unmarked, MB", "verify marked, MB", "embed command, MB", "seconds of the four"
    )
    key = folder / "key"
    for seconds in (600, round(hours * 3600)):
        source = write(folder / f"long-{seconds}.wav", speech, seconds, *FORMATS[0])
        marked = folder / f"long-marked-{seconds}.flac"
        runs = [
            child("file embed", source),
            child("file verify", source),
            child("file verify", _marked(source, folder)),
            command("embed", str(source), str(marked), "--key", str(key), "--home", str(folder / "home"), "-q"),
        ]
        cells = " | ".join(f"{run.peak_mb:.0f}" for run in runs)
        yield f"| {seconds / 60:g} min, 16 kHz | {cells} | {', '.join(f'{run.wall:.0f}' for run in runs)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--hours", type=float, default=3.0)
    options = parser.parse_args()
    speech = np.concatenate([one.samples for one in recordings(options.data, 8)])
    with tempfile.TemporaryDirectory() as folder:
        print("Real-time factors, processor time, one thread:\n")
        for line in speeds(Path(folder), speech, options.repeats):
            print(line, flush=True)
        if options.hours:
            print("\nPeak memory:\n")
            for line in memory(Path(folder), speech, options.hours):
                print(line, flush=True)


if __name__ == "__main__":
    main()
