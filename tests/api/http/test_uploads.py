"""Uploads that are too large, too slow, malformed, tricky in their names, or find no room: refused, nothing left."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from earwitness.api.jobs.tasks import Bounds

from .conftest import Running, serving

LIMIT = 2_000_000


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that takes 2 MB, 20 s and 2 channels, and waits for a second at most."""
    bounds = Bounds(max_seconds=20, max_bytes=LIMIT, max_channels=2)
    with serving(tmp_path_factory.mktemp("small"), bounds=bounds, upload_idle=1.0, header_seconds=0.5) as running:
        yield running


def raw(server: Running, *chunks: bytes, pause: float = 0.0) -> bytes:
    """Send bytes over a socket, and read until the server closes it."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        for chunk in chunks:
            try:
                connection.sendall(chunk)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(pause)
        received = b""
        while True:
            try:
                data = connection.recv(65536)
            except ConnectionResetError:
                break
            if not data:
                break
            received += data
    return received


def head(length: int | None, boundary: str = "b") -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return (
        f"POST /v1/detections HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{size}\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\n\r\n"
    ).encode()


FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'


def test_a_stated_size_over_the_limit_is_refused_before_it_is_sent(small: Running) -> None:
    started = time.monotonic()
    answer = raw(small, head(2 << 30) + FILE)
    assert b" 413 " in answer.split(b"\r\n")[0] and b"payload-too-large" in answer
    assert time.monotonic() - started < 5 and small.leftovers() == []


def test_an_unstated_size_is_cut_at_the_limit(small: Running) -> None:
    def endless() -> Iterator[bytes]:
        yield FILE
        for _ in range(2048):
            yield b"x" * 1_048_576

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    # The connection may be closed under what is still being sent.
    with contextlib.suppress(httpx.WriteError, httpx.ReadError):
        assert small.http.post("/v1/detections", content=endless(), headers=kind).status_code == 413
    assert small.leftovers() == []
    assert small.http.get("/healthz").status_code == 200


def test_a_pause_in_the_upload_cuts_it(small: Running) -> None:
    started = time.monotonic()
    answer = raw(small, head(100_000) + FILE, b"x" * 100)
    assert b" 408 " in answer.split(b"\r\n")[0] and 0.9 < time.monotonic() - started < 6
    assert small.leftovers() == []


def test_an_upload_that_drips_is_cut(tmp_path: Path) -> None:
    with serving(tmp_path, upload_rate=1e9) as server:
        answer = raw(server, head(100_000) + FILE, *[b"x"] * 24, pause=0.5)
        assert b" 408 " in answer.split(b"\r\n")[0] and b"bytes a second" in answer
        assert server.leftovers() == []


def test_a_client_that_goes_away_leaves_nothing(small: Running) -> None:
    host, _, port = small.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head(1_000_000) + FILE + b"x" * 200_000)
        time.sleep(0.3)
    assert small.leftovers() == []


@pytest.mark.parametrize("kind", ["application/json", "audio/wav", "text/plain", "", "multipart/mixed; boundary=b"])
def test_other_content_types_are_refused(small: Running, kind: str) -> None:
    response = small.http.post("/v1/detections", content=b"{}", headers={"Content-Type": kind})
    assert response.status_code == 415 and response.json()["type"].endswith("unsupported-media-type")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"--b--\r\n", 422),
        (b"no boundary at all", 400),
        (FILE + b"cut in the middle", 400),
        (FILE + b"a\r\n" + FILE + b"b\r\n--b--\r\n", 422),
        (b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n', 422),
        (b'--b\r\nContent-Disposition: form-data; name="prior"\r\n\r\n\xff\xfe\r\n--b--\r\n', 422),
        (b"--b\r\nX: " + b"y" * 100_000 + b"\r\n\r\n1\r\n--b--\r\n", 400),
        (b"--b\r\n" + b"X: y\r\n" * 500 + b"\r\n1\r\n--b--\r\n", 400),
        (b'--b\r\nContent-Disposition: form-data; name="prior"\r\n\r\n' + b"1" * 70_000 + b"\r\n--b--\r\n", 422),
        (b'--b\r\nContent-Disposition: form-data; name="prior"\r\n\r\n1\r\n' * 20 + b"--b--\r\n", 422),
    ],
)
def test_malformed_forms_are_refused(small: Running, body: bytes, status: int) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    response = small.http.post("/v1/detections", content=body, headers=kind)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert small.leftovers() == []


@pytest.mark.parametrize("boundary", ["", '""', "b" * 71, "\u00fc"])
def test_impossible_boundaries_are_refused(small: Running, boundary: str) -> None:
    kind = {b"Content-Type": f"multipart/form-data; boundary={boundary}".encode()}
    assert small.http.post("/v1/detections", content=b"x", headers=kind).status_code == 400


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "/etc/cron.d/x", "..\\..\\x.wav", "a\x00b.wav", "x" * 3000 + ".wav", "con.wav",
     "a.wav/../..", "\x1b[31mred\u202e.wav", ".", "..", "", "%2e%2e%2fx", "a.w@v/x", "-rf", "$(id).wav"],
)  # fmt: skip
def test_names_of_files_lead_nowhere(small: Running, clip: Path, name: str) -> None:
    before = sorted(small.home.rglob("*"))
    disposition = f'form-data; name="file"; filename="{name}"'.encode()
    body = b"--b\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + clip.read_bytes() + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    response = small.http.post("/v1/detections", content=body, headers=kind)
    assert response.status_code in {200, 400}, response.text
    assert small.leftovers() == [] and sorted(small.home.rglob("*")) == before


def test_a_flood_of_headers_is_refused(small: Running) -> None:
    flood = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 100) for number in range(5000))
    answer = raw(small, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + flood + b"\r\n")
    assert not answer or b" 400 " in answer.split(b"\r\n")[0]
    assert small.http.get("/healthz").status_code == 200


def test_a_connection_that_never_asks_is_closed(small: Running) -> None:
    started = time.monotonic()
    assert raw(small, b"GET /healthz HTTP/1.1\r\nHost: loc") == b""
    assert 0.4 < time.monotonic() - started < 5


def test_a_connection_that_drips_its_second_request_is_closed(small: Running) -> None:
    started = time.monotonic()
    answer = raw(small, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", *[b"X"] * 40, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"HTTP/1.1") == 1
    assert time.monotonic() - started < 10


def test_no_room_is_a_problem_of_its_own(tmp_path: Path, clip: Path) -> None:
    with serving(tmp_path, reserve=1 << 62) as server:
        response = server.detect(clip)
        assert response.status_code == 507 and response.json()["type"].endswith("storage-full")
        assert server.leftovers() == []


def test_too_many_channels_or_seconds_are_refused_at_once(small: Running, tmp_path: Path) -> None:
    import numpy as np
    from earwitness.core.audio import Audio, save

    save(tmp_path / "wide.wav", Audio(np.zeros((3, 16000), np.float32), 16000))
    save(tmp_path / "long.flac", Audio(np.zeros((1, 21 * 16000), np.float32), 16000))
    for name in ("wide.wav", "long.flac"):
        response = small.detect(tmp_path / name)
        assert response.status_code == 422 and response.json()["type"].endswith("audio-limit"), response.text
        assert str(small.home) not in response.text
