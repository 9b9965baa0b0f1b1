"""POST /v1/detections and jobs: the same result as the command line, receipts, long recordings, bad requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from earwitness.api.answers import Detection
from earwitness.api.receipts import PublicKey, check
from earwitness.core.audio import save
from earwitness.core.errors import InputError
from earwitness.core.files import sha256

from .conftest import Running, babble

Run = Callable[..., Any]


def member(body: str, name: str) -> str:
    """The text of one member of a JSON object, as it stands there."""
    start = body.index(f'"{name}": ') + len(name) + 4
    _, end = json.JSONDecoder().raw_decode(body[start:])
    return body[start : start + end]


def test_the_result_is_byte_for_byte_that_of_the_command_line(
    local: Running, clip: Path, run: Run, own_home: Path
) -> None:
    line = run("scan", clip, "--json", "-").stdout.strip()
    body = local.detect(clip).text
    assert member(body, "result") == member(line, "result")
    assert str(clip) not in body and clip.name not in body


def test_a_prior_moves_the_probability_as_on_the_command_line(
    local: Running, clip: Path, run: Run, own_home: Path
) -> None:
    line = run("scan", clip, "--prior", "0.01", "--json", "-").stdout.strip()
    assert member(local.detect(clip, prior="0.01").text, "result") == member(line, "result")


def test_the_receipt_is_signed_and_about_this_result(local: Running, clip: Path) -> None:
    answer = Detection.model_validate_json(local.detect(clip).content)
    public = [PublicKey.model_validate(key) for key in local.http.get("/v1/keys").json()["keys"]]
    assert answer.receipt.request_id == answer.request_id and answer.receipt.sha256 == answer.sha256
    assert answer.sha256 == sha256(clip) and answer.receipt.model == answer.model == answer.result.model
    result = answer.result.model_dump(mode="json")
    check(answer.receipt, result, public)
    with pytest.raises(InputError, match="another result"):
        check(answer.receipt, {**result, "score": 9.0}, public)
    with pytest.raises(InputError, match="signature"):
        check(answer.receipt.model_copy(update={"time": "2020-01-01T00:00:00+00:00"}), result, public)


def test_a_long_recording_becomes_a_job_with_the_same_result(
    local: Running, long_clip: Path, run: Run, own_home: Path
) -> None:
    response = local.detect(long_clip)
    assert response.status_code == 202 and response.json()["state"] == "queued"
    assert response.headers["location"] == f"/v1/jobs/{response.json()['id']}"
    job = local.wait(response.json()["id"])
    assert job["state"] == "done" and job["problem"] is None
    text = local.http.get(response.headers["location"]).text
    line = run("scan", long_clip, "--json", "-").stdout.strip()
    assert member(member(text, "answer"), "result") == member(line, "result")
    assert job["answer"]["sha256"] == job["answer"]["receipt"]["sha256"]


def test_a_file_that_only_claims_to_be_short_becomes_a_job(local: Running, tmp_path: Path) -> None:
    path = tmp_path / "raw.ogg"
    save(path, babble(6.0))
    assert local.detect(path).status_code == 202


def test_respond_async_makes_a_job_of_anything(local: Running, clip: Path) -> None:
    response = local.detect(clip, {"Prefer": "respond-async, wait=10"})
    assert response.status_code == 202
    assert local.wait(response.json()["id"])["answer"]["result"]["seconds"] == 2.0


def test_a_job_that_fails_says_why(local: Running, tmp_path: Path) -> None:
    (tmp_path / "letter.wav").write_text("this is a letter" * 100)
    response = local.detect(tmp_path / "letter.wav", {"Prefer": "respond-async"})
    job = local.wait(response.json()["id"])
    assert job["state"] == "failed" and job["problem"]["type"] == "urn:earwitness:problem:unreadable-audio"
    assert job["answer"] is None and job["problem"]["request_id"] == response.headers["x-request-id"]


def test_a_forgotten_job_is_gone_with_its_files(local: Running, long_clip: Path) -> None:
    job = local.detect(long_clip).json()["id"]
    local.wait(job)
    assert local.http.delete(f"/v1/jobs/{job}").status_code == 204
    assert local.http.get(f"/v1/jobs/{job}").status_code == 404
    assert local.http.delete(f"/v1/jobs/{job}").status_code == 404


def test_nothing_is_left_of_uploads(local: Running, clip: Path, long_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.wav").write_text("this is a letter")
    local.detect(clip)
    local.detect(tmp_path / "letter.wav")
    local.wait(local.detect(long_clip).json()["id"])
    assert local.leftovers() == []


def test_a_request_id_is_taken_over_when_it_is_harmless(local: Running, clip: Path) -> None:
    good = local.detect(clip, {"X-Request-ID": "batch-7.item_12"})
    assert good.headers["x-request-id"] == good.json()["request_id"] == "batch-7.item_12"
    bad = local.detect(clip, {"X-Request-ID": "no spaces or <tags>"})
    assert re.fullmatch("[0-9a-f]{32}", bad.headers["x-request-id"])


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"detector": "nobody"}, "detector"),
        ({"prior": "2"}, "prior"),
        ({"prior": "nan"}, "prior"),
        ({"codec_is": "maybe"}, "'codec_is' is one of synthetic, genuine"),
        ({"codec_is": ""}, "'codec_is' is one of synthetic, genuine"),
        ({"thorough": "yes"}, "'thorough' is one of true, false"),
        ({"x": "1"}, "known"),
    ],
)
def test_impossible_fields_are_problems(local: Running, clip: Path, fields: dict[str, str], word: str) -> None:
    response = local.detect(clip, None, **fields)
    assert response.status_code == 422 and response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == "urn:earwitness:problem:invalid-request" and word in body["detail"]
    assert body["status"] == 422 and body["request_id"] == response.headers["x-request-id"]


def test_the_same_idempotency_key_is_answered_once(local: Running, clip: Path, long_clip: Path) -> None:
    key = {"Idempotency-Key": "first"}
    one, two = local.detect(clip, key), local.detect(clip, key)
    assert one.content == two.content and two.headers["idempotency-replayed"] == "true"
    other = local.detect(long_clip, key)
    assert other.status_code == 422 and other.json()["type"].endswith("idempotency-mismatch")
    for other_scan in ({"prior": "0.1"}, {"codec_is": "genuine"}, {"thorough": "true"}):
        assert local.detect(clip, key, **other_scan).json()["type"].endswith("idempotency-mismatch")
    key = {"Idempotency-Key": "job"}
    assert local.detect(long_clip, key).headers["location"] == local.detect(long_clip, key).headers["location"]


def test_a_failed_request_frees_its_idempotency_key(local: Running, clip: Path, tmp_path: Path) -> None:
    key = {"Idempotency-Key": "again"}
    (tmp_path / "letter.wav").write_text("this is a letter")
    assert local.detect(tmp_path / "letter.wav", key).status_code == 422
    assert local.detect(clip, key).status_code == 200
