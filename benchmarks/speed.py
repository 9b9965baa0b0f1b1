"""Speed and memory of a scan, against AASIST in the same run.

    python benchmarks/speed.py --cache FOLDER [--aasist FILE] [--minutes 10 180]

Prints seconds of audio per second of wall time for a folder of ten-second clips at 16 and 48 kHz with 1 and 2
workers, for our detector and for AASIST (which hears 4 s of a clip, so its figure counts what it hears), and the
peak memory of a scan of one long file of each length, each in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from earwitness.core import audio
from earwitness.core.audio import Audio
from earwitness.core.home import set_home
from earwitness.detect import registry
from earwitness.detect.scan import scan_many
from scan import markdown

# The kernel's high-water mark of this very process; getrusage would count what the parent held before exec.
_MEMORY = (
    "import sys; from earwitness.detect.scan import scan; v = scan(sys.argv[1]);"
    "hwm = next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1]; print(v.seconds, hwm)"
)


def babble(seconds: float, rate: int, seed: int) -> Audio:
    """Noise with the rhythm and spectrum of speech: what matters here is its length, not its sense."""
    rng = np.random.default_rng(seed)
    n = int(seconds * rate)
    time_axis = np.arange(n) / rate
    rhythm = np.maximum(0, np.sin(2 * np.pi * 3 * time_axis + rng.uniform(0, 6))) ** 2
    noise = np.convolve(rng.standard_normal(n), np.exp(-np.arange(40) / 8), mode="same")
    return Audio((0.05 * rhythm * noise).astype(np.float32)[None], rate)


def speed(paths: list[Path], detector: str, workers: int, heard: float) -> float:
    """Seconds of audio per second of wall time, the start of the workers included."""
    start = time.perf_counter()
    count = sum(1 for _ in scan_many(paths, detector=detector, workers=workers))
    return count * heard / (time.perf_counter() - start)


def memory(path: Path) -> tuple[float, float]:
    """Seconds of the file, and the peak resident memory of its scan in MiB."""
    out = subprocess.run([sys.executable, "-c", _MEMORY, str(path)], check=True, capture_output=True, text=True)
    seconds, peak = out.stdout.split()
    return float(seconds), float(peak) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and memory of a scan.")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--aasist", type=Path, help="the published AASIST.pth, when the cache does not have it yet")
    parser.add_argument("--minutes", type=float, nargs="*", default=[10, 180])
    chosen = parser.parse_args()
    set_home(chosen.cache)
    if chosen.aasist and "aasist" not in registry.names():
        from earwitness.detect.aasist_import import import_aasist

        import_aasist(chosen.aasist, "aasist")
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for rate in (16_000, 48_000):
            files = [Path(folder) / f"{rate}-{index}.flac" for index in range(60)]
            # Enough of them that starting the pool does not count; the files stay in the page cache.
            paths = files * 15
            for index, path in enumerate(files):
                audio.save(path, babble(10, rate, index))
            for workers in (1, 2):
                ours = speed(paths, registry.DEFAULT, workers, 10.0)
                theirs = speed(paths[:40], "aasist", workers, 4.0375)
                rows.append([str(rate), str(workers), f"{ours:.0f}", f"{theirs:.1f}", f"{ours / theirs:.0f}"])
        print(markdown(["rate Hz", "workers", "baseline x real time", "AASIST x real time", "ratio"], rows))
        rows = []
        for minutes in chosen.minutes:
            path = Path(folder) / "long.flac"
            minute = babble(60, 16_000, 0).samples
            audio.save(path, Audio(np.tile(minute, int(minutes)), 16_000))
            seconds, peak = memory(path)
            rows.append([f"{seconds / 60:.0f}", f"{peak:.0f}"])
        print(markdown(["minutes", "peak MiB"], rows))


if __name__ == "__main__":
    main()
