"""Speed of the generators on one core, by mode: with and without a key-value cache, in float32 and int8.

    python benchmarks/generator_speed.py [--model NAME|DIR ...] [--untrained RECIPE ...] [--times 3]

Every model says one sentence, or revises or continues a recording of it, which ships with the package; the median of
some times, in processor time, so that a busy machine is no slower than an idle one, or not by much. Weights do not
change the speed, so --untrained draws some by chance. Columns: tokens drawn (frames of mels for matcha), tokens a
second of the network alone and of all the work (front end, aligner, codec or vocoder too), and rtf, seconds of work
for one second of the speech that comes out; below 1 is faster than real time. No cache: all that was said before is
worked out again for every token. int8: dynamic quantisation of the linear layers.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from earwitness.codecs import tokens, zoo
from earwitness.codecs.generate import recipe as recipes
from earwitness.codecs.generate import registry, revise
from earwitness.codecs.generate.builders import build
from earwitness.codecs.generate.modes import modes_of
from earwitness.codecs.generate.prompt import prepared
from earwitness.codecs.generate.text import phonemise
from earwitness.codecs.generate.transformer import Transformer
from earwitness.codecs.neural import NeuralCodec
from earwitness.codecs.packed_weights import pack
from earwitness.core.audio import Audio
from earwitness.core.weights import Card, write_card
from safetensors.torch import save_file
from scan import markdown
from torch import Tensor, nn

TEXT = "And it is worth mention in passing that, as an example of fine typography,"
SPAN = (1.0, 2.0)
PROMPT, CONTINUED = 3.0, 3.0
# What a network does as a whole, by the name of the method.
WORK = ("render", "redraw", "more_units", "more_codes")


@dataclass
class Held:
    """All inputs so far, in place of a cache."""

    inputs: list[Tensor] = field(default_factory=list)
    filled: int = 0


class Uncached(nn.Module):
    """A causal transformer that works out the whole past again at every step."""

    def __init__(self, inner: Transformer) -> None:
        super().__init__()
        self.inner = inner

    def cache(self, batch: int, most: int) -> Held:
        return Held()

    def forward(self, x: Tensor, cache: Held | None = None, present: Tensor | None = None) -> Tensor:
        if cache is None:
            return self.inner(x, None, present)  # type: ignore[no-any-return]
        cache.inputs.append(x)
        cache.filled += x.shape[1]
        return self.inner(torch.cat(cache.inputs, dim=1))[:, -x.shape[1] :]  # type: ignore[no-any-return]


def variants(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """A network as it is, without its cache where it has one, and with linear layers of 8 bits."""
    causal = [name for name, part in model.named_children() if isinstance(part, Transformer) and part.causal]
    yield "float32", copy.deepcopy(model)
    if causal:
        bare = copy.deepcopy(model)
        for name in causal:
            setattr(bare, name, Uncached(getattr(bare, name)))
        yield "float32, no cache", bare
    quantise: Any = torch.ao.quantization.quantize_dynamic
    yield "int8", quantise(copy.deepcopy(model), {nn.Linear}, torch.qint8)


def timed(model: nn.Module, spent: list[float]) -> None:
    """Add up the seconds of a network's own work in `spent[0]`."""
    for name in WORK:
        if (method := getattr(model, name, None)) is not None:

            def work(*given: Any, method: Callable[..., Any] = method, **named: Any) -> Any:
                # One of them may call another.
                started, before = time.process_time(), spent[0]
                made = method(*given, **named)
                spent[0] = before + time.process_time() - started
                return made

            object.__setattr__(model, name, work)


def untrained(name: str, folder: Path) -> Path:
    """A folder as of a training, with weights by chance."""
    recipe = recipes.load(name)
    torch.manual_seed(0)
    model = build(recipe.model, recipe.arguments)
    folder.mkdir()
    save_file(pack(model.state_dict()), folder / "w.safetensors")
    (folder / "clips.txt").write_text("")
    settings: dict[str, Any] = {"model": recipe.model, "arguments": dict(recipe.arguments)}
    if recipe.data.codec:
        codec = zoo.open_codec(recipe.data.codec)
        assert isinstance(codec, NeuralCodec)
        settings |= {"codec": codec.name, "codec_sha256": codec.spec.digest, "repetition": 0.3}
    card = Card(name=name, kind="generator", folder=folder, settings=settings)
    write_card(card, {"safetensors": folder / "w.safetensors", "clips": folder / "clips.txt"})
    return folder


def recording() -> Audio:
    """LJ Speech saying TEXT, from the shipped tokens of a codec."""
    file = Path(str(resources.files("earwitness.codecs.weights"))) / "english-soundstream.ewt"
    return zoo.open_codec("soundstream").decode(tokens.load(file))


def works(opened: Any, card: Card, audio: Audio) -> dict[str, Callable[[], tuple[float, float]]]:
    """For each mode what makes (seconds of sound that come out, tokens drawn)."""
    model, rate = opened.model, 16_000
    per_second = rate / model.hop_length

    def speak() -> tuple[float, float]:
        made = opened.speak(phonemise(TEXT), prepared(audio), 0).seconds
        return made, made * per_second * (model.config.levels if card.settings["model"] == "valle" else 1)

    def infill() -> tuple[float, float]:
        made = revise.infill(opened, audio, TEXT, *SPAN, 0)
        return made.audio.seconds, (made.end - made.start) * per_second

    def resample() -> tuple[float, float]:
        made = revise.resample_codes(opened, audio, TEXT, 0).audio.seconds
        return made, made * per_second

    def go_on() -> tuple[float, float]:
        steps = list[int]()
        start = Audio(audio.samples[:, : round(PROMPT * rate)], rate)
        made = opened.go_on(start, CONTINUED, 0, tick=lambda done, _: steps.append(done))
        return made.alone().seconds, float(len(steps))

    every = {"speak": speak, "infill": infill, "resample": resample, "continue": go_on}
    return {mode: every[mode] for mode in modes_of(card)}


def rows(name: str, audio: Audio, times: int) -> Iterator[list[str]]:
    """Lines of the table for one generator."""
    card = registry.find(name)
    opened: Any = registry.open_continuer(name) if modes_of(card) == ("continue",) else registry.open(name)
    for variant, model in variants(opened.model):
        opened.model, spent = model, [0.0]
        timed(model, spent)
        for mode, work in works(opened, card, audio).items():
            work()
            runs = []
            for _ in range(times):
                spent[0], started = 0.0, time.process_time()
                seconds, drawn = work()
                runs.append((time.process_time() - started, spent[0], seconds, drawn))
            took, own, seconds, drawn = sorted(runs)[len(runs) // 2]
            own = statistics.median(run[1] for run in runs)
            cells = [f"{drawn:.0f}", f"{drawn / own:.0f}", f"{drawn / took:.0f}", f"{took / seconds:.2f}"]
            yield [card.name, mode, variant, *cells]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], metavar="NAME|DIR")
    parser.add_argument("--untrained", action="append", default=[], metavar="RECIPE")
    parser.add_argument("--times", type=int, default=3)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    audio = recording()
    with tempfile.TemporaryDirectory() as folder:
        names = [*chosen.model, *(str(untrained(name, Path(folder) / name)) for name in chosen.untrained)]
        head = ["generator", "mode", "variant", "tokens", "tokens/s, network", "tokens/s, all", "rtf"]
        print(markdown(head, []), end="")
        for name in names:
            for line in rows(name, audio, chosen.times):
                print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    main()
