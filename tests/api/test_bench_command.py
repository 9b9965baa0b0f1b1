"""earwitness codec bench, and codec list --grid."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from earwitness.api import bench
from earwitness.api.bench import Clip
from earwitness.api.bench_page import page, png
from earwitness.core.audio import Audio, save
from earwitness.core.errors import UsageError

Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two voices; a text file with a hostile name, an empty file, a torn MP3, a click, and silence."""
    data = tmp_path / "data"
    data.mkdir()
    for name, pitch in (("one", 120.0), ("two", 190.0)):
        time = np.arange(32_000) / 16_000
        phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * time))) / 16_000
        wave = (
            0.1 * np.clip(np.sin(6 * np.pi * time) + 0.5, 0, None) * sum(np.sin(k * phase) / k for k in range(1, 20))
        )
        save(data / f"{name}.wav", Audio.of(wave, 16_000))
    (data / "<b>bad\x1b[31m.wav").write_text("no sound", encoding="utf-8")
    (data / "empty.wav").write_bytes(b"")
    (data / "torn.mp3").write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90")
    save(data / "click.wav", Audio(np.full((1, 160), 0.1, np.float32), 16_000))
    save(data / "silent.wav", Audio(np.zeros((1, 16_000), np.float32), 16_000))
    return data


def test_a_folder_with_bad_files_finishes_and_names_them(
    require: Callable[[str], None], run: Run, toys: Path, folder: Path, tmp_path: Path
) -> None:
    require("pesq")
    rows, html = tmp_path / "rows.jsonl", tmp_path / "page.html"
    done = run("codec", "bench", "steps", "lpc", "opus@16", "--data", folder, "--json", rows, "--html", html)
    assert done.returncode == 0
    assert "steps" in done.stdout
    bad = ("bad\\x1b[31m.wav", "silent.wav", "empty.wav", "torn.mp3", "click.wav")
    assert all(name in done.stderr for name in bad)
    found = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    points = {(row["codec"], row["kbps"]): row for row in found if row.get("record") == "summary"}
    assert {codec for codec, _ in points} == {"steps", "lpc", "opus"}
    assert all(row["files"] == 2 and row["failed"] == 0 for row in points.values())
    assert points["opus", 24.0]["pesq"] > points["steps", 0.8]["pesq"]
    assert points["lpc", 0.0]["measured_kbps"] is None
    assert sum("error" in row and "record" not in row for row in found) == len(bad)
    shown = html.read_text(encoding="utf-8")
    assert shown.count("<svg") == 3 and shown.count("<audio") >= 4 and "data:image/png;base64," in shown
    assert "<b>bad" not in shown and "&lt;b&gt;bad" in shown and "http" not in shown


def test_unknown_names_and_rates_are_refused_before_any_work(require: Callable[[str], None], folder: Path) -> None:
    require("pesq")
    with pytest.raises(UsageError, match="no codec 'nothing'"):
        bench.bench(["nothing"], folder)
    with pytest.raises(UsageError, match="'lpc' has no bitrates; leave out @3"):
        bench.bench(["lpc@3"], folder)


def clip(codec: str, kbps: float, pesq: float | None, cpu: float, error: str | None = None) -> Clip:
    return Clip(
        path="x", codec=codec, kbps=kbps, seconds=3.6, measured_kbps=kbps, cpu_seconds=cpu, pesq=pesq, error=error
    )


def test_bytes_are_saved_against_opus_at_equal_quality() -> None:
    opus = [clip("opus", 8.0, 2.0, 0.01), clip("opus", 16.0, 4.0, 0.01)]
    ours = [clip("mine", 2.0, 3.0, 0.11), clip("mine", 2.0, None, 0.11), clip("mine", 2.0, 1.0, 9.0, "failed")]
    point = next(point for point in bench.summarise([*ours, *opus]) if point.codec == "mine")
    assert (point.files, point.failed, point.unmeasured, point.pesq) == (2, 1, 1, 3.0)
    assert point.opus_kbps == pytest.approx(12.0)
    assert point.saved_mb_per_hour == pytest.approx((12 - 2) * 450 / 1000)
    # 110 CPU seconds an hour against 10 of Opus.
    assert point.cpu_seconds_per_hour == pytest.approx(110.0)
    assert point.saved_mb_per_cpu_second == pytest.approx(4.5 / 100)
    worse = bench.summarise([clip("mine", 2.0, 1.5, 0.1), *opus])[0]
    assert worse.opus_kbps is None and worse.saved_mb_per_hour is None


def test_every_codec_of_a_plot_has_its_own_line() -> None:
    names = [f"codec{number}" for number in range(24)]
    points = bench.summarise([clip(name, 2.0, 2.0 + number / 10, 0.1) for number, name in enumerate(names)])
    plot = page(bench.Bench((), points, ())).split("<figure>")[1]
    lines = re.findall(r"<polyline [^>]*(stroke='.*?' stroke-dasharray='.*?')", plot)
    assert len(lines) == len(set(lines)) == 24 and all(f">{name}</text>" in plot for name in names)
    tall = int(re.findall(r"<svg width=640 height=(\d+)", plot)[0])
    assert max(map(int, re.findall(r"<text x=486 y=(\d+)", plot))) < tall


def test_a_picture_is_a_png_of_its_pixels() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    data = png(grey)
    assert data.startswith(b"\x89PNG") and struct.unpack(">II", data[16:24]) == (4, 3)
    start = data.index(b"IDAT") + 4
    rows = zlib.decompress(data[start : start + struct.unpack(">I", data[start - 8 : start - 4])[0]])
    assert np.array_equal(np.frombuffer(rows, np.uint8).reshape(3, 5)[:, 1:], grey)


def test_the_grid_shows_every_cell_and_brackets_what_is_untrained(run: Run, own_home: Any) -> None:
    lines = run("codec", "list", "--grid").stdout.splitlines()
    assert lines[0].split()[:2] == ["quantiser", "auxiliary"] and len(lines) == 10
    cells = {tuple(line.split()[:2]): line for line in lines[1:]}
    assert "soundstream" in cells["MVQ", "none"] and cells["SQ", "dis"].split()[2:] == ["-", "-"]


def test_the_list_tells_taxonomy_hours_and_the_published_system(run: Run) -> None:
    rows = {row["name"]: row for row in map(json.loads, run("codec", "list", "--json", "-").stdout.splitlines())}
    own = rows["streamcodec"]
    assert (own["quantiser"], own["auxiliary"], own["decoder"], own["causal"]) == ("SQ+MVQ", "none", "F", True)
    assert own["hours"] > 1 and "7 M parameters" in own["published"] and "small" in own["summary"]
    for row in rows.values():
        if row["kind"] in ("codec", "vocoder"):
            assert row["paper"] and isinstance(row["causal"], bool)
        if row["kind"] == "codec":
            assert row["quantiser"] and row["auxiliary"] and row["decoder"]
        assert row["trained"] or not row["tokens"]
        assert row["trained"] or row["tried"], f"{row['name']}: nobody knows why it ships no weights"
        assert not (row["trained"] and row["tried"])
