"""The Python clients and `earwitness --server`: the same records as on this machine; and the OpenAPI document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from earwitness.api.client import Client
from earwitness.api.client_async import AsyncClient
from earwitness.api.client_wire import Refused, ServerError
from earwitness.api.schemas import MarkBand, MarkResult
from earwitness.core.errors import InputError, UsageError
from earwitness.watermark.key import generate
from earwitness.watermark.key_file import write_key

from .conftest import Running, serving


@pytest.fixture(scope="module")
def marking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that can mark, with keys."""
    home = tmp_path_factory.mktemp("marking")
    write_key(home / "mark.key", generate())
    with serving(home, mark_keys=(home / "mark.key",), anonymous_rate="") as running:
        running.key("nobody", "metrics")
        yield running


def test_to_the_first_verdict(local: Running, clip: Path, long_clip: Path) -> None:
    with Client(local.url) as client:
        answer = client.scan(clip)
        assert answer.result.decision in {"genuine", "synthetic", "inconclusive"}
        client.check(answer)
        assert client.scan(clip.read_bytes()).result == answer.result
        assert client.scan(long_clip, prior=0.1).result.seconds == 6.0
        with pytest.raises(InputError):
            client.check(answer.model_copy(update={"result": answer.result.model_copy(update={"prior": 0.9})}))
        job = client.start("scan", clip)
        assert client.job(job.id).id == job.id
        client.forget(job.id)
        with pytest.raises(Refused, match="no such job"):
            client.job(job.id)


def test_the_async_client_does_the_same(local: Running, clip: Path, long_clip: Path) -> None:
    async def both() -> list[Any]:
        async with AsyncClient(local.url) as client:
            answers = await asyncio.gather(client.scan(clip), client.scan(long_clip))
            await client.check(answers[0])
            return [answer.result for answer in answers]

    with Client(local.url) as client:
        assert asyncio.run(both()) == [client.scan(clip).result, client.scan(long_clip).result]


def test_refusals_and_silence_are_sentences(local: Running, tmp_path: Path) -> None:
    (tmp_path / "letter.wav").write_text("no sound")
    with Client(local.url) as client, pytest.raises(Refused) as caught:
        client.scan(tmp_path / "letter.wav")
    assert caught.value.name == "unreadable-audio"
    with Client("http://127.0.0.1:1") as client, pytest.raises(ServerError, match="cannot be reached"):
        client.keys()
    with pytest.raises(UsageError):
        Client("localhost:8000")
    with Client(local.url) as client, pytest.raises(InputError, match="cannot be read"):
        client.scan(tmp_path / "absent.wav")


def test_the_command_line_through_a_server_writes_the_same_lines(
    local: Running, clip: Path, long_clip: Path, run: Callable[..., Any], own_home: Path
) -> None:
    here = run("scan", clip, long_clip, "--json", "-")
    there = run("--server", local.url, "scan", clip, long_clip, "--json", "-", "--workers", "2")
    assert there.returncode == 0 and there.stdout == here.stdout


def test_marks_belong_to_the_owner_of_the_key(marking: Running, long_clip: Path, tmp_path: Path) -> None:
    secrets = {who: marking.keys.add(who, ["watermark", "verify", "records"])[1] for who in ("me", "them")}
    marked = tmp_path / "marked.flac"
    with Client(marking.url, secrets["me"]) as me:
        made, content = me.watermark(long_clip, claims={"title": "x"}, format="flac")
        marked.write_bytes(content)
        found = me.verify(marked)
        assert isinstance(found.result, MarkResult) and found.result.verdict == "marked"
        assert found.result.claims == {"title": "x"} and found.result.record == made.result.record
        assert me.record(made.result.record).owner == "me"
        me.check(made)
        me.check(found)
    with Client(marking.url, secrets["them"]) as them:
        theirs = them.verify(marked).result
        assert isinstance(theirs, MarkBand) and theirs.verdict == "marked"
        with pytest.raises(Refused) as caught:
            them.record(made.result.record)
        assert caught.value.problem.status == 404
        job = made.audio.split("/")[3]
        assert marking.http.get(made.audio, headers={"Authorization": f"Bearer {secrets['them']}"}).status_code == 404
        with pytest.raises(Refused, match="no such job"):
            them.job(job)
    with Client(marking.url) as anyone:
        band = anyone.verify(marked).result
        assert isinstance(band, MarkBand) and set(band.model_dump()) == {"verdict", "p_value_band", "seconds"}
        with pytest.raises(Refused) as caught:
            anyone.scan(long_clip)
        assert caught.value.name == "unauthorized"


def test_verify_is_what_the_command_line_writes(
    clip: Path, run: Callable[..., Any], tmp_path: Path, own_home: Path
) -> None:
    write_key(tmp_path / "k", generate())
    with serving(tmp_path / "home", mark_keys=(tmp_path / "k",)) as server:
        body = server.post("/v1/verify", clip).text
    line = run(
        "watermark", "verify", clip, "--key", tmp_path / "k", "--home", tmp_path / "home", "--json", "-"
    ).stdout
    beside = line.strip().split(", ", 1)[1]
    assert f'"result": {{{beside}, "receipt"' in body


def test_no_answer_is_undocumented(marking: Running, require: Callable[[str], None]) -> None:
    """schemathesis sends what the OpenAPI document allows, and what it does not."""
    require("schemathesis")
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis import checks

    wanted = [checks.not_a_server_error]
    headers = marking.key("fuzz", "detect", "watermark", "verify", "records", "metrics")
    schema = schemathesis.openapi.from_url(f"{marking.url}/openapi.json")

    def ask_all(operation: Any) -> None:
        @given(case=operation.as_strategy())
        @settings(
            max_examples=8,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Any) -> None:
            response = case.call(headers=headers)
            case.validate_response(response, checks=wanted)
            documented = set(operation.definition.raw["responses"])
            assert str(response.status_code) in documented, (operation.label, response.status_code, response.text)

        ask()

    operations = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) >= 10
    for operation in operations:
        ask_all(operation)
