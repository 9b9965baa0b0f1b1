"""The OpenAPI document: an example of every answer, each of the form that the document and the clients expect."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest
from earwitness.api.answers import Detection, Job, Keys, Marking, Verification
from earwitness.api.schemas import MarkRecord, Schema

from .conftest import Running

# name of the example: (method, path, schema)
SHOWN: dict[str, tuple[str, str, type[Schema]]] = {
    "detection": ("post", "/v1/detections", Detection),
    "marking": ("post", "/v1/watermarks", Marking),
    "verification": ("post", "/v1/verify", Verification),
    "record": ("get", "/v1/records/{record}", MarkRecord),
    "job": ("get", "/v1/jobs/{job_id}", Job),
    "keys": ("get", "/v1/keys", Keys),
}


@pytest.fixture(scope="module")
def examples() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((resources.files("earwitness.api.http") / "examples.json").read_bytes())
    return found


@pytest.mark.parametrize("name", SHOWN)
def test_the_document_shows_an_example_of_its_own_schema(local: Running, examples: dict[str, Any], name: str) -> None:
    method, path, shape = SHOWN[name]
    document = local.http.get("/openapi.json").json()
    content = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]
    assert content["example"] == examples[name] and examples[name]
    assert content["schema"] == {"$ref": f"#/components/schemas/{shape.__name__}"}
    assert shape.model_validate(examples[name]).model_dump(mode="json") == examples[name]


def test_the_examples_are_there_once_and_belong_to_nobody(examples: dict[str, Any]) -> None:
    assert set(examples) == set(SHOWN)
    job = Job.model_validate(examples["job"])
    assert Detection.model_validate(job.answer).request_id == "example-request-1"
    text = json.dumps(examples)
    for part in ("/tmp", "/home", "/root", "/work", "127.0.0.1", "localhost"):
        assert part not in text
    assert examples["verification"]["result"]["record"] == examples["record"]["record"]
    assert examples["record"]["record"] in examples["verification"]["result"]["reasons"][0]


def test_fields_have_examples_that_the_service_takes(local: Running) -> None:
    paths = local.http.get("/openapi.json").json()["paths"]
    fields = [
        (path, name, schema)
        for path, methods in paths.items()
        for body in [methods.get("post", {}).get("requestBody", {}).get("content", {}).get("multipart/form-data")]
        if body is not None
        for name, schema in body["schema"]["properties"].items()
    ]
    assert {path for path, _, _ in fields} == {"/v1/detections", "/v1/watermarks", "/v1/verify"}
    assert all(schema["description"] for _, _, schema in fields)
    claims = next(schema for _, name, schema in fields if name == "claims")
    assert isinstance(json.loads(claims["example"]), dict)
