"""earwitness evaluate with protocols of public corpora, published score files, comparisons and plots."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

Run = Callable[..., "CompletedProcess[str]"]

# Bona-fide scores as ASVspoof writes them (high: bona fide). Ours are their negatives: genuine -3 -1 0.5 2, fakes 1
# 3 3.5 -2. Flagged above t: fpr and fnr are both 1/4 for t in [0.5, 1) (0.5 and below not flagged, but 2 is), so EER
# is 25 %. DCF = 1.9 fpr + fnr is 1.9/4 + 1/4 = 0.725 there, 1/4 + ... from 2 on: fpr 0, fnr 1/2 (-2 and 1), so the
# least is 0.5. At ln 1.9 = 0.642: 0.725.
KEY = """E_1 E_0000000001 M - - - - bonafide bonafide -
E_1 E_0000000002 F - - - - bonafide bonafide -
E_2 E_0000000003 M C05 2 - - bonafide bonafide -
E_2 E_0000000004 M C05 2 - - bonafide bonafide -
E_3 E_0000000005 M - - E_0 AC1 A17 spoof -
E_3 E_0000000006 M - - E_0 AC1 A17 spoof -
E_4 E_0000000007 M C05 2 E_0 AC1 A18 spoof -
E_4 E_0000000008 M C05 2 E_0 AC1 A18 spoof -
"""
BONAFIDE = [3, 1, -0.5, -2, -1, -3, -3.5, 2]
NAMES = [line.split()[1] for line in KEY.splitlines()]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "ASVspoof5.eval.track_1.tsv"
    file.write_text(KEY)
    return file


@pytest.fixture
def evaluate(run: Run) -> Run:
    """The command, by default without the draws of an interval, which take most of its time."""

    def call(*arguments: str | Path) -> CompletedProcess[str]:
        return run("evaluate", *arguments, *(() if "--draws" in arguments else ("--draws", "0")))

    return call


def plain(folder: Path, lines: list[str], name: str = "scores.txt") -> Path:
    file = folder / name
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def rows(done: CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return {row.get("group", row.get("metric")): row for row in map(json.loads, done.stdout.splitlines())}


def test_eer_and_asvspoof_5_costs_are_those_computed_by_hand(evaluate: Run, key: Path, tmp_path: Path) -> None:
    scores = plain(tmp_path, [f"{name} {score}" for name, score in zip(NAMES, BONAFIDE, strict=True)])
    found = rows(evaluate(scores, "--protocol", key, "--higher-is", "bonafide", "--json", "-"))
    whole = found["all"]
    assert (whole["genuine"], whole["synthetic"], whole["clusters"]) == (4, 4, 4)
    assert whole["eer"] == pytest.approx(0.25)
    assert whole["min_dcf"] == pytest.approx(0.5)
    assert whole["act_dcf"] == pytest.approx(1.9 / 4 + 1 / 4)
    assert (whole["fpr"], whole["fnr"], whole["threshold"]) == pytest.approx((0.25, 0.25, 0.641854), abs=1e-6)
    # Each system stands against all genuine trials, a codec takes both classes.
    assert (found["system A17"]["genuine"], found["system A17"]["synthetic"], found["system A17"]["fnr"]) == (4, 2, 0)
    assert (found["codec C05"]["genuine"], found["codec C05"]["synthetic"]) == (2, 2)
    assert found["system A18"]["fnr"] == 0.5 and found["codec none"]["eer"] == 0.0
    at = rows(evaluate(scores, "--protocol", key, "--higher-is", "bonafide", "--threshold", "2", "--json", "-"))
    assert (at["all"]["fpr"], at["all"]["fnr"]) == (0.0, 0.5)


def test_the_direction_must_be_said_and_a_wrong_one_is_noticed(evaluate: Run, key: Path, tmp_path: Path) -> None:
    scores = plain(tmp_path, [f"{name} {score}" for name, score in zip(NAMES, BONAFIDE, strict=True)])
    done = evaluate(scores, "--protocol", key)
    assert (done.returncode, done.stdout) == (2, "") and "--higher-is" in done.stderr
    done = evaluate(scores, "--protocol", key, "--higher-is", "synthetic", "--json", "-")
    assert rows(done)["all"]["eer"] == pytest.approx(0.75)
    assert "turned around" in done.stderr
    # The official tool's file has a header and tabs, and does not say it either.
    lines = [f"{name}\t{score}" for name, score in zip(NAMES, BONAFIDE, strict=True)]
    official = plain(tmp_path, ["filename\tcm-score", *lines], "official.tsv")
    assert evaluate(official, "--protocol", key).returncode == 2
    done = evaluate(official, "--protocol", key, "--higher-is", "bonafide", "--json", "-")
    assert rows(done)["all"]["eer"] == pytest.approx(0.25)


def test_what_a_scan_wrote_is_joined_by_file_name(evaluate: Run, key: Path, tmp_path: Path) -> None:
    lines = [
        json.dumps({"path": f"/data/flac_E/{name}.flac", "result": {"score": -score}})
        for name, score in zip(NAMES, BONAFIDE, strict=True)
    ]
    lines[1] = json.dumps({"path": f"/data/flac_E/{NAMES[1]}.flac", "result": {"score": None}})
    lines[2] = json.dumps({"path": f"/data/flac_E/{NAMES[2]}.flac", "error": "broken"})
    done = evaluate(plain(tmp_path, lines, "scan.jsonl"), "--protocol", key, "--json", "-")
    whole = rows(done)["all"]
    assert (whole["genuine"], whole["unanswered"], whole["missing"]) == (2, 2, 0)
    assert done.stderr == ""


def test_missing_and_surplus_trials_are_counted_and_told(evaluate: Run, key: Path, tmp_path: Path) -> None:
    lines = [f"{name},{-score}" for name, score in zip(NAMES, BONAFIDE, strict=True)][:-1]
    scores = plain(tmp_path, ["path,score", *lines, "E_9.flac,1", "E_8.flac,1"], "scores.csv")
    done = evaluate(scores, "--protocol", key, "--json", "-")
    assert rows(done)["all"]["missing"] == 1 and rows(done)["system A18"]["missing"] == 1
    assert "1 of 8 trials have no score" in done.stderr and "2 scores belong to no trial" in done.stderr
    assert evaluate(scores, "--protocol", key, "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["E_0000000001 1", "E_0000000002 1", "x/E_0000000001.flac 2"], ["line 3", "scored before", "line 1"]),
        (["E_0000000001 1 2 3 4"], ["line 1", "5 fields"]),
        (["E_0000000001 high"], ["'high' is not a number"]),
        (["E_0000000001 nan"], ["not finite"]),
        (["A 1", "B 2"], ["None of the 2 scores"]),
        (["E_0000000001 1 fake"], ["'fake'", "contradicts", "bona fide"]),
        (["E_0000000005 A17 bonafide 1"], ["'bonafide'", "contradicts", "spoof"]),
    ],
)
def test_duplicates_and_contradictions_are_refused(
    evaluate: Run, key: Path, tmp_path: Path, lines: list[str], words: list[str]
) -> None:
    done = evaluate(plain(tmp_path, lines), "--protocol", key, "--higher-is", "bonafide")
    assert (done.returncode, done.stdout) == (2, "")
    assert all(word in done.stderr for word in words), done.stderr


def test_2021_is_quoted_on_its_eval_subset_alone(evaluate: Run, tmp_path: Path) -> None:
    key = plain(
        tmp_path,
        [
            "LA_0001 LA_E_1 alaw x A07 spoof notrim eval",
            "LA_0002 LA_E_2 alaw x - bonafide notrim eval",
            "LA_0003 LA_E_3 alaw x A07 spoof notrim progress",
            "LA_0004 LA_E_4 alaw x - bonafide trim hidden",
        ],
        "key.txt",
    )
    # Only the two of "eval" are right; the others are turned around. AASIST's own tool writes four columns.
    lines = ["LA_E_1 A07 spoof -1", "LA_E_2 - bonafide 1", "LA_E_3 A07 spoof 2", "LA_E_4 - bonafide -2"]
    done = evaluate(plain(tmp_path, lines), "--protocol", key, "--higher-is", "bonafide", "--json", "-")
    assert (rows(done)["all"]["genuine"], rows(done)["all"]["synthetic"], rows(done)["all"]["eer"]) == (1, 1, 0.0)
    assert "2 scores belong to trials outside of the subset 'eval'" in done.stderr


def test_mlaad_has_only_fakes_and_names_that_repeat(evaluate: Run, tmp_path: Path) -> None:
    for model in ("vits", "xtts"):
        folder = tmp_path / "mlaad" / "fake" / "de" / model
        folder.mkdir(parents=True)
        header = "path|original_file|language|duration|training_data|model_name|architecture|transcript"
        (folder / "meta.csv").write_text(f"{header}\n./fake/de/{model}/a.wav|o.wav|de|1|t|{model}|{model}|Hallo\n")
    lines = [json.dumps({"path": f"/x/fake/de/{m}/a.wav", "score": s}) for m, s in (("vits", 2.0), ("xtts", 0.0))]
    done = evaluate(plain(tmp_path, lines, "s.jsonl"), "--protocol", tmp_path / "mlaad", "--json", "-")
    found = rows(done)
    assert (found["all"]["synthetic"], found["all"]["fnr"], found["all"]["eer"], found["all"]["fpr"]) == (
        2,
        0.5,
        None,
        None,
    )
    assert (found["system vits"]["fnr"], found["system xtts"]["fnr"]) == (0.0, 1.0)
    assert "only one class" in done.stderr
    # A bare name could be either.
    done = evaluate(plain(tmp_path, ['{"path": "a.wav", "score": 1}'], "t.jsonl"), "--protocol", tmp_path / "mlaad")
    assert done.returncode == 2 and "could be several trials" in done.stderr
    # The genuine recording that a fake copies has its name, in other folders: it is no trial of MLAAD.
    real = plain(tmp_path, [*lines, '{"path": "m-ailabs/de_DE/a.wav", "score": 9}'], "real.jsonl")
    done = evaluate(real, "--protocol", tmp_path / "mlaad", "--json", "-")
    assert rows(done)["all"]["synthetic"] == 2 and "1 scores belong to no trial" in done.stderr
    # With genuine recordings of another protocol there is an EER.
    wild = plain(tmp_path, ["file,speaker,label", "g.wav,me,bona-fide"], "meta.csv")
    both = plain(tmp_path, [*lines, '{"path": "g.wav", "score": -1}'], "b.jsonl")
    found = rows(evaluate(both, "--protocol", tmp_path / "mlaad", "--protocol", wild, "--json", "-"))
    assert (found["all"]["genuine"], found["all"]["eer"]) == (1, 0.0)


def test_a_published_file_with_labels_needs_no_protocol(evaluate: Run, tmp_path: Path) -> None:
    lines = ["LA_E_1 A07 spoof -1", "LA_E_2 A08 spoof 2", "LA_E_3 - bonafide 1", "LA_E_4 - bonafide 3"]
    found = rows(evaluate(plain(tmp_path, lines), "--higher-is", "bonafide", "--json", "-"))
    assert found["all"]["eer"] == 0.5 and found["system A07"]["eer"] == 0.0


def test_codecfake_probabilities_are_turned_and_doubted(evaluate: Run, tmp_path: Path) -> None:
    key = plain(tmp_path, ["a.wav real 0", "b.wav fake 1", "c.wav fake 2"], "C1.txt")
    scores = plain(tmp_path, ["a.wav 0.9 real", "b.wav 0.2 fake", "c.wav 0.9 fake"])
    done = evaluate(scores, "--protocol", key, "--higher-is", "bonafide", "--json", "-")
    assert rows(done)["all"]["auc"] == pytest.approx(0.75)
    assert "look like probabilities" in done.stderr and "66.7% of the scores also occur" in done.stderr


def test_constant_scores_have_no_eer_and_say_so(evaluate: Run, key: Path, tmp_path: Path) -> None:
    scores = plain(tmp_path, [f"{name} 1.5" for name in NAMES])
    done = evaluate(scores, "--protocol", key, "--higher-is", "bonafide", "--json", "-")
    assert rows(done)["all"]["eer"] is None and rows(done)["all"]["min_dcf"] == 1.0
    assert "scores.txt: all scores are equal" in done.stderr


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """The same 300 trials of 30 speakers by a good detector and by the same with noise added."""
    draw = np.random.default_rng(2)
    files = tmp_path / "good.csv", tmp_path / "worse.csv"
    labels = [number % 3 == 0 for number in range(300)]
    good = [draw.normal(1.5 if label else -1.5) for label in labels]
    worse = [score + draw.normal(0, 3) for score in good]
    for file, scores in zip(files, (good, worse), strict=True):
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["path", "label", "score", "cluster"])
            for number, (label, score) in enumerate(zip(labels, scores, strict=True)):
                writer.writerow([number, "spoof" if label else "bonafide", score, number // 10])
    return files


def test_two_detectors_are_compared_in_pairs(evaluate: Run, two: tuple[Path, Path]) -> None:
    good, worse = two
    found = rows(evaluate(good, "--against", worse, "--draws", "200", "--json", "-"))
    assert set(found) == {"all", "eer", "min_dcf", "act_dcf", "cllr", "auc"}
    eer = found["eer"]
    assert (eer["trials"], eer["clusters"], eer["first"]) == (300, 30, found["all"]["eer"])
    assert eer["difference"] == pytest.approx(eer["first"] - eer["second"])
    assert eer["low"] <= eer["difference"] <= eer["high"] < 0 < found["auc"]["low"]
    # Against itself the paired difference is exactly nothing, in every draw.
    same = rows(evaluate(good, "--against", good, "--draws", "50", "--json", "-"))["eer"]
    assert (same["difference"], same["low"], same["high"]) == (0.0, 0.0, 0.0)
    shown = evaluate(good, "--against", worse, "--draws", "200").stdout
    assert "beyond chance" in shown and "yes" in shown


def test_each_file_of_a_pair_has_its_own_direction(evaluate: Run, key: Path, tmp_path: Path) -> None:
    theirs = plain(tmp_path, [f"{name} {score}" for name, score in zip(NAMES, BONAFIDE, strict=True)])
    lines = [json.dumps({"path": name, "score": -score}) for name, score in zip(NAMES, BONAFIDE, strict=True)]
    ours = plain(tmp_path, lines, "ours.jsonl")
    command = (ours, "--protocol", key, "--against", theirs, "--draws", "50", "--json", "-")
    assert evaluate(*command).returncode == 2
    found = rows(evaluate(*command, "--against-higher-is", "bonafide"))
    assert found["cllr"]["difference"] == 0.0 and found["eer"]["trials"] == 8


def test_plots_are_written_whole_in_either_kind_and_the_same_each_time(
    evaluate: Run, two: tuple[Path, Path], tmp_path: Path
) -> None:
    good, worse = two
    done = evaluate(good, "--against", worse, "--plots", tmp_path / "p", "--quiet", "--json", "-")
    assert done.returncode == 2, "a paired comparison without draws says nothing"
    for folder in ("p", "q"):
        done = evaluate(good, "--plots", tmp_path / folder)
        assert done.returncode == 0, done.stderr
    names = {"det.svg", "tippett.svg", "reliability.svg"}
    assert {file.name for file in (tmp_path / "p").iterdir()} == names
    for name in names:
        text = (tmp_path / "p" / name).read_bytes()
        assert text == (tmp_path / "q" / name).read_bytes()
        assert text.startswith(b"<?xml") and text.rstrip().endswith(b"</svg>")
    evaluate(good, "--plots", tmp_path / "r", "--plot-format", "png")
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in (tmp_path / "r").iterdir())
    (tmp_path / "file").write_text("")
    done = evaluate(good, "--plots", tmp_path / "file" / "x")
    assert done.returncode == 2 and "Cannot write" in done.stderr


def test_plots_without_matplotlib_are_a_sentence(two: tuple[Path, Path], tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        f"from earwitness.api.cli import main; main(['evaluate', {str(two[0])!r}, '--draws', '0', '--plots', 'p'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2 and "earwitness[report]" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "p").exists()
