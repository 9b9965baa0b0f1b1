"""earwitness demo, detectors, weights, and dataset: the small commands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
from earwitness.core.audio import Audio, load, save

Run = Callable[..., "CompletedProcess[str]"]


def test_the_demo_decodes_scans_and_never_shows_a_fake_as_genuine(run: Run, recordings: Path, tmp_path: Path) -> None:
    done = run("demo", recordings, "--out", tmp_path / "heard")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "heard").glob("*-marked.wav"))) >= 2
    first, second = done.stdout.split("4. Scanned your recordings:")
    assert "genuine" not in first and "synthetic" in first
    marks = first.split("3. Marked them")[1].splitlines()
    assert len([line for line in marks if re.search(r"-attacked\.wav .* marked +p <= \de-\d", line)]) >= 2
    assert "quiet.flac" in second


def test_the_demo_fails_when_its_fakes_pass_as_genuine(run: Run, toys: Path, tmp_path: Path) -> None:
    card = toys / "weights" / "loud.toml"
    card.write_text(card.read_text() + "\n[settings.calibration]\noffset = -100.0\n")
    done = run("demo", "--detector", "loud", "--out", tmp_path / "heard")
    assert done.returncode == 1 and "cannot be trusted" in done.stdout
    assert "genuine  " not in done.stdout


def test_lists_of_weights(run: Run, toys: Path) -> None:
    detectors = [json.loads(line) for line in run("detectors", "--json", "-").stdout.splitlines()]
    everything = [json.loads(line) for line in run("weights", "list", "--json", "-").stdout.splitlines()]
    assert "loud" in {row["name"] for row in detectors} and {row["kind"] for row in detectors} == {"detector"}
    assert {"loud", "steps"} <= {row["name"] for row in everything}
    assert all(row["licence"] and all(len(digest) == 64 for digest in row["files"].values()) for row in everything)
    assert "loud" in run("detectors").stdout


def test_altered_weights_are_refused(run: Run, toys: Path, recordings: Path) -> None:
    (toys / "weights" / "loud.onnx").write_bytes(b"other")
    done = run("scan", "--detector", "loud", recordings)
    assert (done.returncode, done.stdout) == (2, "") and "loud.onnx" in done.stderr


def test_importing_published_weights_makes_a_detector(run: Run, require: Any, shared: Path, recordings: Path) -> None:
    require("torch")
    done = run("weights", "import", "aasist", shared / "peers" / "aasist" / "AASIST-L.pth", "--name", "small")
    assert done.returncode == 0 and "small" in done.stdout, done.stderr
    scan = run("scan", "--detector", "small", recordings / "loud.wav", "--json", "-")
    record = json.loads(scan.stdout)["result"]
    assert record["model"]["name"] == "small" and record["warnings"]
    assert run("weights", "import", "aasist", recordings / "notes.txt").returncode == 2


def test_dataset_audit_names_a_leak_and_exits_with_1(run: Run, require: Any, tmp_path: Path) -> None:
    require("sklearn")
    draw = np.random.default_rng(1)
    rows = []
    for number in range(24):
        spoof, level = number % 2 == 1, 0.3 if number % 2 else 0.01
        name = f"{number}.wav"
        save(tmp_path / name, Audio((level * draw.standard_normal((1, 16000))).clip(-1, 1).astype(np.float32), 16000))
        label = "spoof" if spoof else "bonafide"
        rows.append({"path": name, "speaker": f"s{number // 4}", "label": label, "system": "x" if spoof else ""})
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("dataset", "audit", tmp_path / "manifest.jsonl", "--json", "-")
    assert done.returncode == 1, done.stderr
    leaks = {row["cue"]: row["leaks"] for row in map(json.loads, done.stdout.splitlines())}
    assert leaks["all together"] and any("level" in cue and leak for cue, leak in leaks.items())


def test_dataset_build_pairs_speech_with_fakes(run: Run, require: Any, toys: Path, tmp_path: Path) -> None:
    require("pyarrow")
    draw = np.random.default_rng(2)
    for number in range(12):
        wave = 0.1 * draw.standard_normal((1, 24000))
        save(tmp_path / "speech" / f"s{number % 4}" / f"{number}.wav", Audio(wave.astype(np.float32), 16000))
    (tmp_path / "small.toml").write_text(
        'name = "small"\naudit = "report"\n'
        '[select]\nsplits = ["train", "dev", "test"]\n[[fakes.systems]]\nname = "steps"\n'
    )
    out = tmp_path / "built"
    done = run("dataset", "build", tmp_path / "small.toml", "--data", tmp_path / "speech", "--out", out)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert sum(row["label"] == "spoof" for row in rows) == sum(row["label"] == "bonafide" for row in rows) == 12
    assert all(load(out / row["path"]).rate == 16000 for row in rows)
    assert run("dataset", "build", "absent", "--data", tmp_path / "speech", "--out", out).returncode == 2
