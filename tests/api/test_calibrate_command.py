"""earwitness calibrate: a detector adapted to a folder of genuine recordings, and used by scan."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from earwitness.core.audio import Audio, save
from earwitness.core.files import sha256

Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def own(tmp_path: Path, tone: Callable[..., Audio]) -> Path:
    """24 genuine tones; "loud" scores them from about -1.5 to +1.8 nats and calls seven of them synthetic."""
    folder = tmp_path / "own"
    folder.mkdir()
    for number, level in enumerate(np.linspace(0.02, 0.15, 24)):
        save(folder / f"{number:02}.wav", tone(seconds=0.5, level=float(level)))
    return folder


def decisions(run: Run, folder: Path, detector: str) -> list[str]:
    lines = run("scan", folder, "--detector", detector, "--json", "-").stdout.splitlines()
    return [json.loads(line)["result"]["decision"] for line in lines]


def test_an_adapted_detector_is_stored_with_its_history_and_scans(run: Run, toys: Path, own: Path) -> None:
    before = decisions(run, own, "loud")
    done = run("calibrate", own, "--detector", "loud", "--name", "mine", "--json", "-")
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    assert (made["base"], made["clips"], made["unscored"]) == ("loud", 24, 0)
    assert made["false_alarms_before"] == before.count("synthetic") > 0 and made["false_alarms"] == 0
    assert made["bound"] == pytest.approx(1 - 0.05 ** (1 / 24)) and not made["held"] and made["needed"] == 299
    after = decisions(run, own, "mine")
    assert after.count("synthetic") == 0 and after.count("genuine") == before.count("genuine")
    card = tomllib.loads((toys / "weights" / "mine.toml").read_text())
    assert card["metrics"]["base"] == "loud" and len(card["data_digest"]) == 64 and card["created"]
    assert card["metrics"]["base_sha256"] == card["files"]["onnx"]["sha256"] == sha256(toys / "weights" / "mine.onnx")
    assert "mine" in run("detectors").stdout
    # The base is as it was.
    assert decisions(run, own, "loud") == before


def test_the_digest_is_of_the_sounds_whatever_their_names(run: Run, toys: Path, own: Path, tmp_path: Path) -> None:
    run("calibrate", own, "--detector", "loud", "--name", "a")
    other = tmp_path / "renamed"
    other.mkdir()
    for number, file in enumerate(sorted(own.iterdir(), reverse=True)):
        shutil.copy(file, other / f"{number}.wav")
    run("calibrate", other, "--detector", "loud", "--name", "b")
    cards = [tomllib.loads((toys / "weights" / f"{name}.toml").read_text()) for name in "ab"]
    assert cards[0]["data_digest"] == cards[1]["data_digest"]
    assert cards[0]["settings"] == cards[1]["settings"]


def test_words_say_what_the_numbers_mean(run: Run, toys: Path, own: Path) -> None:
    (own / "broken.wav").write_text("no sound")
    shutil.copy(own / "00.wav", own / "again.wav")
    done = run("calibrate", own, "--detector", "loud")
    assert done.returncode == 0, done.stderr
    for words in ("24 genuine", "1 files repeat", "1 could not be scored", "11.7%", "299 recordings", "missed more"):
        assert words in done.stdout, words
    assert "--detector loud-own" in done.stdout  # the name, when none is given


def test_quiet_recordings_leave_the_detector_alone_unless_it_may_become_eager(
    run: Run, toys: Path, tmp_path: Path, tone: Callable[..., Audio]
) -> None:
    for number in range(22):
        save(tmp_path / "own" / f"{number}.wav", tone(seconds=0.3, level=0.01 + number / 1e4))
    done = run("calibrate", tmp_path / "own", "--detector", "loud", "--name", "same", "--false-alarms", "0.2")
    assert "stay as they were" in done.stdout
    card = tomllib.loads((toys / "weights" / "same.toml").read_text())
    assert card["settings"]["calibration"]["offset"] == 0.0
    done = run(
        "calibrate", tmp_path / "own", "--detector", "loud", "--name", "keen", "--false-alarms", "0.2", "--eager"
    )
    assert "MORE eager than loud" in done.stdout
    assert tomllib.loads((toys / "weights" / "keen.toml").read_text())["settings"]["calibration"]["offset"] > 0


def test_too_few_recordings_are_a_sentence_and_leave_nothing(run: Run, toys: Path, own: Path) -> None:
    for number in range(19):
        save(own / f"{number + 5:02}.wav", Audio(np.zeros((1, 8000), np.float32), 16000))
    done = run("calibrate", own, "--detector", "loud", "--name", "mine")
    assert (done.returncode, done.stdout) == (2, "")
    for words in ("5 different genuine recordings", "at least 20", "299 to hold 1.00%", "it is silent"):
        assert words in done.stderr, words
    assert not list((toys / "weights").glob("mine*"))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--name", "baseline"), "other weights"),
        (("--name", "steps"), "other weights"),
        (("--name", "../mine"), "cannot be a weight's name"),
        (("--detector", "absent"), "absent"),
        (("--false-alarms", "0"), "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(
    run: Run, toys: Path, own: Path, options: tuple[str, ...], word: str
) -> None:
    done = run("calibrate", own, *(() if "--detector" in options else ("--detector", "loud")), *options)
    assert done.returncode == 2 and word in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_an_adaptation_can_be_made_again_but_not_adapted(run: Run, toys: Path, own: Path) -> None:
    assert run("calibrate", own, "--detector", "loud", "--name", "mine").returncode == 0
    assert run("calibrate", own, "--detector", "loud", "--name", "mine").returncode == 0
    done = run("calibrate", own, "--detector", "mine", "--name", "twice")
    assert done.returncode == 2 and "calibrate that one" in done.stderr
    assert run("calibrate", own / "absent", "--detector", "loud").returncode == 2
