"""Opening graphs: where they run, and what is said when that is not where they were asked to."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
from earwitness.core import onnx_session, weights
from earwitness.core.errors import UsageError, WeightsError


@pytest.fixture
def graph() -> Path:
    return weights.path(weights.card("baseline"), "onnx")


def test_the_cpu_needs_no_remark(graph: Path) -> None:
    session, remark = onnx_session.open_on(graph)
    assert session.get_providers() == ["CPUExecutionProvider"] and remark == ""


def test_an_absent_provider_falls_back_and_says_so(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    session, remark = onnx_session.open_on(graph, provider="cuda")
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert "'cuda'" in remark and "the CPU was used" in remark


def test_a_provider_that_does_not_start_falls_back_and_says_so(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = onnxruntime.InferenceSession

    def start(*args: object, providers: list[str], **rest: object) -> object:
        assert providers == ["CUDAExecutionProvider", "CPUExecutionProvider"]
        return real(*args, providers=providers[1:], **rest)

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", start)
    assert "could not be started" in onnx_session.open_on(graph, provider="cuda")[1]


def test_unknown_providers_and_broken_graphs_are_refused(graph: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="known: cpu, cuda"):
        onnx_session.open_on(graph, provider="abacus")
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(WeightsError, match=r"broken\.onnx"):
        onnx_session.open_on(tmp_path / "broken.onnx")
