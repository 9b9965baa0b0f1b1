"""How long the command line takes to answer `--help`. Prints the median and the worst of some runs, in seconds.

Run: python benchmarks/startup.py [runs]. The promise is a median under 0.3 s for `earwitness --help`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = (("--help",), ("--version",), ("scan", "--help"), ("codec", "--help"))


def seconds(arguments: tuple[str, ...]) -> float:
    """Wall time of one run in a fresh process."""
    code = "from earwitness.api.cli import main; main()"
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for arguments in COMMANDS:
        seconds(arguments)  # compiles and fills the disk cache
        times = [seconds(arguments) for _ in range(runs)]
        name = " ".join(("earwitness", *arguments))
        print(f"{name:28} median {statistics.median(times):.3f}  worst {max(times):.3f}")


if __name__ == "__main__":
    main()
