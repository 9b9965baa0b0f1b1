"""What a server loads: no torch anywhere, and in the server itself nothing that only its decoders need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from .conftest import Process

# Decoders and models, training, drivers and clients that a server on one machine never uses.
HEAVY = (
    "torch",
    "scipy",
    "numpy",
    "onnxruntime",
    "av",
    "soundfile",
    "soxr",
    "alembic",
    "psycopg",
    "httpx",
    "matplotlib",
)
# MiB of all processes of an idle server, shared pages counted once; 200 MB are promised, and measured by
# benchmarks/service.py. Here other tests may run beside it.
MOST = 200


def test_the_server_itself_loads_no_decoder_and_no_model() -> None:
    code = (
        "import sys, earwitness.api.http.server, earwitness.api.settings, earwitness.api.jobs.worker\n"
        f"print(sorted({{name.split('.')[0] for name in sys.modules}} & set({HEAVY!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stdout + done.stderr


def test_no_process_of_a_server_loads_torch(
    launch: Callable[..., Process], clip: Path, tmp_path: Path, require: Callable[[str], None]
) -> None:
    require("psutil")
    import psutil

    launch("serve", home=tmp_path / "home").stop()  # makes the database
    server = launch("serve", home=tmp_path / "home")
    root = psutil.Process(server.process.pid)
    processes = [root, *root.children(recursive=True)]
    assert len(processes) >= 5
    assert sum(one.memory_full_info().pss for one in processes) < MOST << 20
    with open(clip, "rb") as file:
        assert httpx.post(f"{server.url}/v1/detections", files={"file": file}, timeout=60).status_code == 200
    for one in processes:
        maps = Path(f"/proc/{one.pid}/maps").read_text()
        assert "torch" not in maps
    assert any("onnxruntime" in Path(f"/proc/{one.pid}/maps").read_text() for one in processes)
