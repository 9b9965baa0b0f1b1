"""The command line as a whole: what it loads, what every command has, and how it ends."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import earwitness
import pytest
import typer
from earwitness.api.cli.app import app
from earwitness.api.cli.options import Debug
from earwitness.api.cli.root import Root
from earwitness.core.errors import DataError

Run = Callable[..., "CompletedProcess[str]"]
HEAVY = {"numpy", "scipy", "torch", "onnxruntime", "pydantic", "soundfile", "av", "platformdirs"}


def commands() -> Iterator[tuple[list[str], Any]]:
    """Every leaf command with its words."""

    def walk(words: list[str], command: Any) -> Iterator[tuple[list[str], Any]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk([*words, name], inner)
        if not hasattr(command, "commands"):
            yield words, command

    yield from walk([], typer.main.get_command(app))


def loaded_by(*arguments: str | Path) -> set[str]:
    """Top-level modules that a process has loaded when the command ends."""
    code = (
        "import sys\nfrom earwitness.api.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('MODULES', *{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    return set(done.stderr.split("MODULES")[1].split())


def test_help_and_version_load_nothing_heavy() -> None:
    for arguments in (["--help"], ["--version"]):
        assert loaded_by(*arguments) & HEAVY == set(), arguments
    # Typer itself checks the options of a command with pydantic.
    for arguments in (["scan", "--help"], ["codec", "train", "--help"]):
        assert loaded_by(*arguments) & (HEAVY - {"pydantic"}) == set(), arguments


def test_a_scan_loads_no_part_of_the_extras(toys: Path, recordings: Path) -> None:
    loaded = loaded_by("scan", "--detector", "loud", recordings, "--json", "-")
    assert "onnxruntime" in loaded
    assert loaded & {"torch", "librosa", "sklearn", "pyarrow", "matplotlib", "accelerate", "onnx", "numba"} == set()


def test_every_command_has_home_and_debug_and_its_help_works(run: Run) -> None:
    found = list(commands())
    assert {words[0] for words, _ in found} >= {
        "scan",
        "codec",
        "train",
        "evaluate",
        "dataset",
        "weights",
        "detectors",
    }
    for words, command in found:
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--home", "--debug"} <= options, words
        done = run(*words, "--help")
        assert done.returncode == 0 and "--home" in done.stdout, words


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"earwitness {earwitness.__version__}\n"


def test_home_says_where_weights_lie(
    run: Run, toy_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EARWITNESS_HOME")
    (tmp_path / "weights").symlink_to(toy_weights)
    assert "loud" in run("detectors", "--home", tmp_path).stdout
    monkeypatch.setenv("EARWITNESS_HOME", str(tmp_path / "other"))
    assert "loud" not in run("detectors").stdout


def ending(failure: BaseException, *options: str, capsys: pytest.CaptureFixture[str]) -> tuple[Any, str]:
    """Exit code and stderr of a command that raises `failure`."""
    toy = typer.Typer(cls=Root, pretty_exceptions_enable=False)

    @toy.callback()
    def group() -> None: ...

    @toy.command()
    def fail(debug: Debug = False) -> None:
        raise failure

    with pytest.raises(SystemExit) as end:
        toy(args=["fail", *options])
    return end.value.code, capsys.readouterr().err


def test_an_error_is_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(DataError("The file 'x\x1b[2J' is broken."), capsys=capsys) == (
        2,
        "earwitness: The file 'x\\x1b[2J' is broken.\n",
    )


def test_debug_shows_the_traceback_of_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = ending(DataError("Broken."), "--debug", capsys=capsys)
    assert code == 2 and "Traceback" in text and text.endswith("earwitness: Broken.\n")


def test_an_operating_system_error_is_a_sentence_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(OSError(28, "No space left on device", "out.wav"), capsys=capsys) == (
        2,
        "earwitness: out.wav: No space left on device.\n",
    )


def test_an_interrupt_exits_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(KeyboardInterrupt(), capsys=capsys) == (130, "earwitness: Interrupted.\n")


def test_a_fault_of_ours_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        ending(ZeroDivisionError(), capsys=capsys)


def test_a_closed_pipe_is_quiet(toys: Path, recordings: Path) -> None:
    command = [sys.executable, "-c", "from earwitness.api.cli import main; main()", "scan", "--detector", "loud"]
    process = subprocess.Popen(
        [*command, str(recordings), "--json", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 141


def on_terminal(*arguments: str | Path, **variables: str) -> tuple[str, str]:
    """What a command writes to a terminal as stdout and stderr."""
    (out, out_end), (err, err_end) = pty.openpty(), pty.openpty()
    command = [sys.executable, "-c", "from earwitness.api.cli import main; main()", *map(str, arguments)]
    settings = {**os.environ, "TERM": "xterm", "COLUMNS": "100", **variables}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out_end, stderr=err_end, env=settings)
    os.close(out_end)
    os.close(err_end)
    texts = drain(out), drain(err)
    assert process.wait(timeout=60) == 0
    return texts


def drain(handle: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(handle, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(handle)
    return b"".join(parts).decode()


def test_a_terminal_gets_colours_and_progress_unless_told_otherwise(toys: Path, recordings: Path) -> None:
    command = ("scan", "--detector", "loud", recordings)
    out, err = on_terminal(*command)
    assert "\x1b[1;31m" in out and "Scanning" in err
    out, _ = on_terminal(*command, NO_COLOR="1")
    assert "synthetic" in out and "\x1b[1;31m" not in out and "\x1b[32m" not in out
    assert on_terminal(*command, "--quiet") == ("", "")


def test_markup_in_a_name_is_text_on_a_terminal(toys: Path, recordings: Path) -> None:
    (recordings / "loud.wav").rename(recordings / "[red]a[link=x].wav")
    out, _ = on_terminal("scan", "--detector", "loud", recordings / "[red]a[link=x].wav", COLUMNS="300")
    assert "[red]a[link=x].wav" in out
