"""What must not be told: by the clock, by an error, or by an answer."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from earwitness.api.jobs.child import perform
from earwitness.api.jobs.tasks import Bounds, Task
from earwitness.api.state import keys as api_keys
from earwitness.api.state.database import open_database, sqlite_url
from earwitness.api.state.keys import ApiKeys
from earwitness.api.state.tables import api_keys as table

from .conftest import Process, Running


def test_keys_are_compared_in_constant_time_also_when_there_is_none_of_that_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    class Spy:
        compare_digest = staticmethod(compare)

    keys = ApiKeys(open_database(sqlite_url(tmp_path / "x.sqlite")))
    key, text = keys.add("me", ["detect"])
    monkeypatch.setattr(api_keys, "hmac", Spy)
    assert keys.check(text) == key
    assert keys.check(f"ew_{key.id}_{'a' * 43}") is None
    assert keys.check(f"ew_{'0' * 16}_{'a' * 43}") is None
    assert len(compared) == 3 and {len(part) for pair in compared for part in pair} == {64}


def test_the_database_holds_a_digest_and_no_key(tmp_path: Path) -> None:
    engine = open_database(sqlite_url(tmp_path / "x.sqlite"))
    _, text = ApiKeys(engine).add("me", ["detect"])
    with engine.connect() as connection:
        row = connection.execute(sa.select(table)).one()
    secret = text.split("_", 2)[2]
    assert len(secret) == 43 and secret not in str(tuple(row)) and len(row.digest) == 64


def test_what_the_server_lacks_is_logged_and_not_told(
    launch: Callable[..., Process], clip: Path, tmp_path: Path
) -> None:
    absent = tmp_path / "private-place" / "mark.key"
    server = launch("serve", "--mark-key", str(absent), home=tmp_path / "home")
    with open(clip, "rb") as file:
        answer = httpx.post(f"{server.url}/v1/verify", files={"file": file}, timeout=60)
    assert answer.status_code == 503 and answer.json()["type"].endswith("unavailable")
    assert "private-place" not in answer.text and str(tmp_path) not in answer.text
    assert "private-place" in server.lines()


def test_a_records_store_that_is_away_is_not_named(clip: Path, tmp_path: Path) -> None:
    url = "postgresql+psycopg://somebody:a-password@127.0.0.1:1/records"
    bounds = Bounds(max_seconds=60, max_bytes=1 << 20, max_channels=1)
    outcome = perform(Task(kind="record", path="", bounds=bounds, options={"records": url, "id": "0" * 32}))
    assert outcome.refused == "setup" and "127.0.0.1" not in outcome.detail and "somebody" not in outcome.detail
    assert outcome.cause and "a-password" not in outcome.cause


@pytest.mark.parametrize("place", ["query", "form", "cookie"])
def test_a_key_counts_in_its_header_only(guarded: Running, clip: Path, place: str) -> None:
    text = guarded.keys.add("me", ["detect"])[1]
    chosen: dict[str, Any] = {
        "query": {"params": {"key": text, "api_key": text, "access_token": text}},
        "form": {"data": {"key": text}},
        "cookie": {"headers": {"Cookie": f"key={text}; Authorization=Bearer {text}"}},
    }[place]
    with open(clip, "rb") as file:
        answer = guarded.http.post("/v1/detections", files={"file": file}, **chosen)
    assert answer.status_code == 401 and text not in answer.text
