"""Rates, queues that are full, and metrics."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from earwitness.api.http.callers import Limiter, network
from earwitness.core.errors import UsageError

from .conftest import Running, serving


def test_over_the_rate_is_429_with_retry_after(tmp_path: Path, clip: Path) -> None:
    with serving(tmp_path, rate="3/second", anonymous_rate="2/minute") as server:
        one, two = server.key("one", "detect"), server.key("two", "detect")
        time.sleep(2.1)  # the server has noticed the first key
        route = f"/v1/jobs/{'0' * 32}"
        for _ in range(3):
            assert server.http.get(route, headers=one).status_code == 404
        refused = server.http.get(route, headers=one)
        assert refused.status_code == 429 and refused.json()["type"].endswith("rate-limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 2
        assert server.http.get(route, headers=two).status_code == 404
        time.sleep(int(refused.headers["retry-after"]))
        assert server.http.get(route, headers=one).status_code == 404
        statuses = [server.http.get(route, headers={"Authorization": "Bearer wrong"}).status_code for _ in range(4)]
        assert statuses == [401, 401, 429, 429], "guessing keys is slowed down"
        assert server.post("/v1/verify", clip).status_code == 429


def test_one_address_is_one_caller() -> None:
    assert network("192.0.2.7") == network("::ffff:192.0.2.7") == "192.0.2.7"
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9") != network("2001:db8:1:3::1")
    assert network("unix") == "unix"


def test_an_impossible_rate_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="600/minute"):
        Limiter("often", "")


def test_a_full_server_says_so(tmp_path: Path, clip: Path) -> None:
    with serving(tmp_path, max_waiting=1, job_workers=0) as server:
        assert server.detect(clip, {"Prefer": "respond-async"}).status_code == 202
        full = server.detect(clip, {"Prefer": "respond-async"})
        assert full.status_code == 503 and int(full.headers["retry-after"]) >= 1
        assert len(server.leftovers()) == 1
        statuses: list[int] = []
        ask = [threading.Thread(target=lambda: statuses.append(server.detect(clip).status_code)) for _ in range(12)]
        for thread in ask:
            thread.start()
        for thread in ask:
            thread.join()
        assert set(statuses) <= {200, 503} and 200 in statuses


def test_metrics_count_what_happened(local: Running, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.wav").write_text("no sound")
    local.detect(clip)
    local.detect(tmp_path / "letter.wav")
    job = local.detect(clip, {"Prefer": "respond-async"}).json()["id"]
    local.wait(job)
    text = local.http.get("/metrics").text
    line = 'earwitness_requests_total{method="POST",route="/v1/detections",status="%s"}'
    for status in ("200", "202", "422"):
        assert line % status in text
    assert 'earwitness_jobs{state="done"}' in text and 'earwitness_jobs_ended_total{state="done"}' in text
    assert "earwitness_upload_bytes_total" in text and clip.name not in text


def test_a_server_that_stops_is_not_ready_and_lets_work_end(tmp_path: Path, clip: Path) -> None:
    with serving(tmp_path) as server:
        assert server.http.get("/readyz").status_code == 200
        answers: list[int] = []
        threads = [threading.Thread(target=lambda: answers.append(server.detect(clip).status_code)) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.02)
        server.server.should_exit = True
        for thread in threads:
            thread.join()
    assert answers.count(200) >= 1 and set(answers) <= {200}
