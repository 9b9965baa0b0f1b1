"""The registry: a name becomes a codec that runs. Neural members come from cards, classical ones from the wheels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..core import weights
from ..core.errors import MissingPart, UsageError
from ..core.files import sha256
from ..core.weights import Card
from . import classical
from .neural import NeuralCodec, NeuralSpec, NeuralVocoder
from .protocol import Codec, Resynthesiser

Backend = Literal["auto", "onnx", "torch"]


@dataclass(frozen=True)
class Listing:
    """One line of `earwitness codec list`."""

    name: str
    kind: str
    rate: int
    kbps: tuple[float, ...]
    parameters: int
    summary: str


def _neural() -> dict[str, Card]:
    return {name: card for name, card in weights.cards().items() if card.kind in ("codec", "vocoder")}


def names() -> list[str]:
    """Names that `open` takes: neural ones first, then classical."""
    return [*_neural(), *classical.names()]


def listings() -> list[Listing]:
    """What each member is."""
    rows: list[Listing] = []
    for name, card in _neural().items():
        spec = _spec(card.settings, name, "")
        rate, parameters = spec.rate, int(card.settings["parameters"])
        rows.append(Listing(name, card.kind, rate, spec.kbps if spec.bits else (), parameters, card.summary))
    for name in classical.names():
        member = classical.open(name)
        rows.append(Listing(name, "classical", member.rate or 0, member.kbps, 0, member.summary))
    return rows


def open(name: str, *, checkpoint: Path | None = None, backend: Backend = "auto") -> Resynthesiser:
    """A member by name; `checkpoint` puts other weights of the same recipe in (torch).

    Raises UsageError for an unknown name, MissingPart when torch is needed and absent.
    """
    neural = _neural()
    if name in neural:
        return _open_neural(neural[name], checkpoint, backend)
    if name in classical.names():
        return classical.open(name)
    raise UsageError(f"There is no codec {name!r}; known: {', '.join(names())}.")


def open_codec(name: str, *, backend: Backend = "auto") -> Codec:
    """A member with codes. Raises UsageError for vocoders and classical codecs, which write no token files."""
    member = open(name, backend=backend)
    if not isinstance(member, NeuralCodec):
        coded = ", ".join(weights.cards("codec"))
        raise UsageError(f"{name!r} has no token files; codecs that have them: {coded}. 'codec resynth' takes all.")
    return member


def open_checkpoint(model: str, arguments: Mapping[str, Any], file: Path, name: str) -> Resynthesiser:
    """A network straight from a training folder, in torch."""
    from .engine_torch import TorchEngine, load_model

    network: Any = load_model(model, arguments, file)
    settings = {"rate": network.rate, "hop_length": network.hop_length, "bits": getattr(network, "bits", ())}
    spec = _spec(settings, name, sha256(file))
    engine = TorchEngine(network)
    return NeuralCodec(spec, engine) if spec.bits else NeuralVocoder(spec, engine)


def _spec(settings: Mapping[str, Any], name: str, digest: str) -> NeuralSpec:
    rate, hop = int(settings["rate"]), int(settings["hop_length"])
    return NeuralSpec(name, digest, rate, hop, tuple(settings["bits"]))


def _open_neural(card: Card, checkpoint: Path | None, backend: Backend) -> Resynthesiser:
    settings = card.settings
    if checkpoint is not None:
        return open_checkpoint(settings["model"], settings["arguments"], checkpoint, card.name)
    if "decode" in card.files and backend != "torch":
        from .engine_onnx import OnnxEngine

        engine = OnnxEngine(weights.path(card, "encode"), weights.path(card, "decode"))
        return NeuralCodec(_spec(settings, card.name, card.files["safetensors"]["sha256"]), engine)
    if backend == "onnx":
        raise UsageError(f"{card.name!r} has no ONNX graphs; it runs with torch.")
    try:
        return open_checkpoint(settings["model"], settings["arguments"], weights.path(card, "safetensors"), card.name)
    except ImportError as error:
        raise MissingPart(f"{card.name!r} runs with torch: pip install 'earwitness[train]'.") from error
