"""The OpenAPI document: problems, uploads, security and real examples, where FastAPI cannot read them from types."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ... import __version__
from ..problems import CATALOGUE, Problem
from ..schemas import Schema

_TEXT = {"schema": {"type": "string"}}
_HEADERS = {"X-Request-ID": {"description": "id under which the request was logged", **_TEXT}}
_WEBHOOK = {
    "type": "string",
    "format": "uri",
    "description": "https URL that is told, signed, when the job has ended; only to hosts that the operator allows",
}
PARAMETERS = [
    {
        "name": "Prefer",
        "in": "header",
        "description": "`respond-async` always makes a job",
        "schema": {"type": "string", "example": "respond-async"},
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "repeating a request under its key repeats its answer for a day instead of working again",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
]
TEXT = """Is the voice in a recording a person's or a machine's, and does it carry a mark? A verdict is evidence, not
proof. Send files as the field `file` of multipart/form-data. Errors are RFC 9457 problems whose `type` is stable."""


def documented(*statuses: int, accepted: type[Schema] | None = None, example: str = "") -> dict[int | str, Any]:
    """The `responses` of a route: problems by status, a job for 202, and the example of that name for 200."""
    table: dict[int | str, Any] = {}
    if example:
        table[200] = {"content": {"application/json": {"example": example}}}
    if accepted is not None:
        where = {"description": "path of the job", **_TEXT}
        table[202] = {"model": accepted, "description": "Accepted as a job", "headers": {"Location": where}}
    for status in statuses:
        names = [name for name, (number, _) in CATALOGUE.items() if number == status]
        entry: dict[str, Any] = {
            "description": "; ".join(CATALOGUE[name][1] for name in names),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if status in {429, 503}:
            entry["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
        table[status] = entry
    return table


def upload_body(fields: dict[str, Any]) -> dict[str, Any]:
    """The request body with "file", the other fields of a route, and the headers of all uploads."""
    file = {"type": "string", "format": "binary", "description": "a sound or video file"}
    properties = {"file": file, **fields, "webhook": _WEBHOOK}
    schema = {"type": "object", "required": ["file"], "properties": properties, "additionalProperties": False}
    body = {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    return {"requestBody": body, "parameters": PARAMETERS}


def install(app: FastAPI) -> None:
    """Let `app` describe itself."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title="earwitness", version=__version__, description=TEXT, routes=app.routes)
            parts = document.setdefault("components", {})
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            parts.setdefault("schemas", {})["Problem"] = problem
            parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "ew_..."}}
            document["security"] = [{"key": []}]
            examples = json.loads(resources.files(__package__).joinpath("examples.json").read_bytes())
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("default", None)
                    _show_example(operation, examples)
                    for response in operation["responses"].values():
                        response.setdefault("headers", {}).update(_HEADERS)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _show_example(operation: dict[str, Any], examples: dict[str, Any]) -> None:
    """Put the example where `documented` left its name; FastAPI would drop members that are null."""
    shown = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    if "example" in shown:
        shown["example"] = examples[shown["example"]]
