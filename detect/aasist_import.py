"""Reading published AASIST weights once: a .pth file becomes safetensors, an ONNX graph and a model card."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import MissingPart, WeightsError
from ..core.files import replacing, sha256
from ..core.home import home as default_home
from ..core.weights import Card, check_name, write_card

try:
    import torch
    from safetensors.torch import save_file
    from torch import Tensor

    from ..core.onnx_export import export
    from .aasist import AASIST, AASIST_L, Aasist, AasistConfig, SyntheticScore
except ImportError as error:
    raise MissingPart("Importing AASIST weights needs the extra 'train': pip install 'earwitness[train]'.") from error


@dataclass(frozen=True)
class Source:
    """A published file, known by its digest."""

    title: str
    licence: str


PUBLISHED: Mapping[str, Source] = {
    "51d2d9cf0738172f61e2a384ec50a54a55363240f67c971ed55a92435bc1a1c0": Source(
        "AASIST, trained on ASVspoof 2019 LA (clovaai/aasist)", "MIT"
    ),
    "814331d088032bb4c3fa61cc014789eadeed464209dd094ab3a2dd6ffbdce27a": Source(
        "AASIST-L, trained on ASVspoof 2019 LA (clovaai/aasist)", "MIT"
    ),
    "8f10fe1d1ce3ac62c19f00b86dfaf79f86f464301d23e08726b16b02edbb601c": Source(
        "AASIST, trained on ASVspoof 5 (asvspoof-challenge/asvspoof5)", "MIT"
    ),
}


def import_aasist(path: Path | str, name: str = "aasist", home: Path | str | None = None) -> Path:
    """Turn the weights at `path` into the detector `name` under `home`/weights; answers its card's path.

    Writes `<name>.safetensors`, `<name>.onnx` (samples (batch, 64600) at 16 kHz in [-1, 1] -> "score" (batch,),
    higher = synthetic, uncalibrated) and, last, the card `<name>.toml`. The pickle in the file may hold nothing but
    tensors; they must fit AASIST or AASIST-L exactly. Raises WeightsError for any other file, and when the graph
    and the network differ by more than 1e-4.
    """
    source = Path(path)
    check_name(name)
    config, state = _fitting(_read(source), source.name)
    network = Aasist(config)
    network.load_state_dict(state, strict=True)
    model = SyntheticScore(network)

    folder = (default_home() if home is None else Path(home)) / "weights"
    tensors, graph = folder / f"{name}.safetensors", folder / f"{name}.onnx"
    batch = {0: "batch"}
    export(model, {"samples": probes(config)}, ["score"], {"samples": batch, "score": batch}, graph, half=False)
    with replacing(tensors) as temporary:
        save_file(state, temporary)
    digest = sha256(source)
    published = PUBLISHED.get(digest)
    card = Card(
        name=name,
        kind="detector",
        folder=folder,
        summary=published.title if published else "AASIST network of unknown training",
        licence=published.licence if published else "unknown",
        metrics={
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "source": source.name,
            "source_sha256": digest,
            "polarity": "higher = synthetic: the published bona fide logit with its sign changed",
        },
        settings={"rate": config.rate, "window": config.samples, "exact": True, "calibrated": False},
    )
    return write_card(card, {"onnx": graph, "safetensors": tensors})


def probes(config: AasistConfig) -> Tensor:
    """Signals that network and graph are compared on, noise and a fading tone: (2, samples)."""
    time = np.arange(config.samples) / config.rate
    noise = 0.1 * np.random.default_rng(0).standard_normal(config.samples)
    tone = 0.5 * np.exp(-time) * np.sin(2 * np.pi * 220.0 * time)
    return torch.from_numpy(np.stack([noise, tone])).float()


def _read(path: Path) -> dict[str, Tensor]:
    """Tensors by name. Raises WeightsError for anything but a torch file that holds just that."""
    if not path.is_file():
        raise WeightsError(f"There is no file {str(path)!r} to import.")
    # The older format is a bare pickle, on which torch.load fails in too many ways to list; none is published.
    if not zipfile.is_zipfile(path):
        raise WeightsError(f"{path.name!r} is not a torch weights file (.pth), or it is cut short.")
    try:
        # torch.load does not look at the checksums.
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise WeightsError(f"{path.name!r} is damaged: its part {damaged!r} fails its checksum.")
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(f"{path.name!r} holds more than tensors (perhaps code); it was not read.") from error
    except (OSError, EOFError, RuntimeError, ValueError, LookupError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path.name!r} cannot be read as torch weights: {error}") from error
    if not isinstance(found, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items()
    ):
        raise WeightsError(f"{path.name!r} is not a plain table of tensors.")
    return dict(found)


def _fitting(state: dict[str, Tensor], file: str) -> tuple[AasistConfig, dict[str, Tensor]]:
    """The published configuration whose tensors have these names and shapes. Raises WeightsError."""
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    for config in (AASIST, AASIST_L):
        if shapes == {key: tuple(value.shape) for key, value in Aasist(config).state_dict().items()}:
            break
    else:
        raise WeightsError(f"The tensors in {file!r} are those of neither AASIST nor AASIST-L.")
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise WeightsError(f"{file!r} holds NaN or infinite weights.")
    return config, {key: value.contiguous() for key, value in state.items()}
