"""The page at `/` in Debian's Chromium: every state, on desktop and phone, in light and dark, with real files."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from earwitness.api.client import Client
from earwitness.api.jobs.tasks import Bounds
from earwitness.core.audio import Audio, save
from earwitness.watermark.key import generate
from earwitness.watermark.key_file import write_key

from .conftest import Running, serving

SIZES = {"desktop": (1280, 900), "phone": (360, 740)}
MOST = 400_000
# What a browser writes by itself for every answer that is no success.
EXPECTED = re.compile(
    r"Failed to load resource: the server responded with a status of [45]|net::ERR_CONNECTION_REFUSED"
)
Screen = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium(require_module: None) -> Iterator[Any]:
    """The browser, for all tests of this file: its event loop must not outlive them."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def require_module(require: Callable[[str], None]) -> None:
    """Chromium is a program that a machine may lack."""
    require("chromium")


@pytest.fixture(scope="module")
def site(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server without API keys that looks for marks and takes little at once."""
    home = tmp_path_factory.mktemp("site")
    write_key(home / "mark.key", generate())
    bounds = Bounds(max_seconds=3600.0, max_bytes=MOST, max_channels=2)
    with serving(home, mark_keys=(home / "mark.key",), sync_seconds=5.0, bounds=bounds) as running:
        yield running


@pytest.fixture
def screen(chromium: Any) -> Iterator[Screen]:
    """screen(server) -> a page that is ready; what it writes to the console must be expected."""
    said: list[str] = []
    with ExitStack() as stack:

        def show(server: Running, ready: bool = True) -> Any:
            context = chromium.new_context()
            stack.callback(context.close)
            page = context.new_page()
            page.on("console", lambda message: said.append(f"{message.type}: {message.text} {message.location}"))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
            page.goto(server.url)
            if ready:
                page.locator("#bounds", has_text="Up to").wait_for()
            return page

        yield show
    assert [text for text in said if not EXPECTED.search(text)] == []


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory, speech: Callable[..., Any]) -> Path:
    """Four seconds of something like speech."""
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    save(path, Audio(speech(4.0, 3)[None], 16000))
    return path


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text under the name of a recording."""
    path = tmp_path_factory.mktemp("broken") / "broken.wav"
    path.write_text("no sound at all\n" * 40, encoding="utf-8")
    return path


def give(page: Any, file: Any, state: str) -> None:
    """Choose a file and wait for the state that it ends in."""
    page.set_input_files("#file", file)
    page.wait_for_selector(f"#main[data-state={state}]", timeout=20_000)


def drop(page: Any, name: str, content: str = "no sound") -> None:
    """Drop a file on the page."""
    script = """([name, content]) => {
        const data = new DataTransfer();
        data.items.add(new File([content], name));
        const drop = document.getElementById("drop");
        for (const kind of ["dragenter", "dragover", "drop"]) {
            drop.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
        }
    }"""
    page.evaluate(script, [name, content])


def clean(page: Any) -> None:
    """axe-core finds nothing, and nothing is wider than the screen."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    assert [(entry["id"], [node["target"] for node in entry["nodes"]]) for entry in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def clean_everywhere(page: Any) -> None:
    """The same on desktop and phone, in light and dark."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), size
            if (size, scheme) != ("desktop", "light"):
                script = "axe.run({runOnly: ['color-contrast', 'target-size', 'scrollable-region-focusable']})"
                assert page.evaluate(script)["violations"] == [], (size, scheme)
            else:
                clean(page)


def test_a_recording_and_a_broken_file(site: Running, screen: Screen, voice: Path, broken: Path) -> None:
    page = screen(site)
    clean_everywhere(page)
    with page.expect_response("**/v1/detections") as seen:
        give(page, voice, "answer")
    answer = seen.value.json()
    result = answer["result"]
    page.locator("#downloads a").nth(1).wait_for()
    assert page.locator("#answer-file").inner_text() == voice.name
    assert page.locator("#verdict").evaluate("node => node === document.activeElement")
    assert page.locator("#status").inner_text() != ""
    score = f"{abs(result['score']):.2f} nats"
    assert score in page.locator("#score").inner_text()
    assert f"{result['score']:.2f}"[-4:] in page.locator("#spans").inner_text()
    reason = result["reasons"][0]
    assert reason[1:] in page.locator("#reasons").inner_text()
    assert page.locator("#spans tr").count() == page.locator("#shades i").count() == len(result["spans"])
    receipt = page.locator("#receipt").inner_text()
    for part in (
        answer["receipt"]["request_id"],
        answer["sha256"],
        answer["model"]["name"],
        answer["model"]["sha256"],
    ):
        assert part in receipt
    drawn = """node => [...node.firstChild.shadowRoot.querySelectorAll("canvas")].some((canvas) => canvas
        .getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0))"""
    assert page.locator("#wave").evaluate(drawn)
    clean_everywhere(page)
    give(page, broken, "failure")
    assert page.locator("#failure-title").inner_text() == "The file cannot be read as sound."
    assert "not a sound file that can be decoded" in page.locator("#failure-detail").inner_text()
    assert page.locator("#again").is_hidden() and page.locator("#answer").is_hidden()
    clean_everywhere(page)


def test_the_saved_answer_is_the_answer(site: Running, screen: Screen, voice: Path) -> None:
    page = screen(site)
    with page.expect_response("**/v1/detections") as seen:
        give(page, voice, "answer")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download the answer").click()
    assert json.loads(Path(saved.value.path()).read_text(encoding="utf-8")) == seen.value.json()
    assert saved.value.suggested_filename == "voice.wav.detection.json"


def test_marks_stand_beside_the_verdict(site: Running, screen: Screen, voice: Path, tmp_path: Path) -> None:
    marked = tmp_path / "marked.wav"
    with Client(site.url) as client:
        marked.write_bytes(client.watermark(voice, claims={"title": "<b>x</b>"})[1])
    page = screen(site)
    give(page, voice, "answer")
    marks = page.locator("#marks")
    marks.get_by_text("By chance").or_(marks.get_by_text("never change")).first.wait_for()
    before = page.locator("#score").inner_text()
    give(page, marked, "answer")
    marks.get_by_text("A mark was found, on the content that it was made for.").wait_for()
    assert "<b>x</b>" in marks.inner_text() and marks.locator("b").count() == 0
    assert page.locator("#marked i").count() >= 1 and page.locator("#marked-key").is_visible()
    assert before and page.locator("#verdict").inner_text()


def test_sound_plays_and_stretches_play_by_keyboard(site: Running, screen: Screen, voice: Path) -> None:
    page = screen(site)
    give(page, voice, "answer")
    play, position = page.locator("#play"), page.locator("#position")
    play.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Play", exact=True).wait_for()
    position.focus()
    page.keyboard.press("End")
    assert "0:04.0 of 0:04.0" in (position.get_attribute("aria-valuetext") or "")
    page.get_by_role("button", name="Play from 0:00.0 to 0:04.0").click()
    page.get_by_role("button", name="Pause").wait_for()


def test_the_first_tab_reaches_the_choice_and_shows_it(site: Running, screen: Screen) -> None:
    page = screen(site)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    assert page.locator("label.button").evaluate("node => getComputedStyle(node).outlineStyle") == "solid"


def test_a_hostile_name_is_text(site: Running, screen: Screen, voice: Path) -> None:
    name = "<img src=x onerror=alert(1)>\u202egpj.wav"
    page = screen(site)
    give(page, {"name": name, "mimeType": "audio/wav", "buffer": voice.read_bytes()}, "answer")
    assert page.locator("#answer-file").inner_text() == name and name in page.title()
    drop(page, name)
    page.wait_for_selector("#main[data-state=failure]")
    assert page.locator("#failure-file").inner_text() == name
    assert page.locator("img:not(.brand img)").count() == 0
    page.set_viewport_size({"width": SIZES["phone"][0], "height": SIZES["phone"][1]})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_too_large_is_said_before_anything_is_sent(site: Running, screen: Screen, tmp_path: Path) -> None:
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(MOST + 1))
    page = screen(site)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    give(page, large, "failure")
    assert page.locator("#failure-title").inner_text() == "The file is too large."
    assert "390.6 KiB" in page.locator("#failure-detail").inner_text() and "POST" not in sent


def test_the_servers_own_413_is_shown(site: Running, screen: Screen, tmp_path: Path) -> None:
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(MOST + (2 << 20)))
    about = {**site.http.get("/page.json").json(), "max_bytes": 1 << 30}
    page = screen(site, ready=False)
    page.route("**/page.json", lambda route: route.fulfill(json=about))
    page.reload()
    page.locator("#bounds", has_text="1 GiB").wait_for()
    give(page, large, "failure")
    assert page.locator("#failure-title").inner_text() == "The upload is too large."


def test_a_server_that_is_gone(screen: Screen, voice: Path, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        page = screen(server)
    drop(page, voice.name)
    page.wait_for_selector("#main[data-state=failure]")
    assert page.locator("#failure-title").inner_text() == "The server cannot be reached."
    assert page.get_by_role("button", name="Try again").is_enabled()
    clean(page)


def test_too_many_requests_wait_as_long_as_the_server_says(site: Running, screen: Screen, voice: Path) -> None:
    page = screen(site)
    problem = {"type": "urn:earwitness:problem:rate-limited", "title": "Too many requests", "status": 429}
    refusal = {"status": 429, "json": {**problem, "detail": "The limit is 60 per 1 minute."}}
    page.route("**/v1/detections", lambda route: route.fulfill(headers={"Retry-After": "2"}, **refusal), times=1)
    give(page, voice, "failure")
    assert page.locator("#failure-detail").inner_text() == "The limit is 60 per 1 minute."
    assert page.locator("#again").is_disabled() and "in 2 s" in page.locator("#again").inner_text()
    page.get_by_role("button", name="Try again", exact=True).click(timeout=5000)
    page.wait_for_selector("#main[data-state=answer]")


def test_a_long_recording_is_a_job_that_can_be_cancelled(site: Running, screen: Screen, long_clip: Path) -> None:
    page = screen(site)
    running = {"id": "0" * 32, "kind": "scan", "state": "running", "created": "2026-01-01T00:00:00+00:00"}
    page.route("**/v1/jobs/*", lambda route: route.fulfill(json=running))
    page.set_input_files("#file", long_clip)
    page.locator("#stage", has_text="Listening to a long recording").wait_for()
    clean(page)
    page.unroute("**/v1/jobs/*")
    with page.expect_request(lambda request: request.method == "DELETE" and "/v1/jobs/" in request.url):
        page.get_by_role("button", name="Cancel").click()
    assert page.locator("#main").get_attribute("data-state") == "idle"
    give(page, long_clip, "answer")
    assert page.locator("#length").inner_text() == "6 s"


def test_a_guarded_server_asks_for_a_key(guarded: Running, screen: Screen, clip: Path) -> None:
    secret = guarded.key("page", "detect")["Authorization"].removeprefix("Bearer ")
    page = screen(guarded)
    give(page, clip, "failure")
    assert page.locator("#failure-title").inner_text() == "This server needs an API key."
    clean(page)
    page.locator("#key").fill("ew_wrong")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="A valid API key is needed.").wait_for()
    page.locator("#key").fill(secret)
    page.keyboard.press("Enter")
    page.wait_for_selector("#main[data-state=answer]")
    assert "no watermark key" in page.locator("#marks").inner_text()


def test_several_files_and_sounds_that_the_browser_cannot_play(
    site: Running,
    screen: Screen,
    encode: Callable[..., Path],
    speech: Callable[..., Any],
    voice: Path,
    tmp_path: Path,
) -> None:
    page = screen(site)
    page.evaluate("document.getElementById('file').multiple = true")
    give(page, [voice, voice], "failure")
    assert page.locator("#failure-title").inner_text() == "Those are several files."
    alac = encode(tmp_path / "alac.mka", "wmav2", 16000, speech(4.0, 3), container="asf")
    give(page, alac, "answer")
    page.get_by_text("This browser cannot play this file.").wait_for()
    assert page.locator("#player").is_hidden() and page.locator("#shades i").count() == 1
    clean(page)


def test_no_sentence_calls_a_recording_genuine(site: Running, screen: Screen) -> None:
    page = screen(site)
    script = """async ([decision, scores]) => {
        const words = await import("./words.js");
        const spans = scores.map((score, i) => ({start: i, end: i + 1, score}));
        const score = scores.length ? scores[0] : null;
        return words.verdict({decision, score, spans}, [-1, 1]);
    }"""
    found = {
        (decision, scores): page.evaluate(script, [decision, list(scores)])
        for decision in ("synthetic", "genuine", "inconclusive")
        for scores in ((), (2.0, 2.0), (2.0, -2.0), (-2.0, -2.0))
    }
    assert found["synthetic", (2.0, 2.0)] == "This recording sounds machine-made."
    assert found["synthetic", (2.0, -2.0)] == "Parts of this recording sound machine-made."
    assert found["genuine", (-2.0, -2.0)] == "No sign of synthesis was found; that does not prove that it is genuine."
    assert "parts of it lean machine-made" in found["genuine", (2.0, -2.0)]
    assert found["inconclusive", ()] == "Inconclusive: there is not enough here to judge."
    for text in found.values():
        assert "authentic" not in text and not re.search(r"(?<!prove that it )is genuine", text)
