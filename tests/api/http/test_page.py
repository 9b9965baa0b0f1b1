"""The page's files: served as they are in the package, under a strict policy, and nothing else is."""

from __future__ import annotations

import pytest
from earwitness.api.http.page import files

from .conftest import Running


def test_every_file_of_the_page_is_served_as_it_is(local: Running) -> None:
    known = files()
    assert "index.html" in known and not any(name.endswith(".py") for name in known)
    for name, file in known.items():
        response = local.http.get(f"/{name}")
        assert response.content == file.content and response.headers["content-type"] == file.kind
        assert local.http.get(f"/{name}", headers={"If-None-Match": file.tag}).status_code == 304
    assert local.http.get("/").content == known["index.html"].content
    assert local.http.head("/").status_code == 200


@pytest.mark.parametrize(
    "path", ["/__init__.py", "/../settings.py", "/..%2fsettings.py", "/%2e%2e/settings.py", "//etc/passwd", "/docs"]
)
def test_nothing_else_is_served(local: Running, path: str) -> None:
    response = local.http.get(path)
    assert response.status_code == 404 and response.headers["content-type"] == "application/problem+json"


def test_unknown_methods_are_problems(local: Running) -> None:
    response = local.http.delete("/v1/keys")
    assert response.status_code == 405 and response.headers["allow"] == "GET"
    assert response.json()["type"] == "urn:earwitness:problem:method-not-allowed"
