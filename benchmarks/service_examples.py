"""The examples of the OpenAPI document: true answers of a server, with invented ids, times and digests.

    python benchmarks/service_examples.py

Starts `earwitness serve` with a new key, sends it a decoded recording out of the demo, and writes
`api/http/examples.json`.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from earwitness.api.workshop import decode_examples
from earwitness.watermark.key import generate
from earwitness.watermark.key_file import write_key
from service import start

TARGET = Path(__file__).resolve().parent.parent / "api" / "http" / "examples.json"
_TIME = "2026-01-01T12:00:00+00:00"
_JOB, _RECORD = "0123456789abcdef" * 2, "fedcba9876543210" * 2
# What is invented, by the name of the member; a model's own digest stays.
_INVENTED: dict[str, Any] = {
    "request_id": "example-request-1",
    "id": _JOB,
    "record": _RECORD,
    "handle": 123456789,
    "owner": "alice",
    "created": _TIME,
    "finished": _TIME,
    "time": _TIME,
    "key_id": "0123456789abcdef",
    "kid": "0123456789abcdef",
    "x": "A" * 43,
    "signature": "A" * 86,
    "sha256": "0" * 64,
    "result_sha256": "1" * 64,
    "source_sha256": "0" * 64,
    "marked_sha256": "2" * 64,
    "fingerprint_sha256": "3" * 64,
    "audio": f"/v1/jobs/{_JOB}/audio",
}


def invented(value: Any) -> Any:
    """An answer whose ids, times and digests are obviously nobody's."""
    if isinstance(value, list):
        return [invented(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: member
        if name == "model" or member is None
        else _INVENTED[name]
        if name in _INVENTED
        else invented(member)
        for name, member in value.items()
    }


def answers(url: str, recording: Path) -> dict[str, Any]:
    """One answer of each kind."""
    with httpx.Client(base_url=url, timeout=60) as client:

        def post(route: str, content: bytes, headers: dict[str, str] | None = None, **fields: str) -> Any:
            response = client.post(route, files={"file": ("a.wav", content)}, data=fields, headers=headers)
            return response.raise_for_status().json()

        content = recording.read_bytes()
        marking = post("/v1/watermarks", content, claims='{"title": "Interview"}')
        job = post("/v1/detections", content, {"Prefer": "respond-async"})
        while job["state"] not in {"done", "failed"}:
            time.sleep(0.1)
            job = client.get(f"/v1/jobs/{job['id']}").json()
        return {
            "detection": post("/v1/detections", content),
            "marking": marking,
            "verification": post("/v1/verify", client.get(marking["audio"]).content),
            "record": client.get(f"/v1/records/{marking['result']['record']}").json(),
            "job": job,
            "keys": client.get("/v1/keys").json(),
        }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home").mkdir()
        recording = next(one.audio for one in decode_examples(folder) if one.audio.stem == "english-soundstream")
        write_key(folder / "mark.key", generate())
        process, url, _ = start(folder / "home", "--mark-key", str(folder / "mark.key"))
        try:
            found = answers(url, recording)
        finally:
            process.terminate()
            process.wait(60)
    examples = {name: invented(answer) for name, answer in found.items()}
    text = json.dumps(examples, indent=1, ensure_ascii=False).replace(found["record"]["record"], _RECORD)
    TARGET.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
