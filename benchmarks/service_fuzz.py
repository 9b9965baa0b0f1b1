"""Mutated sound files through the decoders of the service, and a part of them over HTTP.

    python benchmarks/service_fuzz.py [--files 10000] [--over-http 500] [--seed 0]

Seeds are three seconds of babble in seven formats. Each file gets one to three seeded mutations, and every other Ogg
file new checksums, without which no decoder looks at it. Fails when a file takes longer than its limit allows, when
the server dies or answers 500, or when a file stays in its spool.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import av
import httpx
import numpy as np
from earwitness.api.jobs.pool import ChildDied, Pool, PoolSettings, TookTooLong
from earwitness.api.jobs.tasks import Bounds, Task
from earwitness.api.settings import Settings
from earwitness.core.audio import Audio, save
from earwitness.watermark.key import generate
from earwitness.watermark.key_file import write_key
from scan import markdown
from service import start
from speed import babble

# Values that break counters: none, all, the signed ends, and one beyond.
_NUMBERS = [
    bytes(4),
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80\0\0\0",
    b"\0\0\0\x80",
    b"\0\0\0\1",
]
_HEADER = 512
_CRC = [
    reduce(lambda crc, _: crc << 1 & 0xFFFFFFFF ^ (0x04C11DB7 if crc >> 31 else 0), range(8), byte << 24)
    for byte in range(256)
]
# What ends a child, forks a new one and hands out the file once more takes this much beyond the two limits.
_GRACE = 5.0
# On a busy machine the slowest files are those that had to wait; so many are tried again.
_AGAIN = 20


def seeds(folder: Path) -> dict[str, bytes]:
    """The untouched files by suffix."""
    sound = babble(3.0, 16_000, 0)
    made = {}
    for name in ("a.wav", "b.wav", "a.flac", "a.ogg", "a.opus", "a.mp3"):
        save(folder / name, sound, "FLOAT" if name == "b.wav" else None)
        made["float.wav" if name == "b.wav" else name[2:]] = (folder / name).read_bytes()
    made["m4a"] = _m4a(folder / "a.m4a", sound)
    return made


def _m4a(path: Path, sound: Audio) -> bytes:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=sound.rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound.samples, format="fltp", layout="mono")
        frame.sample_rate = sound.rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path.read_bytes()


def flip(data: bytearray, other: bytes, rng: np.random.Generator) -> None:
    """Flip 1 to 64 bits, half of the time in the header."""
    end = len(data) if rng.random() < 0.5 else min(len(data), _HEADER)
    for place in rng.integers(0, end, 2 ** rng.integers(0, 7)):
        data[place] ^= 1 << int(rng.integers(8))


def cut(data: bytearray, other: bytes, rng: np.random.Generator) -> None:
    """Drop the end."""
    del data[int(rng.integers(1, len(data) + 1)) :]


def splice(data: bytearray, other: bytes, rng: np.random.Generator) -> None:
    """Put a piece of another file in, over what is there or between."""
    start, place = int(rng.integers(len(other))), int(rng.integers(len(data)))
    piece = other[start : start + int(rng.integers(1, 4096))]
    data[place : place + len(piece) * int(rng.integers(2))] = piece


def edit(data: bytearray, other: bytes, rng: np.random.Generator) -> None:
    """Write a number that breaks counters into the header."""
    number = _NUMBERS[int(rng.integers(len(_NUMBERS)))]
    place = int(rng.integers(min(len(data), _HEADER)))
    data[place : place + 4] = number


def repeat(data: bytearray, other: bytes, rng: np.random.Generator) -> None:
    """Say a piece many times."""
    place = int(rng.integers(len(data)))
    data[place:place] = data[place : place + int(rng.integers(1, 256))] * int(rng.integers(2, 64))


MUTATIONS: tuple[Callable[[bytearray, bytes, np.random.Generator], None], ...] = (flip, cut, splice, edit, repeat)


def mutated(number: int, originals: dict[str, bytes], seed: int) -> tuple[str, bytes]:
    """File `number`: its format and its bytes, the same for the same seed."""
    rng = np.random.default_rng([seed, number])
    names = list(originals)
    name, other = names[number % len(names)], names[int(rng.integers(len(names)))]
    data = bytearray(originals[name])
    for _ in range(int(rng.integers(1, 4))):
        MUTATIONS[int(rng.integers(len(MUTATIONS)))](data, originals[other], rng)
        data = data or bytearray(1)
    if name in {"ogg", "opus"} and rng.random() < 0.5:
        reseal(data)
    return name, bytes(data)


def reseal(data: bytearray) -> None:
    """Give every page of an Ogg file the checksum that its bytes now have."""
    pages = [match.start() for match in re.finditer(b"OggS", data)]
    for page, end in pairwise([*pages, len(data)]):
        if end - page < 27:
            continue
        data[page + 22 : page + 26] = bytes(4)
        crc = 0
        for byte in data[page:end]:
            crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC[crc >> 24 ^ byte]
        data[page + 22 : page + 26] = crc.to_bytes(4, "little")


def judge(pool: Pool, path: Path, bounds: Bounds) -> tuple[str, float]:
    """What became of a file, as the server would answer it (by a job when it is long), and the seconds it took."""
    began, what = time.perf_counter(), ""
    for sync_seconds in (Settings.sync_seconds, None):
        task = Task(kind="scan", path=str(path), bounds=bounds, sync_seconds=sync_seconds)
        try:
            outcome = pool.run(task)
        except ChildDied:
            what = "decoder died"
        except TookTooLong:
            what = "time limit"
        else:
            what = "" if outcome.long else f"refused: {outcome.refused}" if outcome.refused else "verdict"
        if what:
            break
    return what, time.perf_counter() - began


def through_pool(files: int, originals: dict[str, bytes], seed: int, folder: Path) -> None:
    """Every file through the decoders; prints outcomes by format."""
    settings, bounds = PoolSettings(), Settings().bounds
    lost: Counter[str] = Counter()
    pool = Pool(settings, on_death=lambda why: lost.update([why]))
    pool.start()
    counts: dict[str, Counter[str]] = {name: Counter() for name in originals}
    times: list[tuple[float, int]] = []

    def one(number: int) -> tuple[str, str, float]:
        name, data = mutated(number, originals, seed)
        path = folder / f"{number}.{name.rpartition('.')[2]}"
        path.write_bytes(data)
        what, seconds = judge(pool, path, bounds)
        path.unlink()
        return name, what, seconds

    with ThreadPoolExecutor(settings.children) as threads:
        for number, (name, what, seconds) in enumerate(threads.map(one, range(files))):
            counts[name][what] += 1
            times.append((seconds, number))
            assert seconds < 2 * settings.seconds + _GRACE, f"file {number}, a {name}, took {seconds:.1f} s"
            if number % 1000 == 999:
                print(f"{number + 1} files, {dict(lost)}", file=sys.stderr)
    slow = sorted(times)[-_AGAIN:]
    again = max(one(number)[2] for _, number in slow)
    assert len(pool.pids) == settings.children, "the pool lost a place"
    pool.close()
    outcomes = sorted({what for count in counts.values() for what in count})
    rows = [[name, *(str(count[what]) for what in outcomes)] for name, count in counts.items()]
    total = sum(counts.values(), Counter())
    rows.append(["all", *(str(total[what]) for what in outcomes)])
    print(markdown(["format", *outcomes], rows))
    median = statistics.median(seconds for seconds, _ in times)
    print(f"Children lost: {dict(lost) or 'none'}. Median {median:.3f} s, slowest {slow[-1][0]:.2f} s;")
    print(f"the {_AGAIN} slowest once more, one after the other: at most {again:.3f} s.\n")


def over_http(files: int, originals: dict[str, bytes], seed: int, home: Path) -> None:
    """A part of the files to a real server; prints statuses by route."""
    write_key(home / "mark.key", generate())
    process, url, _ = start(home, "--mark-key", str(home / "mark.key"))
    routes = ("/v1/detections", "/v1/verify")
    counts: dict[str, Counter[str]] = {route: Counter() for route in routes}
    try:
        with httpx.Client(base_url=url, timeout=90) as client:
            for number in range(files):
                name, data = mutated(number, originals, seed)
                route = routes[number % 4 == 3]
                status = client.post(route, files={"file": (f"x.{name}", data)}).status_code
                counts[route][str(status)] += 1
                assert status < 500 or status == 503, f"file {number} was answered {status}"
            while (state := client.get("/metrics").text).find('earwitness_jobs{state="queued"} 0.0') < 0:
                time.sleep(0.2)
            assert process.poll() is None and "earwitness_requests_total" in state, "the server died"
            assert client.get("/readyz").status_code == 200
        time.sleep(2.0)
        spool = home / "service" / "spool"
        left = [path.name for path in spool.rglob("*") if path.is_file() and path.name != "lock"]
        assert not left, f"files stayed in the spool: {left}"
    finally:
        process.terminate()
        process.wait(60)
    statuses = sorted({status for count in counts.values() for status in count})
    rows = [[route, *(str(count[status]) for status in statuses)] for route, count in counts.items()]
    print(markdown(["over HTTP", *statuses], rows))
    print("The server lived on, and nothing was left in its spool.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Mutated files through the service's decoders.")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--over-http", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        originals = seeds(folder)
        through_pool(chosen.files, originals, chosen.seed, folder)
        (folder / "home").mkdir()
        over_http(chosen.over_http, originals, chosen.seed, folder / "home")


if __name__ == "__main__":
    main()
