"""Published checkpoints under our protocol, run by their own well-kept packages (extra `hub`).

Kinds: encodec, dac, mimi (transformers), snac, lyra-v2 (TFLite through ai-edge-litert). A checkpoint is a folder on
this machine. `download` fetches one from the Hugging Face hub first, only when called, only at a full commit hash,
and only configuration and safetensors: no pickle is loaded and no code from a checkpoint runs.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import MissingPart, UsageError, WeightsError
from ..core.files import sha256
from .neural import NeuralCodec, NeuralSpec

_WEIGHTS = "model.safetensors"
_CONFIG = "config.json"
_PACKAGES = {"encodec": "transformers", "dac": "transformers", "mimi": "transformers", "snac": "snac"}
_CLASSES = {"encodec": "EncodecModel", "dac": "DacModel", "mimi": "MimiModel"}
KINDS = (*_PACKAGES, "lyra-v2")


def open(kind: str, folder: Path | str) -> NeuralCodec:
    """The codec of a checkpoint folder: config.json and model.safetensors, or Lyra v2's three TFLite files.

    Raises UsageError for another kind, MissingPart without the package, WeightsError for a folder that does not hold
    such a checkpoint.
    """
    if kind not in KINDS:
        raise UsageError(f"There are no published checkpoints of {kind!r}; known: {', '.join(KINDS)}.")
    package = _PACKAGES.get(kind, "ai_edge_litert")
    if importlib.util.find_spec(package) is None:
        raise MissingPart(f"{kind!r} runs with the package {package}: pip install 'earwitness[hub]'.")
    root = Path(folder)
    if kind == "lyra-v2":
        from .pretrained_lyra import open_lyra

        return open_lyra(root)
    for name in (_CONFIG, _WEIGHTS):
        if not (root / name).is_file():
            raise WeightsError(f"{str(root)!r} holds no {name}; only configuration and safetensors are read.")
    digest = sha256(root / _WEIGHTS)
    return _snac(root, digest) if kind == "snac" else _transformers(kind, root, digest)


def download(repository: str, revision: str, folder: Path) -> Path:
    """Fetch config.json and model.safetensors of a hub repository at a full commit hash into `folder`.

    Raises UsageError unless `revision` is 40 hex digits: a branch or tag could change what comes.
    """
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise UsageError(f"A download needs a full commit hash, and {revision!r} is none.")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingPart("Downloads need huggingface_hub: pip install 'earwitness[hub]'.") from error
    snapshot_download(repository, revision=revision, local_dir=folder, allow_patterns=[_CONFIG, _WEIGHTS])
    return folder


def _loaded(root: Path, load: Callable[[], Any]) -> Any:
    """What `load` gives. The packages raise many kinds of errors for a folder of something else."""
    from safetensors import SafetensorError

    try:
        return load()
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        first = str(error).strip().splitlines()
        raise WeightsError(f"The checkpoint {str(root)!r} cannot be read: {first[0] if first else error}.") from error


def _transformers(kind: str, root: Path, digest: str) -> NeuralCodec:
    import transformers

    from .engine_hub import TransformersEngine

    declared = _loaded(root, lambda: json.loads((root / _CONFIG).read_text(encoding="utf-8"))).get("model_type")
    if declared != kind:
        raise WeightsError(f"{str(root)!r} holds a checkpoint of {declared!r}, not of {kind!r}.")
    options = {"local_files_only": True, "use_safetensors": True, "trust_remote_code": False}
    model: Any = _loaded(root, lambda: getattr(transformers, _CLASSES[kind]).from_pretrained(root, **options))
    config = model.config
    if getattr(config, "audio_channels", 1) != 1 or getattr(config, "chunk_length_s", None):
        raise WeightsError(f"{str(root)!r} is a stereo or chunked checkpoint; only mono ones run here.")
    if kind == "mimi":
        stages, hop = config.num_quantizers, round(config.sampling_rate / config.frame_rate)
    elif kind == "dac":
        stages, hop = config.n_codebooks, math.prod(config.downsampling_ratios)
    else:
        hop = math.prod(config.upsampling_ratios)
        each = math.log2(config.codebook_size) * config.sampling_rate / hop / 1000
        stages = int(max(config.target_bandwidths) // each)
    bits = (math.log2(config.codebook_size),) * stages
    return NeuralCodec(NeuralSpec(kind, digest, config.sampling_rate, hop, bits), TransformersEngine(kind, model))


def _snac(root: Path, digest: str) -> NeuralCodec:
    from safetensors.torch import load_file
    from snac import SNAC

    from .engine_hub import SnacEngine

    def load() -> Any:
        # SNAC.from_pretrained unpickles; its network and the safetensors are put together here instead.
        model = SNAC(**json.loads((root / _CONFIG).read_text(encoding="utf-8")))
        model.load_state_dict(load_file(root / _WEIGHTS))
        return model.eval()

    model = _loaded(root, load)
    engine = SnacEngine(model)
    bits = (math.log2(model.codebook_size),) * engine.rows
    hop = int(model.hop_length * max(model.vq_strides))
    return NeuralCodec(NeuralSpec("snac", digest, model.sampling_rate, hop, bits, scalable=False), engine)
