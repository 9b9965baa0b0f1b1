"""earwitness listen: raw PCM on standard input, a verdict each hop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from earwitness.core.audio import Audio

Run = Callable[..., "CompletedProcess[str]"]
COMMAND = (sys.executable, "-c", "from earwitness.api.cli import main; main()", "listen", "--detector", "loud")


def pcm(audio: Audio, kind: str = "<i2") -> bytes:
    scale = 32767 if kind == "<i2" else 1
    return bytes((audio.samples[0] * scale).astype(kind).tobytes())


@pytest.fixture
def listen(run: Run, toys: Path) -> Run:
    def call(sound: bytes, *options: str | Path) -> CompletedProcess[str]:
        return run("listen", "--detector", "loud", *options, stdin=sound)

    return call


def records(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_verdicts_come_while_the_stream_still_runs(toys: Path, tone: Callable[..., Audio]) -> None:
    process = subprocess.Popen(
        [*COMMAND, "-", "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    second = pcm(tone(seconds=1.0, level=0.5))
    try:
        for number in range(1, 6):
            process.stdin.write(second)
            process.stdin.flush()
            # readline would wait for ever, were a verdict kept back until more comes.
            row = json.loads(process.stdout.readline())
            assert (row["start"], row["end"]) == (max(0.0, number - 4.0), float(number))
        assert row["decision"] == "synthetic" and row["score"] > row["window_score"] > 5
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()


def test_ctrl_c_ends_a_stream_and_keeps_what_was_heard(
    toys: Path, tone: Callable[..., Audio], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--quiet", "--json", tmp_path / "out.jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A shell in the background hands down that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(pcm(tone(seconds=1.0)))
        process.stdin.flush()
        assert b"1.0 s" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
    assert [json.loads(line)["end"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [1.0]


def test_formats_rates_and_a_rest(listen: Run, tone: Callable[..., Audio]) -> None:
    integers = records(listen(pcm(tone(seconds=2.5, level=0.01)), "--json", "-"))
    assert [row["end"] for row in integers] == [1.0, 2.0, 2.5]
    assert {row["decision"] for row in integers[1:]} == {"genuine"}
    floats = records(
        listen(
            pcm(tone(seconds=2.5, level=0.01, rate=48000), "<f4"),
            "--format",
            "f32le",
            "--rate",
            "48000",
            "--json",
            "-",
        )
    )
    assert [row["end"] for row in floats] == [1.0, 2.0, 2.5]
    assert floats[-1]["window_score"] == pytest.approx(integers[-1]["window_score"], abs=0.02)
    assert integers[0]["model"]["name"] == "loud"


def test_lines_for_people_state_the_delay_and_silence(listen: Run, tone: Callable[..., Audio]) -> None:
    done = listen(pcm(tone(seconds=2.0, level=0.5)) + bytes(2 * 16000 * 5), "--hop", "1", "--window", "2")
    lines = done.stdout.splitlines()
    assert len(lines) == 7 and lines[1].split()[:3] == ["2.0", "s", "synthetic"]
    assert "the last 2.0 s were not scored: it is silent" in lines[-1]
    assert "at most 1.00 s behind the sound" in done.stderr
    assert listen(pcm(tone(seconds=1.0)), "--quiet").stderr == ""


def test_broken_input_ends_with_a_sentence(listen: Run, tone: Callable[..., Audio]) -> None:
    done = listen(pcm(tone(seconds=1.0)) + b"x", "--json", "-")
    assert len(records(done)) == 1 and "ended within a sample; its last 1 bytes" in done.stderr
    sound = np.concatenate([tone(seconds=1.0).samples[0], [np.nan, np.inf]]).astype("<f4").tobytes()
    done = listen(sound, "--format", "f32le", "--json", "-")
    assert records(done)[0]["decision"] == "synthetic" and "2 samples are not numbers" in done.stderr
    for nothing in (b"", b"x"):
        done = listen(nothing)
        assert (done.returncode, done.stdout) == (2, "") and "There was no sound" in done.stderr


def test_a_file_of_verdicts_appears_whole(listen: Run, tone: Callable[..., Audio], tmp_path: Path) -> None:
    done = listen(pcm(tone(seconds=2.0)), "--json", tmp_path / "out.jsonl", "--quiet")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(rows) == 2 == len(done.stdout.splitlines())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("clip.wav",), "for files there is scan"),
        (("--hop", "9"), "hop must be"),
        (("--rate", "5"), "rate must lie"),
        (("--format", "u8"), "u8"),
    ],
)
def test_wrong_usage_is_a_sentence(listen: Run, options: tuple[str, ...], words: str) -> None:
    done = listen(b"", *options)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_a_device_without_sounddevice_is_a_sentence(toys: Path) -> None:
    code = (
        "import sys; sys.modules['sounddevice'] = None\n"
        "from earwitness.api.cli import main; main(['listen', '--detector', 'loud', '--device', 'default'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "earwitness[listen]" in done.stderr and "Traceback" not in done.stderr
