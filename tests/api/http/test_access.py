"""Who may do what: scopes route by route, owners, keys, and the server that is open to its own machine only."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from earwitness.api.http import app as application
from earwitness.api.settings import Settings
from earwitness.core.errors import UsageError

from .conftest import Process, Running, serving

NOBODY = "0" * 32
SCOPES = ("detect", "watermark", "verify", "records", "metrics")
# method, route, the scopes that open it; None: everybody.
ROUTES: list[tuple[str, str, set[str] | None]] = [
    ("POST", "/v1/detections", {"detect"}),
    ("POST", "/v1/watermarks", {"watermark"}),
    ("POST", "/v1/verify", None),
    ("GET", f"/v1/jobs/{NOBODY}", {"detect", "watermark", "verify"}),
    ("DELETE", f"/v1/jobs/{NOBODY}", {"detect", "watermark", "verify"}),
    ("GET", f"/v1/jobs/{NOBODY}/audio", {"watermark"}),
    ("GET", f"/v1/records/{NOBODY}", {"records"}),
    ("GET", "/v1/keys", None),
    ("GET", "/healthz", None),
    ("GET", "/readyz", None),
    ("GET", "/metrics", {"metrics"}),
    ("GET", "/openapi.json", None),
    ("GET", "/", None),
]


@pytest.fixture(scope="module")
def headers(guarded: Running) -> dict[str, dict[str, str]]:
    """One key for each scope."""
    return {scope: guarded.key(f"only-{scope}", scope) for scope in SCOPES}


def ask(server: Running, method: str, route: str, headers: dict[str, str]) -> int:
    files = {"file": ("x.wav", b"no sound")} if method == "POST" else None
    return server.http.request(method, route, headers=headers, files=files).status_code


def test_the_table_names_every_route(guarded: Running) -> None:
    paths = guarded.http.get("/openapi.json").json()["paths"]
    described = {(method.upper(), path.split("{")[0]) for path, methods in paths.items() for method in methods}
    tabled = {(method, route.split(NOBODY)[0]) for method, route, _ in ROUTES}
    assert described <= tabled


@pytest.mark.parametrize(("method", "route", "scopes"), ROUTES)
def test_scopes_open_their_routes_and_no_others(
    guarded: Running, headers: dict[str, dict[str, str]], method: str, route: str, scopes: set[str] | None
) -> None:
    without = ask(guarded, method, route, {})
    assert (without == 401) == (scopes is not None)
    for scope in SCOPES:
        status = ask(guarded, method, route, headers[scope])
        if route == "/v1/verify":
            assert (status == 403) == (scope != "verify")
        else:
            assert (status == 403) == (scopes is not None and scope not in scopes), scope
        assert status not in {401, 500}


def test_wrong_keys_open_nothing(guarded: Running) -> None:
    key, text = guarded.keys.add("owner", ["detect"])
    other = guarded.keys.add("owner", ["detect"])[1]
    mixed = f"ew_{key.id}_{other.split('_', 2)[2]}"
    unknown = f"ew_{'0' * 16}_{'a' * 43}"
    bearers = [f"Bearer {wrong}" for wrong in (text[:-1], text + "x", mixed, unknown)]
    for wrong in (*bearers, f"Basic {text}", "Bearer"):
        response = guarded.http.get(f"/v1/jobs/{NOBODY}", headers={"Authorization": wrong})
        assert response.status_code == 401 and "Bearer" in response.headers["www-authenticate"], wrong
    assert guarded.http.get(f"/v1/jobs/{NOBODY}", headers={"Authorization": f"bearer {text}"}).status_code == 404


def test_revoked_expired_and_rotated_keys(guarded: Running) -> None:
    def status(text: str) -> int:
        return guarded.http.get(f"/v1/jobs/{NOBODY}", headers={"Authorization": f"Bearer {text}"}).status_code

    revoked, text = guarded.keys.add("owner", ["detect"])
    assert status(text) == 404
    guarded.keys.revoke(revoked.id)
    assert status(text) == 401
    assert status(guarded.keys.add("owner", ["detect"], days=1e-9)[1]) == 401
    old, text = guarded.keys.add("owner", ["detect"], days=30)
    new, fresh = guarded.keys.rotate(old.id, grace_hours=1)
    assert status(text) == status(fresh) == 404 and new.owner == "owner" and new.scopes == old.scopes
    _, newest = guarded.keys.rotate(new.id, grace_hours=0)
    assert status(fresh) == 401 and status(newest) == 404
    with pytest.raises(UsageError, match="no valid key"):
        guarded.keys.rotate(revoked.id)


def test_another_owners_job_is_not_there(guarded: Running, long_clip: Path) -> None:
    mine, same, theirs = guarded.key("me", "detect"), guarded.key("me", "verify"), guarded.key("them", "detect")
    job = guarded.detect(long_clip, mine).json()["id"]
    assert guarded.http.get(f"/v1/jobs/{job}", headers=theirs).status_code == 404
    assert guarded.http.delete(f"/v1/jobs/{job}", headers=theirs).status_code == 404
    absent = guarded.http.get(f"/v1/jobs/{NOBODY}", headers=theirs).json()
    hidden = guarded.http.get(f"/v1/jobs/{job}", headers=theirs).json()
    assert {**absent, "request_id": ""} == {**hidden, "request_id": ""}
    assert guarded.http.get(f"/v1/jobs/{job}", headers=same).status_code == 200
    assert guarded.wait(job, mine)["state"] == "done"


def test_idempotency_keys_are_their_owners(guarded: Running, clip: Path) -> None:
    key = {"Idempotency-Key": "same"}
    one = guarded.detect(clip, guarded.key("one", "detect") | key)
    two = guarded.detect(clip, guarded.key("two", "detect") | key)
    assert one.json()["request_id"] != two.json()["request_id"]


def test_without_keys_only_this_machine_is_served(own_home: Path) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::"):
        with pytest.raises(UsageError, match="API keys"):
            application.check(Settings(host=host))
    for host in ("127.0.0.1", "::1", "localhost", "127.0.0.2"):
        application.check(Settings(host=host))
    with pytest.raises(UsageError, match="--host"):
        application.check(Settings(host="example.com"))


def test_the_command_refuses_other_addresses_without_keys(run: Callable[..., Any], own_home: Path) -> None:
    done = run("serve", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2 and "api-key add" in done.stderr


def test_an_open_server_answers_no_pages_of_other_sites(local: Running, clip: Path) -> None:
    port = local.url.rsplit(":", 1)[1]
    for headers, status in [
        ({}, 200),
        ({"Origin": local.url}, 200),
        ({"Origin": "https://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": f"attacker.example:{port}"}, 403),
        ({"Host": f"localhost:{port}"}, 200),
    ]:
        assert local.detect(clip, headers).status_code == status, headers


def test_other_sites_may_read_answers_only_when_the_operator_names_them(
    local: Running, tmp_path: Path, clip: Path
) -> None:
    origin = {"Origin": "https://desk.example"}
    assert "access-control-allow-origin" not in local.http.get("/healthz", headers=origin).headers
    with serving(tmp_path, origins=("https://desk.example",), sync_seconds=3.0) as server:
        assert server.http.get("/healthz", headers=origin).headers["access-control-allow-origin"] == origin["Origin"]
        assert (
            "access-control-allow-origin" not in server.http.get("/healthz", headers={"Origin": "https://x"}).headers
        )
        assert server.detect(clip, origin).status_code == 200


def test_the_first_key_closes_an_open_server(tmp_path: Path, clip: Path) -> None:
    import time

    with serving(tmp_path) as server:
        assert server.detect(clip).status_code == 200
        headers = server.key("me", "detect")
        time.sleep(2.1)
        assert server.detect(clip).status_code == 401
        assert server.detect(clip, headers).status_code == 200


def test_keys_and_file_names_are_never_logged_or_stored(
    launch: Callable[..., Process], run: Callable[..., Any], tmp_path: Path, clip: Path
) -> None:
    home = tmp_path / "home"
    made = run("api-key", "add", "me", "--scope", "detect", "--home", home)
    text = made.stdout.strip()
    server = launch("serve", "--log-level", "debug", home=home)
    with open(clip, "rb") as file:
        files = {"file": ("private-name.wav", file)}
        answer = httpx.post(f"{server.url}/v1/detections", files=files, headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 200
    httpx.get(f"{server.url}/metrics", headers={"Authorization": "Bearer ew_wrong_key"})
    assert server.stop() == 0
    secret = text.split("_", 2)[2]
    assert '"event": "request"' in server.lines()
    for word in (secret, "ew_wrong_key", "private-name"):
        assert word not in server.lines()
        assert not [path for path in home.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]
    listed = run("api-key", "list", "--home", home).stdout
    assert "me" in listed and secret not in listed


def test_every_answer_has_the_protective_headers(local: Running, clip: Path) -> None:
    for response in (
        local.http.get("/"),
        local.http.get("/healthz"),
        local.http.get("/nothing"),
        local.http.put("/v1/keys"),
        local.detect(clip),
        local.http.post("/v1/detections", content=io.BytesIO(b"x")),
    ):
        headers = response.headers
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer" and headers["x-request-id"]
        assert "server" not in headers
        assert headers["cache-control"] in {"no-store", "no-cache"}
