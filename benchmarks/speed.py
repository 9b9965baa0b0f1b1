"""Speed and memory of a scan, float32 beside int8, against AASIST in the same run.

    python benchmarks/speed.py --cache FOLDER [--detector NAME|CARD] [--aasist FILE] [--minutes 10 60] [--json FILE]

Prints seconds of audio per second, of wall time and of processor time (all processes; what counts where other work
keeps the machine busy), for ten-second files at 16 and 48 kHz with 1 and 2 workers, once they have started; AASIST
hears 4 s of a file, so its figures count those. Then what one graph run costs as float32 and with its products
quantised to 8 bits, and how far that moves scores; and the peak memory of a scan of one long file of each length,
each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import candidate
import numpy as np
import onnxruntime
import psutil
from earwitness.core import audio, weights
from earwitness.core.audio import Audio
from earwitness.core.home import set_home
from earwitness.core.onnx_session import open_session
from earwitness.detect import registry
from earwitness.detect.options import Options
from earwitness.detect.scan import scan_many
from scan import markdown

SECONDS = 10.0
AASIST_SECONDS = 64600 / 16000
# The kernel's high-water mark of this very process; getrusage would count what the parent held before exec.
_MEMORY = (
    "import sys; from earwitness.detect.scan import scan; v = scan(sys.argv[1], detector=sys.argv[2]);"
    "hwm = next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1]; print(v.seconds, hwm)"
)


@dataclass(frozen=True)
class Speed:
    """Seconds of audio per second."""

    wall: float
    processor: float


def babble(seconds: float, rate: int, seed: int) -> Audio:
    """Noise with the rhythm and spectrum of speech: what matters here is its length, not its sense."""
    rng = np.random.default_rng(seed)
    n = int(seconds * rate)
    time_axis = np.arange(n) / rate
    rhythm = np.maximum(0, np.sin(2 * np.pi * 3 * time_axis + rng.uniform(0, 6))) ** 2
    noise = np.convolve(rng.standard_normal(n), np.exp(-np.arange(40) / 8), mode="same")
    return Audio((0.05 * rhythm * noise).astype(np.float32)[None], rate)


def spent() -> float:
    """Processor seconds of this process and its children so far."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (own, *own.children(recursive=True)))


def speed(paths: Sequence[Path], detector: str, workers: int, heard: float) -> Speed:
    """From the answers of the first files on, so that the start of the workers is not counted."""
    answers: Iterator[object] = iter(scan_many(paths, Options(detector=detector), workers=workers))
    for _ in range(2 * workers):
        next(answers)
    start, before, count = time.perf_counter(), spent(), 0
    while count < len(paths) - 2 * workers:
        next(answers)
        count += 1
    seconds, work = time.perf_counter() - start, spent() - before
    for _ in answers:  # lets the pool end
        raise AssertionError("more answers than files")
    return Speed(count * heard / seconds, count * heard / work)


def memory(path: Path, detector: str) -> tuple[float, float]:
    """Seconds of the file, and the peak resident memory of its scan in MiB."""
    command = [sys.executable, "-c", _MEMORY, str(path), detector]
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak = out.stdout.split()
    return float(seconds), float(peak) / 1024


def quantised(graph: Path, folder: Path) -> Path:
    """The graph with its products by constant tables in 8 bits; the transforms stay, 16-bit sound needs that."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folder / "folded.onnx")  # tables come out of their nodes
    onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    quantize_dynamic(
        folder / "folded.onnx", folder / "int8.onnx", weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"]
    )
    return folder / "int8.onnx"


def precision_rows(detector: str, folder: Path, runs: int = 10) -> list[list[str]]:
    """Float32 beside int8: size, milliseconds of processor time for one window, and how scores move (nats)."""
    model = registry.open(detector)
    graph = weights.path(registry.card(detector), "onnx")
    windows = [babble(model.window / model.rate, model.rate, seed).samples for seed in range(runs)]
    rows, exact = [], np.zeros(0)
    for name, file in (("float32", graph), ("int8", quantised(graph, folder))):
        session = open_session(file)
        scores, times = [], []
        for window in windows:
            before = time.process_time()
            (score,) = session.run(["score"], {"samples": window})
            times.append(time.process_time() - before)
            scores.append(float(score[0]))
        exact = exact if exact.size else np.array(scores)
        moved = np.abs(np.array(scores) - exact) * model.calibration.scale
        size = f"{file.stat().st_size / 2**20:.1f}"
        best = min(times[1:])
        rows.append(
            [name, size, f"{1000 * best:.1f}", f"{model.window / model.rate / best:.0f}", f"{np.median(moved):.3f}"]
        )
        rows[-1].append(f"{moved.max():.3f}")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and memory of a scan.")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--detector", default=registry.DEFAULT, help=candidate.HELP)
    parser.add_argument("--aasist", type=Path, help="the published AASIST.pth, when the cache does not have it yet")
    parser.add_argument("--files", type=int, default=60, help="ten-second files at each rate")
    parser.add_argument("--aasist-files", type=int, default=12)
    parser.add_argument("--minutes", type=float, nargs="*", default=[10, 60])
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    set_home(chosen.cache)
    if chosen.aasist and "aasist" not in registry.names():
        from earwitness.detect.aasist_import import import_aasist

        import_aasist(chosen.aasist, "aasist")
    detector = chosen.detector
    if detector.endswith(".toml"):
        detector = candidate.publish(Path(detector), chosen.cache / "weights")
    load = os.getloadavg()[0]
    found: dict[str, object] = {"detector": detector, "load": load}
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for rate in (16_000, 48_000):
            files = [Path(folder) / f"{rate}-{index}.flac" for index in range(chosen.files)]
            for index, path in enumerate(files):
                audio.save(path, babble(SECONDS, rate, index))
            for workers in (1, 2):
                ours = speed(files, detector, workers, SECONDS)
                theirs = speed(files[: chosen.aasist_files], "aasist", workers, AASIST_SECONDS)
                rows.append(
                    [
                        str(rate),
                        str(workers),
                        f"{ours.wall:.0f}",
                        f"{ours.processor:.0f}",
                        f"{3600 / ours.processor:.0f}",
                        f"{theirs.wall:.1f}",
                        f"{theirs.processor:.1f}",
                        f"{ours.processor / theirs.processor:.0f}",
                    ]
                )
        head = ["rate Hz", "workers", f"{detector} x real time", "by processor time", "processor s an hour"]
        print(markdown([*head, "AASIST x real time", "by processor time", "ratio"], rows), flush=True)
        found["speed"] = rows
        rows = precision_rows(detector, Path(folder))
        head = ["graph", "MiB", "ms a window", "x real time", "score moves, median nats", "most"]
        print(markdown(head, rows), flush=True)
        found["precision"] = rows
        rows = []
        for minutes in chosen.minutes:
            path = Path(folder) / "long.flac"
            minute = babble(60, 16_000, 0).samples
            audio.save(path, Audio(np.tile(minute, int(minutes)), 16_000))
            seconds, peak = memory(path, detector)
            rows.append([f"{seconds / 60:.0f}", f"{peak:.0f}"])
        print(markdown(["minutes", "peak MiB"], rows))
        found["memory"] = rows
    print(f"Load of the machine before: {load:.1f} on {os.cpu_count()} cores.")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
