"""Load on the HTTP service from a process of its own: requests per second and latency by clients, and a soak.

    python benchmarks/service.py start [--runs 5]
    python benchmarks/service.py load [--seconds 10] [--clients 1 2 4 8 16 32 64]
    python benchmarks/service.py soak [--minutes 15] [--clients 8]

Starts `earwitness serve` with its defaults, sends 5-second clips, and prints tables. `start` does so again and again
and prints seconds until it is ready, processor time, and memory of all its processes, idle and after 100 clips;
`load` scans the same clips with the command line's use case for comparison; `soak` prints memory each minute.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import httpx
import psutil
from earwitness.core.audio import save
from earwitness.detect.options import Options
from earwitness.detect.scan import scan_many
from scan import markdown
from speed import babble

_SERVE = "from earwitness.api.cli import main; main()"


def start(home: Path, *more: str) -> tuple[subprocess.Popen[bytes], str, float]:
    """A running server, its URL, and the seconds that it took to be ready. more: options of `earwitness serve`."""
    log, began = home / "log", time.perf_counter()
    command = [sys.executable, "-c", _SERVE, "serve", "--home", str(home), "--port", "0", "--log-level", "warning"]
    command += more
    with socket_free() as port:
        command[command.index("0")] = str(port)
    with open(log, "wb") as file:
        process = subprocess.Popen(command, stderr=file)
    url = f"http://127.0.0.1:{port}"
    while True:
        if process.poll() is not None:
            raise SystemExit(log.read_text())
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return process, url, time.perf_counter() - began
        except httpx.HTTPError:
            time.sleep(0.01)


class socket_free:
    """A port that was free a moment ago."""

    def __enter__(self) -> int:
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        pass


def memory(process: subprocess.Popen[bytes]) -> float:
    """MiB of the server and its children, shared pages counted once."""
    root = psutil.Process(process.pid)
    return sum(one.memory_full_info().pss for one in [root, *root.children(recursive=True)]) / 2**20


async def drive(url: str, clips: list[bytes], clients: int, seconds: float) -> tuple[list[float], Counter[int]]:
    """Latencies (s) of `clients` that send one request after the other, and how often each status came."""
    times: list[float] = []
    statuses: Counter[int] = Counter()
    end = time.perf_counter() + seconds

    async def one(number: int) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            while time.perf_counter() < end:
                began = time.perf_counter()
                files = {"file": ("clip.wav", clips[len(times) % len(clips)])}
                try:
                    statuses[(await client.post("/v1/detections", files=files)).status_code] += 1
                except httpx.HTTPError:
                    statuses[0] += 1
                times.append(time.perf_counter() - began)

    await asyncio.gather(*(one(number) for number in range(clients)))
    return times, statuses


def load(url: str, clips: list[bytes], paths: list[Path], clients: list[int], seconds: float) -> None:
    """The table of a load."""
    rows = []
    asyncio.run(drive(url, clips, 2, 2.0))
    for count in clients:
        times, statuses = asyncio.run(drive(url, clips, count, seconds))
        cuts = statistics.quantiles(times, n=100)
        failed = sum(number for status, number in statuses.items() if status != 200)
        cells = [f"{1000 * cuts[place]:.0f}" for place in (49, 94, 98)]
        rows.append([str(count), f"{len(times) / seconds:.1f}", *cells, str(failed)])
    print(markdown(["clients", "requests/s", "p50 ms", "p95 ms", "p99 ms", "failed"], rows))
    for workers in (1, 2):
        began = time.perf_counter()
        done = sum(1 for _ in scan_many(paths * 10, Options(), workers=workers))
        print(f"command line, {workers} worker(s): {done / (time.perf_counter() - began):.1f} clips/s")


def starts(clips: list[bytes], runs: int, home: Path) -> None:
    """Seconds and MiB of some starts; the first one makes the database and is left out."""
    rows = []
    for _ in range(runs + 1):
        process, url, ready = start(home)
        root = psutil.Process(process.pid)
        spent = sum(sum(one.cpu_times()[:2]) for one in [root, *root.children(recursive=True)])
        idle = memory(process)
        with httpx.Client(base_url=url, timeout=60) as client:
            for place in range(100):
                client.post("/v1/detections", files={"file": ("clip.wav", clips[place % len(clips)])})
        rows.append((ready, spent, idle, memory(process)))
        process.terminate()
        process.wait(60)
    middle = [statistics.median(values) for values in zip(*rows[1:], strict=True)]
    cells = [f"{middle[0]:.2f}", f"{middle[1]:.2f}", f"{middle[2]:.0f}", f"{middle[3]:.0f}"]
    print(markdown(["ready after s", "processor s", "MiB idle", "MiB after 100 clips"], [cells]))


def soak(process: subprocess.Popen[bytes], url: str, clips: list[bytes], clients: int, minutes: int) -> None:
    """Memory and failures, minute by minute."""
    rows = []
    for minute in range(1, minutes + 1):
        times, statuses = asyncio.run(drive(url, clips, clients, 60.0))
        failed = sum(number for status, number in statuses.items() if status != 200)
        p99 = statistics.quantiles(times, n=100)[98]
        rows.append(
            [str(minute), f"{len(times) / 60:.1f}", f"{1000 * p99:.0f}", str(failed), f"{memory(process):.0f}"]
        )
        print(rows[-1], file=sys.stderr)
    print(markdown(["minute", "requests/s", "p99 ms", "failed", "MiB"], rows))


def main() -> None:
    parser = argparse.ArgumentParser(description="Load on the HTTP service.")
    parser.add_argument("what", choices=["start", "load", "soak"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--minutes", type=int, default=15)
    parser.add_argument("--clients", type=int, nargs="*", default=None)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.wav" for number in range(20)]
        for number, path in enumerate(paths):
            save(path, babble(5.0, 16_000, number))
        clips = [path.read_bytes() for path in paths]
        home = Path(folder) / "home"
        home.mkdir()
        if chosen.what == "start":
            starts(clips, chosen.runs, home)
            return
        process, url, ready = start(home)
        try:
            print(f"ready after {ready:.2f} s with {memory(process):.0f} MiB")
            if chosen.what == "load":
                load(url, clips, paths, chosen.clients or [1, 2, 4, 8, 16, 32, 64], chosen.seconds)
            else:
                soak(process, url, clips, (chosen.clients or [8])[0], chosen.minutes)
        finally:
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main()
