"""The registry: a name becomes a codec that runs. Neural members come from cards, others from wheels and programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..core import recipe as core_recipe
from ..core import weights
from ..core.errors import MissingPart, UsageError
from ..core.files import sha256
from ..core.weights import Card
from . import classical, copy_synthesis, facts, pretrained, programs
from . import recipe as recipes
from .neural import NeuralCodec, NeuralSpec, NeuralVocoder
from .protocol import Codec, Resynthesiser
from .tried import TRIED

Backend = Literal["auto", "onnx", "torch"]


@dataclass(frozen=True)
class Listing:
    """One line of `earwitness codec list`.

    kind: codec, vocoder, classical, copy-synthesis or program. trained: whether `open` gives it; an untrained one is
    a shipped recipe without weights. facts: what is known of the published system (`facts.card_entry`), empty for
    what is no network. hours of training speech; metrics as its card has them. tried: why there are no weights.
    """

    name: str
    kind: str
    rate: int
    kbps: tuple[float, ...]
    parameters: int
    summary: str
    trained: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)
    hours: float = 0.0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    tried: str = ""


def _neural() -> dict[str, Card]:
    return {name: card for name, card in weights.cards().items() if card.kind in ("codec", "vocoder")}


def names() -> list[str]:
    """Names that `open` takes: neural ones first, then classical, copy synthesis and programs."""
    return [*_neural(), *classical.names(), *copy_synthesis.names(), *programs.names()]


def listings() -> list[Listing]:
    """What each member is."""
    rows = [_listing(name, card) for name, card in _neural().items()]
    for name in classical.names():
        member = classical.open(name)
        rows.append(Listing(name, "classical", member.rate or 0, member.kbps, 0, member.summary))
    for synthesis in copy_synthesis.members():
        rows.append(Listing(synthesis.name, "copy-synthesis", 0, (), 0, synthesis.summary))
    for program in programs.members():
        rows.append(Listing(program.name, "program", program.rate, program.kbps, 0, program.summary))
    return rows


def untrained() -> list[Listing]:
    """Shipped recipes, the published sizes apart, for which there are no weights."""
    rows = []
    for name in core_recipe.shipped(recipes.PACKAGE):
        recipe = recipes.load(name)
        if name in _neural() or name.endswith("-paper"):
            continue
        known = facts.card_entry(recipe.model)
        kind = "codec" if known["quantiser"] else "vocoder"
        rows.append(
            Listing(name, kind, 0, (), 0, recipe.summary, trained=False, facts=known, tried=TRIED.get(name, ""))
        )
    return rows


def _listing(name: str, card: Card) -> Listing:
    settings = card.settings
    spec = _spec(settings, name, "")
    known = settings.get("facts") or facts.card_entry(str(settings.get("model")))
    return Listing(
        name,
        card.kind,
        spec.rate,
        spec.kbps if spec.bits else (),
        int(settings["parameters"]),
        card.summary,
        facts=known,
        hours=float(settings.get("hours", 0.0)),
        metrics=card.metrics,
    )


def open(name: str, *, checkpoint: Path | None = None, backend: Backend = "auto") -> Resynthesiser:
    """A member by name, or KIND:FOLDER for a published checkpoint; `checkpoint` puts other weights of the same recipe
    in (torch).

    Raises UsageError for an unknown name, MissingPart when torch, a package or a program is needed and absent.
    """
    neural = _neural()
    if name in neural:
        return _open_neural(neural[name], checkpoint, backend)
    kind, separator, folder = name.partition(":")
    if separator and kind in pretrained.KINDS:
        return pretrained.open(kind, folder)
    if name in classical.names():
        return classical.open(name)
    if name in copy_synthesis.known():
        return copy_synthesis.open(name)
    if name in programs.known():
        return programs.open(name)
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
    settings = {
        "rate": network.rate,
        "hop_length": network.hop_length,
        "bits": getattr(network, "bits", ()),
        "scalable": getattr(network, "scalable", True),
    }
    spec = _spec(settings, name, sha256(file))
    engine = TorchEngine(network)
    return NeuralCodec(spec, engine) if spec.bits else NeuralVocoder(spec, engine)


def _spec(settings: Mapping[str, Any], name: str, digest: str) -> NeuralSpec:
    rate, hop = int(settings["rate"]), int(settings["hop_length"])
    return NeuralSpec(name, digest, rate, hop, tuple(settings["bits"]), bool(settings.get("scalable", True)))


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
