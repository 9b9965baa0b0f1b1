"""The AASIST network, and its import from weights that are random but of the published form."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from earwitness.core.errors import WeightsError
from earwitness.core.files import sha256
from earwitness.detect import registry
from earwitness.detect.aasist import AASIST, AASIST_L, Aasist, AasistConfig, SyntheticScore
from earwitness.detect.aasist_import import import_aasist
from earwitness.detect.aasist_layers import GraphPool, sinc_filters
from safetensors.torch import load_file


def network(config: AasistConfig, seed: int = 0) -> Aasist:
    """Random weights whose norms and output have settled statistics of their own."""
    torch.manual_seed(seed)
    model = Aasist(config).eval()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif name.endswith("running_mean"):
                tensor.normal_(0, 0.1)
        model.out_layer.bias.copy_(torch.tensor([1.0, -0.5]))
    return model


def signal(seconds: float, seed: int) -> np.ndarray:
    """Noise with a slow envelope, (n,) at 16 kHz."""
    time = np.arange(round(16000 * seconds)) / 16000
    noise = np.random.default_rng(seed).normal(size=time.size)
    wave: np.ndarray = (0.1 * noise * (1 + np.sin(2 * np.pi * 3 * time))).astype(np.float32)
    return wave


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Aasist]:
    """A home with the detector "toy", and the network that it must equal."""
    home = tmp_path_factory.mktemp("aasist")
    model = network(AASIST_L)
    torch.save(model.state_dict(), home / "toy.pth")
    assert import_aasist(home / "toy.pth", "toy", home) == home / "weights" / "toy.toml"
    return home, model


def test_sizes_are_the_published_ones() -> None:
    for config, parameters in ((AASIST, 297_866), (AASIST_L, 85_306)):
        assert sum(parameter.numel() for parameter in Aasist(config).parameters()) == parameters


def test_sinc_filters_split_the_band_into_neighbours_that_add_up_to_all_of_it() -> None:
    bank = sinc_filters(16000, 70, 129)
    assert bank.shape == (70, 129)
    impulse = np.zeros(129)
    impulse[64] = 1.0
    np.testing.assert_allclose(bank.sum(axis=0), impulse, atol=1e-9)
    gain = np.abs(np.fft.rfft(bank, 4096, axis=1))
    # Mel edges: of 70 bands the first one ends at 26 Hz, the middle one lies near 1.75 kHz, the last below 8 kHz.
    peaks = gain.argmax(axis=1) * 16000 / 4096
    assert peaks[35] == pytest.approx(1762.0, abs=60.0)
    assert np.all(np.diff(peaks[10:]) > 0)


def test_pooling_keeps_the_best_nodes_in_order_and_scales_them() -> None:
    pool = GraphPool(1, 0.5)
    with torch.no_grad():
        pool.proj.weight.fill_(1.0)
        pool.proj.bias.zero_()
    nodes = torch.tensor([[[0.0], [3.0], [-1.0], [1.0], [2.0]]])
    kept = torch.tensor([3.0, 2.0])
    torch.testing.assert_close(pool(nodes)[0, :, 0], kept * torch.sigmoid(kept))


def test_clips_of_a_batch_do_not_hear_each_other() -> None:
    model = network(AASIST_L)
    samples = torch.from_numpy(np.stack([signal(1.25, seed) for seed in (1, 2)]))
    with torch.inference_mode():
        torch.testing.assert_close(model(samples)[1:], model(samples[1:]), atol=1e-5, rtol=1e-5)


def test_graph_equals_the_network_with_the_sign_turned(imported: tuple[Path, Aasist]) -> None:
    home, model = imported
    session = onnxruntime.InferenceSession(str(home / "weights" / "toy.onnx"), providers=["CPUExecutionProvider"])
    samples = np.stack([signal(4.0375, seed) for seed in (1, 2)])
    with torch.inference_mode():
        logits = model(torch.from_numpy(samples)).numpy()
    for batch in (1, 2):
        (scores,) = session.run(["score"], {"samples": samples[:batch]})
        assert scores.shape == (batch,)
        np.testing.assert_allclose(scores, -logits[:batch, 1], atol=1e-4)
        assert not np.allclose(scores, logits[:batch, 0], atol=0.1)


def test_stored_tensors_are_those_of_the_file(imported: tuple[Path, Aasist]) -> None:
    home, model = imported
    stored = load_file(home / "weights" / "toy.safetensors")
    wanted = model.state_dict()
    assert stored.keys() == wanted.keys()
    assert all(torch.equal(stored[name], wanted[name]) for name in wanted)
    again = Aasist(AASIST_L).eval()
    again.load_state_dict(stored, strict=True)
    samples = torch.from_numpy(signal(1.25, 5))[None]
    with torch.inference_mode():
        assert torch.equal(SyntheticScore(again)(samples), -model(samples)[:, 1])


def test_card_says_where_it_came_from_and_that_it_is_uncalibrated(imported: tuple[Path, Aasist]) -> None:
    home, _ = imported
    card = tomllib.loads((home / "weights" / "toy.toml").read_text(encoding="utf-8"))
    assert card["metrics"]["source_sha256"] == sha256(home / "toy.pth")
    assert card["metrics"]["parameters"] == 85_306
    assert "higher = synthetic" in card["metrics"]["polarity"]
    assert card["licence"] == "unknown"
    assert card["settings"] == {"rate": 16000, "window": 64600, "exact": True, "calibrated": False}
    assert card["files"]["onnx"]["sha256"] == sha256(home / "weights" / "toy.onnx")


def test_registry_repeats_short_clips_and_cuts_long_ones(
    imported: tuple[Path, Aasist], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, model = imported
    monkeypatch.setenv("EARWITNESS_HOME", str(home))
    detector = registry.open("toy")
    assert any("uncalibrated" in warning for warning in detector.warnings)
    second = signal(1.0, 9)
    tiled = np.tile(second, 5)
    with torch.inference_mode():
        wanted = -float(model(torch.from_numpy(tiled[:64600])[None])[0, 1])
    assert detector.measure(second)[0] == pytest.approx(wanted, abs=1e-4)
    assert detector.measure(tiled)[0] == pytest.approx(wanted, abs=1e-4)


def test_imported_weights_run_without_torch(imported: tuple[Path, Aasist]) -> None:
    home, _ = imported
    program = (
        "import sys\n"
        "import numpy as np\n"
        "from earwitness.detect import registry\n"
        "score = registry.open('toy').measure(np.full(16000, 0.1, np.float32))[0]\n"
        "print('torch' in sys.modules, score)"
    )
    environment = {**os.environ, "EARWITNESS_HOME": str(home)}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    loaded, score = answer.stdout.split()
    assert loaded == "False"
    assert np.isfinite(float(score))


class Code:
    """Unpickling this would run a command."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch escaped",)


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _text(path: Path) -> None:
    path.write_text("weights, honestly")


def _code(path: Path) -> None:
    torch.save({"pos_S": Code()}, path)


def _module(path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), path)


def _list(path: Path) -> None:
    torch.save([torch.zeros(2)], path)


def _foreign(path: Path) -> None:
    torch.save({"layer.weight": torch.zeros(2, 2)}, path)


def _lacking(path: Path) -> None:
    state = network(AASIST_L).state_dict()
    del state["out_layer.bias"]
    torch.save(state, path)


def _nan(path: Path) -> None:
    state = network(AASIST_L).state_dict()
    state["master1"][0, 0, 0] = float("nan")
    torch.save(state, path)


def _cut(path: Path) -> None:
    torch.save(network(AASIST_L).state_dict(), path)
    path.write_bytes(path.read_bytes()[:100_000])


def _damaged(path: Path) -> None:
    torch.save(network(AASIST_L).state_dict(), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def _other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "not weights")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_missing, "no file"),
        (_text, "not a torch weights file"),
        (_code, "more than tensors"),
        (_module, "more than tensors"),
        (_list, "plain table"),
        (_foreign, "neither AASIST nor AASIST-L"),
        (_lacking, "neither AASIST nor AASIST-L"),
        (_nan, "NaN"),
        (_cut, "not a torch weights file"),
        (_damaged, "damaged"),
        (_other_zip, "cannot be read"),
    ],
)
def test_wrong_files_are_refused_and_nothing_is_written(
    make: Callable[[Path], None], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "file.pth")
    with pytest.raises(WeightsError, match=says):
        import_aasist(tmp_path / "file.pth", "toy", tmp_path / "home")
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("name", ["../toy", "", ".toy", "a/b"])
def test_names_cannot_leave_the_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="name"):
        import_aasist(tmp_path / "file.pth", name, tmp_path)
