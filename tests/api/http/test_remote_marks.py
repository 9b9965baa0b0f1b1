"""`earwitness --server URL watermark embed | verify`: the same lines and exit codes as on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from earwitness.api import remote
from earwitness.api.client import Client
from earwitness.api.client_wire import ServerError
from earwitness.core.audio import Audio, load, save
from earwitness.core.files import sha256
from earwitness.watermark.key import generate
from earwitness.watermark.key_file import write_key

from .conftest import Running, serving

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server without API keys that can mark; its key file lies in its home."""
    home = tmp_path_factory.mktemp("open")
    write_key(home / "mark.key", generate())
    with serving(home, mark_keys=(home / "mark.key",), sync_seconds=3.0) as running:
        yield running


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory, speech: Callable[..., Any]) -> Path:
    """Four seconds without a mark."""
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    save(path, Audio(speech(4.0, 3)[None], 16000))
    return path


@pytest.fixture
def mark(run: Run, open_server: Running) -> Run:
    """Run a command of `watermark` through the server."""
    return lambda *words: run("--server", open_server.url, "watermark", *words)


def test_embed_and_verify_write_what_they_write_here(
    mark: Run, run: Run, open_server: Running, voice: Path, tmp_path: Path
) -> None:
    out, here = tmp_path / "new" / "out.flac", ("--key", open_server.home / "mark.key", "--home", open_server.home)
    done = mark("embed", voice, out, "--claims", '{"title": "x"}', "--strength", "2", "--json", "-")
    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    local = json.loads(run("watermark", "embed", voice, tmp_path / "b.flac", *here, "--json", "-").stdout)
    assert list(made) == list(local)
    same = ("key_id", "seconds", "rate", "channels", "format", "source_sha256", "warnings", "clipped")
    assert [made[name] for name in same] == [local[name] for name in same]
    assert made["claims"] == {"title": "x"} and made["strength"] == 2.0 and made["marked_sha256"] == sha256(out)
    assert load(out).samples.shape == load(voice).samples.shape
    there = mark("verify", out, voice, "--json", "-", "--workers", "2")
    assert there.returncode == 0
    assert there.stdout == run("watermark", "verify", out, voice, *here, "--json", "-").stdout
    assert [json.loads(line)["verdict"] for line in there.stdout.splitlines()] == ["marked", "fingerprint_only"]
    table = mark("verify", out).stdout
    assert table == run("watermark", "verify", out, *here).stdout and "  marked  " in table
    assert "found again, p <= " in mark("embed", voice, out).stdout
    for conditions, code in ((["marked"], 1), (["no_evidence", "inconclusive"], 0)):
        assert mark("verify", out, *(w for c in conditions for w in ("--fail-on", c))).returncode == code


def test_what_cannot_be_is_refused_and_nothing_is_written(mark: Run, run: Run, voice: Path, tmp_path: Path) -> None:
    letter, own = tmp_path / "letter.wav", tmp_path / "own.wav"
    letter.write_text("no sound")
    own.write_bytes(voice.read_bytes())
    out = tmp_path / "out.wav"
    for words, sentence in (
        (("embed", letter, out), "not a sound file"),
        (("embed", tmp_path / "absent.wav", out), "cannot be read"),
        (("embed", own, out, "--key", own), "the server's own"),
        (("embed", own, out, "--no-verify"), "the server's own"),
        (("embed", own, out, "--records", "x"), "the server's own"),
        (("embed", own, out, "--claims", "[1]"), "needs a JSON object"),
        (("embed", own, out, "--strength", "9"), "between 0.5 and 6"),
        (("embed", own, tmp_path / "out.mp3"), ".wav and .flac"),
        (("embed", own, own), "is the input itself"),
        (("embed", own, tmp_path / "folder.wav"), "not a file"),
        (("verify", own, "--plain"), "the server's own"),
    ):
        (tmp_path / "folder.wav").mkdir(exist_ok=True)
        done = mark(*words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert sentence in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.wav", "letter.wav", "own.wav"]
    assert own.read_bytes() == voice.read_bytes()
    broken, found = (json.loads(line) for line in mark("verify", letter, own, "--json", "-").stdout.splitlines())
    assert set(broken) == {"path", "error"} and found["path"] == str(own)
    assert mark("verify", letter, "--fail-on", "error").returncode == 1
    assert mark("embed", own, own, "--force").returncode == 0 and own.read_bytes() != voice.read_bytes()
    unmarked = run("watermark", "embed", own, out)
    assert unmarked.returncode == 2 and "--server" in unmarked.stderr
    gone = run("--server", "http://127.0.0.1:1", "watermark", "embed", own, out)
    assert gone.returncode == 2 and "cannot be reached" in gone.stderr and not out.exists()


def test_callers_without_a_right_to_the_evidence_get_the_verdict(
    run: Run, voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_key(tmp_path / "mark.key", generate())
    with serving(tmp_path / "home", mark_keys=(tmp_path / "mark.key",), anonymous_rate="") as server:
        monkeypatch.setenv("EARWITNESS_API_KEY", server.keys.add("me", ["watermark", "verify"])[1])
        marked = tmp_path / "marked.wav"
        assert run("--server", server.url, "watermark", "embed", voice, marked).returncode == 0
        verify = ("--server", server.url, "watermark", "verify", marked)
        assert "p_value" in json.loads(run(*verify, "--json", "-").stdout)
        monkeypatch.delenv("EARWITNESS_API_KEY")
        row = json.loads(run(*verify, "--json", "-").stdout)
        assert row == {"path": str(marked), "verdict": "marked", "p_value_band": row["p_value_band"], "seconds": 4.0}
        assert "  marked  " in run(*verify).stdout and run(*verify, "--fail-on", "marked").returncode == 1
        refused = run("--server", server.url, "watermark", "embed", voice, tmp_path / "x.wav")
        assert refused.returncode == 2 and "API key" in refused.stderr and not (tmp_path / "x.wav").exists()


def test_a_marked_file_that_arrives_changed_is_not_written(open_server: Running, voice: Path, tmp_path: Path) -> None:
    class Mangled(Client):
        def watermark(self, *sources: Any, **fields: Any) -> Any:
            made, content = super().watermark(*sources, **fields)
            return made, content[:-1]

    with Mangled(open_server.url) as client, pytest.raises(ServerError, match="did not arrive"):
        remote.embed(voice, tmp_path / "out.wav", client)
    assert list(tmp_path.iterdir()) == []
