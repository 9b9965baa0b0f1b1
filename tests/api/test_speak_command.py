"""earwitness dataset align, train and speak: from transcribed recordings to marked speech with a provenance."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
import soundfile
from earwitness.api import speaking
from earwitness.codecs import tokens, zoo
from earwitness.core.audio import Audio, load, save
from earwitness.core.errors import UsageError
from earwitness.core.files import sha256
from earwitness.datasets import manifest
from earwitness.datasets.manifest import Clip

Run = Callable[..., "CompletedProcess[str]"]
TEXT = "And it is worth mention in passing that, as an example of fine typography,"
RECIPE = """
name = "tiny"
model = "matcha"
summary = "as small as it gets"

[arguments]
dim = 16
heads = 2
layers = 1
hidden = 16
channels = 16
expanded = 16
mean_blocks = 1
flow_blocks = 1

[data]
seconds = 0.5
prompt_seconds = 0.5
batch = 2

[schedule]
steps = 3
"""
TOKENS = """
name = "tokens"
model = "valler"
summary = "as small as it gets"

[arguments]
dim = 16
heads = 2
layers = 1
hidden = 16
phone_layers = 1

[data]
seconds = 0.5
prompt_seconds = 0.5
batch = 2
codec = "wavtokenizer"

[schedule]
steps = 3
"""
HEARD = """
name = "heard"
model = "phonenet"
summary = "as small as it gets"

[arguments]
channels = 16
hidden = 16
blocks = 2
middle = 1
units = 16

[data]
seconds = 0.5
prompt_seconds = 0.1
batch = 2

[schedule]
steps = 3
"""
CONTINUED = """
name = "continued"
model = "audiolm"
summary = "as small as it gets"

[arguments]
dim = 16
heads = 2
layers = 1
hidden = 16
unit_dim = 16
unit_layers = 1
units = 16
window = 20

[data]
seconds = 0.5
prompt_seconds = 0.5
batch = 2
codec = "wavtokenizer"
units = {heard}

[schedule]
steps = 3
"""
CONSENT = 'who = "Ada Example"\nbasis = "written-consent"\ndate = 2026-11-30\n'


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a manifest: LJ Speech reading TEXT, from the shipped tokens of two codecs, and an untold clip."""
    folder = tmp_path_factory.mktemp("recordings")
    clips = []
    for name in ("soundstream", "streamcodec"):
        file = Path(str(resources.files("earwitness.codecs.weights"))) / f"english-{name}.ewt"
        audio = zoo.open_codec(name).decode(tokens.load(file))
        save(folder / f"{name}.flac", audio)
        path = folder / f"{name}.flac"
        told: dict[str, Any] = {
            "corpus": "lj",
            "speaker": "lj",
            "seconds": audio.seconds,
            "rate": audio.rate,
            "sha256": sha256(path),
        }
        clips.append(Clip(str(path), language="en", text=TEXT, **told))
    save(folder / "untold.flac", Audio(0.1 * np.ones((1, 16_000), np.float32), 16_000))
    clips.append(Clip(str(folder / "untold.flac"), speaker="other", language="en", seconds=1.0, rate=16_000))
    manifest.write(folder / "manifest.jsonl", clips)
    return folder


@pytest.fixture
def model(run: Run, require: Any, recordings: Path, tmp_path: Path) -> Path:
    """The folder of a tiny trained generator."""
    require("torch")
    require("pocketsphinx")
    done = run("dataset", "align", "--data", recordings, "--out", tmp_path / "aligned")
    assert done.returncode == 0, done.stderr
    assert "2 clips of 1 speakers" in done.stdout and "Left out: 1 with no text." in done.stdout
    (tmp_path / "tiny.toml").write_text(RECIPE)
    done = run("train", tmp_path / "tiny.toml", "--data", tmp_path / "aligned", "--out", tmp_path / "model")
    assert done.returncode == 0, done.stderr
    return tmp_path / "model"


@pytest.fixture
def stranger(tmp_path: Path, speech: Callable[..., Any]) -> Path:
    """A recording of a voice that nobody was trained on."""
    save(tmp_path / "stranger.wav", Audio(speech(3.0, seed=9, rate=22_050)[None], 22_050))
    return tmp_path / "stranger.wav"


def test_a_trained_generator_speaks_marked_and_says_where_it_comes_from(
    run: Run, model: Path, stranger: Path, tmp_path: Path, own_home: Path
) -> None:
    (tmp_path / "consent.toml").write_text(CONSENT)
    words = ("speak", TEXT, "--prompt", stranger, "--consent", tmp_path / "consent.toml", "--model", model)
    done = run(*words, "--out", tmp_path / "a.wav", "--best-of", "2", "--seed", "5")
    assert done.returncode == 0, done.stderr
    audio = load(tmp_path / "a.wav")
    assert audio.rate == 16_000 and 3 < audio.seconds < 20
    beside = (tmp_path / "a.wav.json").read_text(encoding="utf-8")
    told = json.loads(beside)
    assert told["sha256"] == sha256(tmp_path / "a.wav") and told["prompt_sha256"] == sha256(stranger)
    assert told["consent"] == {"sha256": sha256(tmp_path / "consent.toml"), "basis": "written-consent"}
    assert told["seed"] in (5, 6) and told["best_of"] == 2 and told["text"] == TEXT
    assert "Ada" not in beside and "Ada" not in done.stdout
    # The mark is one that the key under --home finds, with a record that says what it is on.
    found = run("watermark", "verify", tmp_path / "a.wav", "--key", own_home / speaking.KEY, "--plain", "--json", "-")
    result = json.loads(found.stdout)
    assert (result["verdict"] == "marked") == told["mark"]["found_again"]
    # The file itself tells it too.
    inside = json.loads(soundfile.SoundFile(tmp_path / "a.wav").comment)
    assert inside == {key: told[key] for key in ("what", "digital_source_type", "model", "prompt_sha256", "consent")}
    assert b"Ada" not in (tmp_path / "a.wav").read_bytes()
    shown = run("watermark", "records", "show", told["mark"]["record"], "--json", "-")
    assert json.loads(shown.stdout)["claims"]["consent"] == told["consent"]


def test_the_same_seed_says_the_same_and_a_training_voice_needs_no_consent(
    run: Run, model: Path, recordings: Path, tmp_path: Path
) -> None:
    prompt = recordings / "soundstream.flac"
    made = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        spoken = speaking.speak(
            "Hello there.",
            prompt,
            tmp_path / f"{name}.flac",
            model=str(model),
            seed=seed,
            mark=False,
            purpose="test of the seed",
        )
        told = json.loads(spoken.provenance.read_text())
        assert told["mark"] == {"purpose_without": "test of the seed"}
        assert told["consent"] == {"basis": "voice of the training manifest"}
        assert json.loads(soundfile.SoundFile(spoken.audio).comment)["consent"] == told["consent"]
        made.append(sha256(tmp_path / f"{name}.flac"))
    assert made[0] == made[1] != made[2]
    with pytest.raises(UsageError, match="purpose"):
        speaking.speak("Hello there.", prompt, tmp_path / "d.wav", model=str(model), mark=False, purpose=" ")


def test_what_must_not_or_cannot_be_said_is_refused_and_nothing_is_written(
    run: Run, model: Path, stranger: Path, tmp_path: Path
) -> None:
    (tmp_path / "consent.toml").write_text(CONSENT)
    (tmp_path / "nameless.toml").write_text('basis = "licence"\ndate = 2026-11-30\n')
    save(tmp_path / "silent.wav", Audio(np.zeros((1, 48_000), np.float32), 16_000))
    save(tmp_path / "short.wav", Audio(load(stranger).samples[:, :9_000], 22_050))
    out, given = tmp_path / "out.wav", ("--consent", tmp_path / "consent.toml")
    for text, prompt, options, reason in [
        ("Hello", stranger, (), "needs a consent"),
        ("Hello", stranger, ("--consent", tmp_path / "nameless.toml"), "does not say 'who'"),
        ("", stranger, given, "no word"),
        ("one word after the other " * 1100, stranger, given, "minutes to say"),
        ("Hello", tmp_path / "silent.wav", given, "silent"),
        ("Hello", tmp_path / "short.wav", given, "at least 1 s"),
        ("Hello", tmp_path / "consent.toml", given, "not a sound file"),
        ("Guten Tag", stranger, (*given, "--language", "de"), "'de' is unknown"),
        ("你好", stranger, given, "letter '你'"),
        ("Hello", stranger, (*given, "--best-of", "99"), "1 to 64"),
    ]:
        done = run("speak", text, "--prompt", prompt, "--out", out, "--model", model, *options)
        assert done.returncode == 2 and reason in done.stderr, (text[:20], done.stderr)
        assert done.stderr.count("\n") == 1
    assert not out.exists() and not Path(f"{out}.json").exists()
    done = run("speak", "Hello", "--prompt", stranger, "--out", stranger, "--model", model, *given)
    assert done.returncode == 2 and "the input itself" in done.stderr


def test_an_untrained_generator_says_so_and_how_to_train_it(run: Run, stranger: Path, tmp_path: Path) -> None:
    listed = run("speak", "--list").stdout
    untrained = [line for line in listed.splitlines() if "untrained" in line]
    for name in (line.split()[0] for line in untrained):
        done = run("speak", "Hello", "--prompt", stranger, "--out", tmp_path / "out.wav", "--model", name)
        assert done.returncode == 2 and f"{name!r} is untrained" in done.stderr and "dataset align" in done.stderr
    done = run("speak", "Hello", "--prompt", stranger, "--out", tmp_path / "out.wav", "--model", "parrot")
    assert done.returncode == 2 and "'parrot'; known: " in done.stderr


def test_a_generator_needs_aligned_speech(run: Run, require: Any, recordings: Path, tmp_path: Path) -> None:
    require("torch")
    done = run("train", "matcha", "--data", recordings, "--out", tmp_path / "out")
    assert done.returncode == 2 and "not a pack" in done.stderr


def test_infill_marks_the_recording_and_names_the_exact_span(
    run: Run, require: Any, model: Path, recordings: Path, tmp_path: Path
) -> None:
    (tmp_path / "tokens.toml").write_text(TOKENS)
    words = ("train", tmp_path / "tokens.toml", "--data", tmp_path / "aligned", "--out", tmp_path / "tokens")
    assert run(*words).returncode == 0
    source, out = recordings / "soundstream.flac", tmp_path / "out.wav"
    common = ("--text", TEXT, "--start", "1", "--model", tmp_path / "tokens")
    done = run("infill", source, out, *common, "--end", "1.6")
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out.wav.json").read_text())
    assert told["spans"] == [{"start": 1.0, "end": 1.6, "kind": "infill"}] and told["outside"] == "original samples"
    assert load(out).samples.shape == load(source).samples.shape
    inside = json.loads(soundfile.SoundFile(out).comment)
    assert inside["what"] == "speech with a synthetic span" and inside["consent"] == told["consent"]
    copy, silent, short = (tmp_path / f"{name}.wav" for name in ("copy", "silent", "short"))
    save(copy, load(source))
    save(silent, Audio(np.zeros((1, 48_000), np.float32), 16_000))
    save(short, Audio(load(source).samples[:, :14_000], 16_000))
    (tmp_path / "consent.toml").write_text(CONSENT)
    given, rest = ("--consent", tmp_path / "consent.toml"), common[2:]
    for path, end, options, reason in [
        (copy, "1.6", common, "needs a consent"),
        (source, "4", common, "1.5 s can be spoken again"),
        (source, "1.6", (*common[:-1], model), "cannot speak parts"),
        (source, "1.6", ("--text", "", *rest), "no word"),
        (source, "1.6", ("--text", "one word after the other " * 1100, *rest), "minutes to say"),
        (source, "1.6", ("--text", "你好", *rest), "letter '你'"),
        (source, "1.6", ("--text", "something else entirely, and much too much of it " * 9, *rest), "not found"),
        (source, "9", (*common, "--start", "8.5"), "does not lie in the recording"),
        (silent, "1.6", (*common, *given), "silent"),
        (short, "1.6", (*common, *given), "at least 1 s"),
    ]:
        done = run("infill", path, tmp_path / "no.wav", *options, "--end", end)
        assert done.returncode == 2 and reason in done.stderr, (reason, done.stderr)
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "no.wav").exists() and not (tmp_path / "no.wav.json").exists()


def test_continue_marks_what_follows_and_names_the_exact_span(
    run: Run, model: Path, recordings: Path, stranger: Path, tmp_path: Path
) -> None:
    (tmp_path / "heard.toml").write_text(HEARD)
    (tmp_path / "continued.toml").write_text(CONTINUED.format(heard=json.dumps(str(tmp_path / "heard"))))
    for name in ("heard", "continued"):
        words = ("train", tmp_path / f"{name}.toml", "--data", tmp_path / "aligned", "--out", tmp_path / name)
        done = run(*words)
        assert done.returncode == 0, done.stderr
    (tmp_path / "consent.toml").write_text(CONSENT)
    given = ("--consent", tmp_path / "consent.toml", "--model", tmp_path / "continued")
    out = tmp_path / "out.wav"
    done = run("continue", stranger, "--out", out, "--seconds", "1.5", "--best-of", "2", "--seed", "4", *given)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out.wav.json").read_text())
    (span,) = told["spans"]
    assert span["kind"] == "continue" and span["end"] - span["start"] == pytest.approx(1.5, abs=1e-6)
    assert 2.9 < span["start"] < 3.0 and load(out).seconds == pytest.approx(span["end"])
    assert told["what"] == "speech with a synthetic span" and told["outside"] == "original samples"
    assert told["seed"] in (4, 5) and told["best_of"] == 2 and told["mark"]["record"] and told["consent"]["basis"]
    # The recording's own voice was trained on, so it needs no consent; the seed decides what follows.
    made = []
    for seed in (0, 0, 1):
        spoken = speaking.go_on(
            recordings / "soundstream.flac",
            tmp_path / "alone.wav",
            0.5,
            model=str(tmp_path / "continued"),
            seed=seed,
            alone=True,
            mark=False,
            purpose="test of the seed",
        )
        assert json.loads(spoken.provenance.read_text())["spans"] == [{"start": 0.0, "end": 0.5, "kind": "continue"}]
        made.append(sha256(tmp_path / "alone.wav"))
    assert made[0] == made[1] != made[2]
    save(tmp_path / "silent.wav", Audio(np.zeros((1, 48_000), np.float32), 16_000))
    save(tmp_path / "short.wav", Audio(load(stranger).samples[:, :9_000], 22_050))
    save(tmp_path / "long.wav", Audio(np.tile(load(stranger).samples, (1, 21)), 22_050))
    for path, options, reason in [
        (stranger, given[2:], "needs a consent"),
        (tmp_path / "silent.wav", given, "silent"),
        (tmp_path / "short.wav", given, "at least 1 s"),
        (tmp_path / "long.wav", given, "60 s"),
        (stranger, (*given, "--seconds", "31"), "0.2 to 30 s"),
        (stranger, (*given, "--best-of", "99"), "1 to 64"),
        (stranger, (*given[:2], "--model", model), "speaks texts"),
        (stranger, (*given[:2], "--model", tmp_path / "heard"), "no trained generator"),
        (tmp_path / "consent.toml", given, "not a sound file"),
    ]:
        done = run("continue", path, "--out", tmp_path / "no.wav", *options)
        assert done.returncode == 2 and reason in done.stderr, (path, done.stderr)
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "no.wav").exists() and not (tmp_path / "no.wav.json").exists()
    done = run("speak", "Hello", "--prompt", stranger, "--out", tmp_path / "no.wav", *given)
    assert done.returncode == 2 and "speaks no text" in done.stderr
