"""The page's files: served as they are in the package, under a strict policy, and nothing else is."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from earwitness.api.http.edge import HEADERS
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


def test_the_wave_library_is_the_published_one() -> None:
    known = files()
    stated = json.loads(known["wavesurfer.json"].content)
    assert hashlib.sha256(known["wavesurfer.esm.js"].content).hexdigest() == stated["sha256"]
    assert known["wavesurfer.LICENSE.txt"].content.startswith(b"BSD 3-Clause License")


def test_the_policy_allows_the_style_sheet_of_the_wave_library() -> None:
    """Its text holds one number, the height that the page asks for."""
    known = files()
    height = re.search(rb"HEIGHT = (\d+);", known["wave.js"].content)
    sheet = re.search(rb"<style\$\{[^<]*?\}>(.*?)</style>", known["wavesurfer.esm.js"].content, re.DOTALL)
    assert height and sheet
    text = re.sub(rb"\$\{this\.getHeight\([^}]*\)\}", height[1], sheet[1]).replace(b"\\n", b"\n")
    digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
    assert f"'sha256-{digest}'" in HEADERS["Content-Security-Policy"]


def test_the_page_writes_no_markup() -> None:
    """Nothing in our own files could make markup or style out of text."""
    for name, file in files().items():
        if name.endswith((".js", ".html")) and not name.startswith("wavesurfer"):
            text = file.content.decode()
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|\bon\w+=\"| style=", text
            ), name


def test_the_page_learns_the_limits(local: Running, guarded: Running) -> None:
    about = local.http.get("/page.json").json()
    bounds = local.settings.bounds
    assert (about["max_bytes"], about["max_seconds"]) == (bounds.max_bytes, bounds.max_seconds)
    low, high = about["bands"]["baseline"]
    assert low < 0 < high
    assert not about["key_needed"] and not about["looks_for_marks"] and not about["keeps_uploads"]
    assert guarded.http.get("/page.json").json()["key_needed"]
    assert not guarded.http.get("/page.json", headers=guarded.key("page", "records")).json()["key_needed"]
    assert guarded.http.get("/page.json", headers={"Authorization": "Bearer x"}).status_code == 401
