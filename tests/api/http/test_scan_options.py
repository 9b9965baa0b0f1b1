"""What a request may ask of a scan (`codec_is`, `thorough`), as on the command line; and where the server runs it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from earwitness.api.client import Client
from earwitness.api.client_async import AsyncClient
from earwitness.api.jobs.pool import PoolSettings
from earwitness.core.audio import Audio, save

from .conftest import Running, serving
from .test_detections import member

Run = Callable[..., Any]
LATER = {"Prefer": "respond-async"}
# Fields of a request, and the same on the command line.
ASKED = [
    ({}, []),
    ({"codec_is": "synthetic", "thorough": "false"}, []),
    ({"codec_is": "genuine"}, ["--codec-is", "genuine"]),
    ({"thorough": "true"}, ["--thorough"]),
    ({"codec_is": "genuine", "thorough": "true"}, ["--codec-is", "genuine", "--thorough"]),
]
# No Linux has it.
ABSENT = "directml"


@pytest.fixture(scope="module")
def home(toy_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EARWITNESS_HOME with the toy detector "loud", which knows nothing of content."""
    folder = tmp_path_factory.mktemp("toys")
    shutil.copytree(toy_weights, folder / "weights")
    return folder


@pytest.fixture(autouse=True)
def _at_home(home: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the server, and must find the toys while it answers."""
    monkeypatch.setenv("EARWITNESS_HOME", str(home))


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Running]:
    with serving(home) as running:
        yield running


@pytest.fixture(scope="module")
def swell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A noise that gets louder: "loud" calls it synthetic, and more so when it starts to listen later."""
    noise = np.random.default_rng(0).uniform(-1, 1, 48000) * np.linspace(0.1, 0.9, 48000)
    path = tmp_path_factory.mktemp("swell") / "swell.wav"
    save(path, Audio(noise.astype(np.float32)[None], 16000))
    return path


def detect(server: Running, path: Path, headers: dict[str, str] | None = None, **fields: str) -> dict[str, Any]:
    """The result of a direct answer or of a job."""
    body = server.detect(path, headers, detector="loud", **fields).json()
    if headers is LATER:
        body = server.wait(body["id"])["answer"]
    result: dict[str, Any] = body["result"]
    return result


def test_each_field_changes_the_verdict(server: Running, swell: Path) -> None:
    plain = detect(server, swell)
    assert plain["decision"] == "synthetic"
    copied = detect(server, swell, codec_is="genuine")
    assert copied["decision"] == "inconclusive" and copied["score"] == plain["score"]
    assert "neural codec" in " ".join(copied["reasons"])
    assert detect(server, swell, thorough="true")["score"] > plain["score"]


@pytest.mark.parametrize(("fields", "flags"), ASKED)
def test_the_result_is_that_of_the_command_line(
    server: Running, swell: Path, run: Run, fields: dict[str, str], flags: list[str]
) -> None:
    words = ("scan", swell, "--detector", "loud", "--json", "-", *flags)
    here = run(*words)
    assert member(server.detect(swell, None, detector="loud", **fields).text, "result") == member(
        here.stdout, "result"
    )
    there = run("--server", server.url, *words)
    assert (there.returncode, there.stdout) == (0, here.stdout)


def test_a_job_is_remembered_with_what_was_asked(home: Path, swell: Path, server: Running, tmp_path: Path) -> None:
    own = tmp_path / "home"
    shutil.copytree(home / "weights", own / "weights")
    fields = {"codec_is": "genuine", "thorough": "true"}
    with serving(own, job_workers=0) as first:
        job = first.detect(swell, LATER, detector="loud", **fields).json()
        assert job["state"] == "queued"
    with serving(own) as second:
        assert second.wait(job["id"])["answer"]["result"] == detect(server, swell, None, **fields)


def test_the_clients_ask_the_same(server: Running, swell: Path) -> None:
    async def there() -> Any:
        async with AsyncClient(server.url) as client:
            return await client.scan(swell, detector="loud", codec_is="genuine", thorough=True)

    with Client(server.url) as client:
        answer = client.scan(swell, detector="loud", codec_is="genuine", thorough=True)
    wanted = detect(server, swell, codec_is="genuine", thorough="true")
    assert answer.result.model_dump(mode="json") == asyncio.run(there()).result.model_dump(mode="json") == wanted


def test_a_provider_is_the_server_s_for_requests_and_jobs(
    home: Path, swell: Path, server: Running, tmp_path: Path
) -> None:
    own = tmp_path / "home"
    shutil.copytree(home / "weights", own / "weights")
    pools = {
        "pool": PoolSettings(children=1, provider=ABSENT),
        "job_pool": PoolSettings(children=1, provider=ABSENT),
    }
    assert detect(server, swell)["warnings"] == detect(server, swell, LATER)["warnings"] == []
    with serving(own, **pools) as other:
        for headers in (None, LATER):
            (warning,) = detect(other, swell, headers)["warnings"]
            assert ABSENT in warning and "the CPU was used" in warning


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_an_unknown_provider_ends_the_start_with_a_sentence(command: str, run: Run) -> None:
    done = run(command, "--provider", "abacus")
    assert done.returncode == 2 and "no execution provider 'abacus'; known: cpu, cuda" in done.stderr


@pytest.mark.parametrize("flags", [("--provider", "cuda"), ("--explain",), ("--max-seconds", "9")])
def test_what_is_the_server_s_own_cannot_be_asked(
    server: Running, swell: Path, run: Run, flags: tuple[str, ...]
) -> None:
    done = run("--server", server.url, "scan", swell, *flags)
    assert done.returncode == 2 and "the server's own" in done.stderr


def test_the_document_tells_the_words(server: Running) -> None:
    operation = server.http.get("/openapi.json").json()["paths"]["/v1/detections"]["post"]
    fields = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert fields["codec_is"]["enum"] == ["synthetic", "genuine"] and fields["thorough"]["type"] == "boolean"
