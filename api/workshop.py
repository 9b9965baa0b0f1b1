"""Use cases of the workshop: codecs and datasets. Nothing here prints, and codecs run without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..codecs import facts, tokens, zoo
from ..codecs.neural import NeuralCodec
from ..core.audio import load, save
from ..core.errors import UsageError, WeightsError
from .schemas import EngineVoice, Leak, System

if TYPE_CHECKING:
    from ..datasets.aligned import Coverage

Progress = Callable[[str, int, int], None]
"""progress(what, done, total)."""
EXAMPLES = "earwitness.codecs.weights"


def systems() -> list[System]:
    """Every codec, vocoder and resynthesiser of the zoo, then the recipes that still lack weights."""
    return [_system(row) for row in (*zoo.listings(), *zoo.untrained())]


def _system(row: zoo.Listing) -> System:
    known = row.facts
    size = known.get("published_millions", "")
    size = f"{size:g} M parameters" if isinstance(size, float) else f"size {size}" if size else ""
    return System(
        name=row.name,
        kind=row.kind,
        rate=row.rate,
        kbps=row.kbps,
        parameters=row.parameters,
        tokens=row.kind == "codec" and row.trained,
        summary=row.summary,
        trained=row.trained,
        paper=known.get("paper", ""),
        quantiser=known.get("quantiser", ""),
        auxiliary=known.get("auxiliary", ""),
        decoder=known.get("decoder", ""),
        head=known.get("head", ""),
        causal=known.get("causal"),
        hours=row.hours,
        published="; ".join(filter(None, (size, known.get("published_figure", "")))),
        metrics={key: value for key, value in row.metrics.items() if isinstance(value, int | float | str)},
        tried=row.tried,
    )


def grid() -> dict[tuple[str, str, str], list[str]]:
    """Names in every cell of CodecFake+'s taxonomy (quantiser, auxiliary, decoder), untrained ones in brackets."""
    places = {
        row.name if row.trained else f"({row.name})": (row.quantiser, row.auxiliary, row.decoder)
        for row in systems()
        if row.quantiser
    }
    return facts.grid(places)


def encode(name: str, source: Path, target: Path, *, levels: int | None = None, kbps: float | None = None) -> float:
    """Write the mono mix of a sound file as tokens; returns the payload's kbit/s."""
    if levels is not None and kbps is not None:
        raise UsageError("Give --levels or --kbps, not both.")
    codec = zoo.open_codec(name)
    if kbps is not None and isinstance(codec, NeuralCodec):
        levels = codec.levels_for(kbps)
    made = codec.encode(load(source), levels)
    tokens.save(target, made)
    return made.kbps


def decode(source: Path, target: Path) -> float:
    """Write the speech of a token file as a sound file; returns its seconds."""
    found = tokens.load(source)
    audio = zoo.open_codec(found.codec).decode(found)
    save(target, audio)
    return audio.seconds


@dataclass(frozen=True)
class Example:
    """A shipped token file and the speech decoded from it."""

    tokens: Path
    audio: Path
    codec: str
    kbps: float
    seconds: float


def decode_examples(folder: Path) -> list[Example]:
    """Decode the token files of the package to WAV files in `folder`. Raises WeightsError when there is none."""
    shipped = sorted(Path(str(resources.files(EXAMPLES))).glob("*.ewt"))
    if not shipped:
        raise WeightsError("This installation holds no example tokens; install earwitness again.")
    made = []
    for source in shipped:
        target = folder / f"{source.stem}.wav"
        found = tokens.load(source)
        made.append(Example(source, target, found.codec, found.kbps, decode(source, target)))
    return made


def resynth(name: str, source: Path, target: Path, *, kbps: float | None = None) -> float:
    """Write what a codec or vocoder makes of a sound file; returns its seconds."""
    audio = zoo.open(name).resynth(load(source), kbps)
    save(target, audio)
    return audio.seconds


@dataclass(frozen=True)
class BuiltDataset:
    """A finished dataset. leaks: its audit, empty when it was there already; left_out: clips by reason."""

    folder: Path
    clips: int
    leaks: list[Leak]
    left_out: dict[str, int]


def build_dataset(
    recipe: str,
    data: Iterable[Path],
    out: Path,
    *,
    checkpoints: Path | None = None,
    key_file: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> BuiltDataset:
    """Build a dataset.

    key_file: of the marks that a recipe with [watermark] puts on; without it they have a key that anybody can make.
    """
    from ..datasets.build import build
    from .marker import DatasetMarker

    engine: Any = "pool" if workers > 1 else "local"
    built = build(
        recipe,
        list(data),
        out,
        checkpoint_dir=checkpoints,
        marker=DatasetMarker.of(key_file),
        engine=engine,
        workers=workers,
        progress=progress,
    )
    leaks = [] if built.report is None else _leaks(built.report)
    return BuiltDataset(built.folder, len(built.clips), leaks, dict(built.left_out))


def engine_voices() -> list[EngineVoice]:
    """Every voice of every synthesiser, and what to install for those that cannot speak here."""
    from ..datasets.engines import engines

    return [
        EngineVoice(
            engine=engine.name,
            voice=voice.name,
            language=voice.language,
            licence=voice.licence,
            note=voice.note,
            held_out=engine.held_out,
            missing=engine.missing((voice.name,)),
        )
        for engine in engines().values()
        for voice in engine.voices
    ]


def align_dataset(data: Iterable[Path], out: Path, progress: Progress | None = None) -> Coverage:
    """Pack the transcribed English speech of folders with its phones in time; what was left out is counted by reason.

    Begun work goes on. Raises DataError when nothing could be aligned, MissingPart without pocketsphinx.
    """
    from ..datasets.aligned import align_clips
    from ..datasets.readers import read_folders

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress("aligning", done, total)

    return align_clips(read_folders(data), out, report)


def audit_dataset(manifest: Path) -> list[Leak]:
    """How well trivial cues tell the classes of a manifest apart."""
    from ..datasets.audit import audit
    from ..datasets.manifest import read

    return _leaks(audit(read(manifest), load))


def _leaks(report: Any) -> list[Leak]:
    from ..datasets.audit import LIMIT

    values = {**report.cues, "all together": report.joint}
    return [Leak(cue=cue, auc=auc, limit=LIMIT, leaks=auc > LIMIT) for cue, auc in values.items()]
