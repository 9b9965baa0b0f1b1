"""Hostile files through every route: a stated refusal or an answer, in time; nothing fetched, nothing left."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from earwitness.api.jobs.pool import PoolSettings
from earwitness.watermark.key import generate
from earwitness.watermark.key_file import write_key

from ..hostile import endless, no_sound, put
from .conftest import Running, serving

ROUTES = ("/v1/detections", "/v1/watermarks", "/v1/verify")
SECONDS = 10.0


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that can mark, and gives a file ten seconds."""
    home = tmp_path_factory.mktemp("target")
    write_key(home / "mark.key", generate())
    pool = PoolSettings(children=2, seconds=SECONDS)
    with serving(home, mark_keys=(home / "mark.key",), pool=pool, job_pool=pool) as running:
        yield running


@pytest.mark.parametrize("route", ROUTES)
def test_what_is_no_sound_is_refused(target: Running, tmp_path: Path, route: str) -> None:
    for path in put(tmp_path, no_sound()):
        response = target.post(route, path)
        assert response.status_code == 422, (path.name, response.text)
        body = response.json()
        assert body["type"].rpartition(":")[2] in {"unreadable-audio", "audio-limit"}, body
        assert body["detail"].endswith(".") and "/" not in body["detail"], body
    assert target.leftovers() == []


@pytest.mark.parametrize("route", ROUTES)
def test_claims_of_endless_sound_cost_no_more_than_their_bytes(
    target: Running, tmp_path: Path, encode: Callable[..., Path], route: str
) -> None:
    for path in put(tmp_path, endless(tmp_path, encode)):
        started = time.monotonic()
        response = target.post(route, path)
        if response.status_code == 202:
            body = target.wait(response.json()["id"])
            assert body["state"] == "done" or body["problem"]["status"] == 422, (path.name, body)
            assert target.http.delete(f"/v1/jobs/{body['id']}").status_code == 204
        elif response.status_code == 200:
            assert response.json()["result"]["seconds"] < 5, (path.name, response.text)
            if route == "/v1/watermarks":
                assert target.http.delete(response.json()["audio"].removesuffix("/audio")).status_code == 204
        else:
            assert response.status_code == 422, (path.name, response.text)
            kind = response.json()["type"].rpartition(":")[2]
            assert kind in {"unreadable-audio", "audio-limit", "decoder-failed"}, (path.name, response.text)
        assert time.monotonic() - started < SECONDS, path.name
    assert target.leftovers() == []
    assert target.http.get("/readyz").status_code == 200


def test_no_file_makes_the_server_open_another(target: Running, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bait, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(bait.getsockname())
        for path in put(tmp_path, no_sound(bait.getsockname()[1])):
            assert target.post("/v1/detections", path).status_code == 422
        bait.settimeout(0.5)
        with pytest.raises(TimeoutError):
            bait.accept()
