from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from earwitness.core import onnx_export
from earwitness.core.onnx_session import open_session
from earwitness.core.spectral_torch import Istft, Stft


class Back(torch.nn.Module):
    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.istft = Istft(n_fft, n_fft // 4)

    def forward(self, real: torch.Tensor, imaginary: torch.Tensor) -> torch.Tensor:
        wave: torch.Tensor = self.istft(real, imaginary)
        return wave


@pytest.mark.parametrize("n_fft", [128, 800, 1024])
def test_a_graph_without_the_table_gives_the_same_wave(tmp_path: Path, n_fft: int) -> None:
    torch.manual_seed(0)
    module, spectra = Back(n_fft), torch.randn(2, 1, n_fft // 2 + 1, 20)
    inputs = {"real": spectra[0], "imaginary": spectra[1]}
    free = {"real": {2: "frames"}, "imaginary": {2: "frames"}, "wave": {1: "n"}}
    onnx_export.export(module, inputs, ["wave"], free, tmp_path / "back.onnx", tolerance=1e-5)
    # Small tables stay where they are.
    assert (tmp_path / "back.onnx").stat().st_size < (100_000 if n_fft < 256 else (n_fft + 2) * n_fft // 8)
    longer = torch.randn(2, 1, n_fft // 2 + 1, 33)
    found = open_session(tmp_path / "back.onnx").run(
        None, {"real": longer[0].numpy(), "imaginary": longer[1].numpy()}
    )[0]
    assert np.allclose(found, module(longer[0], longer[1]).numpy(), atol=1e-5)


class Forth(torch.nn.Module):
    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.stft = Stft(n_fft, n_fft // 4, "same")

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        return torch.cat(self.stft(wave), dim=1)


def test_the_forward_table_is_made_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, wave = Forth(1024), torch.randn(1, 4096)
    free = {"wave": {1: "n"}, "spectrum": {2: "frames"}}
    onnx_export.export(module, {"wave": wave}, ["spectrum"], free, tmp_path / "forth.onnx")
    assert (tmp_path / "forth.onnx").stat().st_size < 100_000
    longer = torch.randn(1, 8192)
    found = open_session(tmp_path / "forth.onnx").run(None, {"wave": longer.numpy()})[0]
    assert np.allclose(found, module(longer).numpy(), atol=1e-4)


class Table(torch.nn.Module):
    table: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.arange(4096.0).reshape(64, 64) / 4096, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.table @ x)


def test_equal_tables_are_stored_once(tmp_path: Path) -> None:
    module, x = torch.nn.Sequential(Table(), Table(), Table()), torch.randn(64, 3)
    onnx_export.export(module, {"x": x}, ["y"], {"x": {1: "n"}, "y": {1: "n"}}, tmp_path / "thrice.onnx")
    assert (tmp_path / "thrice.onnx").stat().st_size < 1.5 * 4 * 64 * 64
