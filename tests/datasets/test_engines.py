from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from earwitness.core.audio import Audio
from earwitness.core.errors import AudioError, MissingPart, UsageError, WeightsError
from earwitness.datasets.engines import Engine, engines, espeak, festival, flite, open_engine, phonemes
from earwitness.datasets.engines.kokoro import Kokoro
from earwitness.datasets.engines.openjtalk import OpenJTalk
from earwitness.datasets.engines.pins import Pins, pins_of
from earwitness.datasets.engines.piper import Piper
from earwitness.datasets.engines.program import ProgramEngine
from earwitness.datasets.engines.protocol import words

from .engine_toys import ECHO_LAST, kokoro_pins, pins, piper_pins, script

TEXT = "the old house stood alone, at the edge of a wood."
MAKERS: dict[str, tuple[Callable[[Path], Pins], Callable[[Pins], Engine]]] = {
    "kokoro": (kokoro_pins, lambda pins: Kokoro(pins)),
    "piper": (piper_pins, lambda pins: Piper(pins)),
}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH beside the shell's own."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    return tmp_path / "bin"


@pytest.fixture(params=sorted(MAKERS))
def neural(
    request: pytest.FixtureRequest, tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Engine, Path]:
    """Kokoro or Piper around a tiny graph in packages of its own, and their folder."""
    make, engine = MAKERS[request.param]
    script(programs, "espeak-ng", ECHO_LAST)
    pins = make(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return engine(pins), tmp_path / "site"


def test_the_registry_is_whole() -> None:
    assert set(engines()) == {"espeak-ng", "festival", "flite", "kokoro", "openjtalk", "piper"}
    assert [name for name, engine in engines().items() if engine.held_out] == ["kokoro"]
    for name, engine in engines().items():
        assert engine.name == name
        assert len({voice.name for voice in engine.voices}) == len(engine.voices) > 0
        assert all(voice.licence and voice.note and voice.language for voice in engine.voices)
    assert "research only" in engines()["piper"].voices[0].note
    with pytest.raises(UsageError, match="no engine 'flight'; known: espeak-ng"):
        open_engine("flight")


def test_a_neural_engine_speaks_and_repeats_itself(neural: tuple[Engine, Path]) -> None:
    engine, _ = neural
    voice = engine.voices[0].name
    assert engine.missing() == ""
    engine.check((voice,))
    first, again, other = (engine.speak(TEXT, voice, seed) for seed in (1, 1, 2))
    assert first.channels == 1 and first.rate in (22050, 24000)
    assert np.array_equal(first.samples, again.samples)
    assert first.samples.shape != other.samples.shape or not np.array_equal(first.samples, other.samples)
    assert engine.speak(TEXT + " " + TEXT, voice, 1).seconds > 1.8 * first.seconds
    assert "toy_kokoro" not in sys.modules and "toy_piper" not in sys.modules, "data is read, code is not run"


def test_long_text_is_spoken_whole(neural: tuple[Engine, Path]) -> None:
    engine, _ = neural
    voice = engine.voices[0].name
    short, long = ("a house and " * times for times in (10, 100))
    assert engine.speak(long, voice, 1).seconds == pytest.approx(10 * engine.speak(short, voice, 1).seconds, rel=0.05)


def test_another_file_than_the_pinned_one_is_refused(neural: tuple[Engine, Path]) -> None:
    engine, site = neural
    voice = engine.voices[0].name
    part = site / f"toy_{engine.name}_2" / "rest"
    part.write_bytes(part.read_bytes()[:-1] + b"\xff")
    with pytest.raises(WeightsError, match=f"model of the engine '{engine.name}' is not the file .* toy-"):
        engine.check()
    with pytest.raises(WeightsError, match="was not used"):
        engine.speak(TEXT, voice, 1)


def test_what_a_neural_engine_lacks_is_named(neural: tuple[Engine, Path], programs: Path) -> None:
    engine, site = neural
    voice = engine.voices[0].name
    (programs / "espeak-ng").unlink()
    for attempt in (engine.check, lambda: engine.speak(TEXT, voice, 1)):
        with pytest.raises(MissingPart, match="apt-get install espeak-ng"):
            attempt()
    (site / f"toy_{engine.name}_2" / "rest").unlink()
    assert f"toy-{engine.name}: pip install 'earwitness[engines]'" in engine.missing()
    with pytest.raises(MissingPart, match="pip install"):
        engine.check()


def test_mixtures_are_voices_of_kokoro(tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(programs, "espeak-ng", ECHO_LAST)
    kokoro = Kokoro(kokoro_pins(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    loud = {
        voice: float(np.abs(kokoro.speak(TEXT, voice, 1).samples).max())
        for voice in ("jf_alpha", "jm_kumo", "jf_alpha+jm_kumo", "jf_alpha+jm_kumo+jm_kumo")
    }
    assert loud["jf_alpha+jm_kumo"] == pytest.approx((loud["jf_alpha"] + loud["jm_kumo"]) / 2, rel=1e-4)
    assert loud["jf_alpha+jm_kumo+jm_kumo"] == pytest.approx((loud["jf_alpha"] + 2 * loud["jm_kumo"]) / 3, rel=1e-4)
    with pytest.raises(UsageError, match="no voice 'jf_alfa'; the nearest is 'jf_alpha'"):
        kokoro.check(("jf_alfa+jm_kumo",))


def test_clauses_keep_their_marks(programs: Path) -> None:
    script(programs, "espeak-ng", ECHO_LAST)
    assert phonemes.clauses("at 3.5 miles, a house. why?", "toy") == ["at 3.5 miles,", "a house.", "why?"]
    assert phonemes.clauses("no mark", "toy") == ["no mark"]
    table = dict.fromkeys("abc ,")
    assert phonemes.symbols(["abcX,", "ab,"], table, 100) == ["abc, ab,"]
    assert phonemes.symbols(["abc,", "ab,"], table, 5) == ["abc,", "ab,"]
    assert phonemes.symbols(["abcabcabc ab c"], table, 4) == ["abca", "ab c"]


def test_words_are_made_fit_to_speak() -> None:
    assert words(" ... A\n house. ") == "A house."
    assert words("IT IS US") == "it is us"
    with pytest.raises(UsageError, match="no words"):
        words("... !")


@pytest.mark.parametrize("engine", [flite.ENGINE, festival.ENGINE, espeak.ENGINE], ids=lambda e: e.name)
def test_a_program_gets_voice_and_text_and_gives_sound(engine: ProgramEngine, tmp_path: Path, programs: Path) -> None:
    soundfile.write(tmp_path / "made.wav", np.full((800, 2), 0.25), 16000)
    # Notes its arguments and its input file, then copies the sound to where the output belongs.
    body = f"""PATH=/bin:/usr/bin
echo "$@" >> "{tmp_path}/said"
for one; do
    case "$one" in
        *in.txt) cat "$one" >> "{tmp_path}/said" ;;
        *out.wav) cp "{tmp_path}/made.wav" "$one" ;;
    esac
done"""
    script(programs, engine.program, body)
    here = replace(engine, files=dict.fromkeys(engine.files, tmp_path))
    voice = here.voices[0].name
    made = here.speak("-o; rm A house", voice, 1)
    assert (made.channels, made.rate, made.samples.shape[1]) == (1, 16000, 800)
    here.speak("-o; rm A house", voice, 1)
    here.speak("-o; rm A house", voice, 2)
    said = [line for line in (tmp_path / "said").read_text().splitlines() if line != "o; rm A house"]
    assert len(said) == 3 and all(voice in line for line in said)
    assert "o; rm" not in "".join(said), "the text goes by file"
    pace = [" ".join(word for word in line.split() if "/" not in word) for line in said]
    assert pace[0] == pace[1] != pace[2]
    with pytest.raises(UsageError, match="no voice 'nobody'"):
        here.speak("house", "nobody", 1)


@pytest.mark.parametrize("engine", [flite.ENGINE, festival.ENGINE, espeak.ENGINE], ids=lambda e: e.name)
def test_a_missing_program_is_named_with_its_package(engine: ProgramEngine, tmp_path: Path, programs: Path) -> None:
    with pytest.raises(MissingPart, match=f"{engine.name!r} needs .*apt-get install {engine.package}"):
        engine.speak("house", engine.voices[0].name, 1)
    script(programs, engine.program, "exit 0")
    bare = replace(engine, files=dict.fromkeys(engine.files, tmp_path / "absent"))
    for voice, package in engine.packages.items():
        with pytest.raises(MissingPart, match=f"apt-get install {package}\\."):
            bare.check((voice,))
    assert replace(engine, files={}).missing() == ""


def test_a_failing_program_is_named(programs: Path) -> None:
    script(programs, "flite", "echo no tongue >&2; exit 3")
    with pytest.raises(AudioError, match="flite: flite failed: no tongue"):
        flite.ENGINE.speak("house", "slt", 1)
    script(programs, "flite", "kill -9 $$")
    with pytest.raises(AudioError, match="no message, exit status -9"):
        flite.ENGINE.speak("house", "slt", 1)


def test_open_jtalk_reads_its_pinned_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = pins(tmp_path / "site", "openjtalk", {"voice": b"v" * 200})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    heard: list[float] = []

    def tts(text: str, speed: float, half_tone: float) -> tuple[object, int]:
        heard.append(speed)
        return np.full(480, 16384.0), 48000

    fake = types.ModuleType("pyopenjtalk")
    fake.tts = tts  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyopenjtalk", fake)
    made = OpenJTalk(found).speak("こんにちは", "mei", 1)
    assert made.rate == 48000 and np.allclose(made.samples, 0.5) and 0.8 < heard[0] < 1.2
    (tmp_path / "site" / "toy_openjtalk" / "voice").write_bytes(b"w" * 100)
    with pytest.raises(WeightsError, match="voice of the engine 'openjtalk'"):
        OpenJTalk(found).speak("こんにちは", "mei", 1)


def test_the_shipped_pins_name_digests_and_requirements() -> None:
    constraints = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()
    for name in ("kokoro", "piper", "openjtalk"):
        found = pins_of(name)
        assert found.requirement in constraints, "what pip installs is what the digests are of"
        assert all(len(bytes.fromhex(file.sha256)) == 32 and file.parts for file in found.files.values())


def real(name: str, text: str, voice: str) -> Audio:
    made = engines()[name].speak(text, voice, 3)
    assert made.channels == 1 and 1 < made.seconds < 10 and float(np.abs(made.samples).max()) > 0.05
    return made


def test_real_flite(require: Callable[[str], None]) -> None:
    require("flite")
    for voice in flite.ENGINE.voices:
        assert real("flite", TEXT, voice.name).rate == 16000


def test_real_espeak_ng(require: Callable[[str], None]) -> None:
    require("espeak-ng")
    for voice in espeak.ENGINE.voices:
        real("espeak-ng", TEXT, voice.name)
    found = phonemes.clauses("The house, a wood.", "toy")
    assert [line[-1] for line in found] == [",", "."] and "haʊs" in found[0].replace("ˈ", "")
