"""Manifests: one `Clip` for each sound file of a dataset, as JSON Lines or Parquet, and the rules they obey."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..core.errors import DataError, MissingPart
from ..core.files import replacing

SPLITS = ("train", "dev", "test")
LABELS = ("bonafide", "spoof")
KINDS = ("speech", "music", "noise", "rir")
# How `watermark` starts where a mark was left off on purpose.
UNMARKED = "off: "

Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Clip:
    """One row: a sound file, who is heard, where it came from and what was done to it.

    `path` and `source` are absolute in memory; in a manifest they are relative to its folder where they lie
    below it. `speaker` is who is heard in the genuine clip that this one is or goes with. `system` is the codec
    or generator that made a spoof, "" for bona fide; `method` is "tts" for a synthesiser, `voice` its voice,
    `note` whom to credit for it. `source` is the clip that this one was made from, or beside. `kbps` is None
    when the system has no bitrate. `chain` is the augmentation chain as text. `neural_codec` tells whether any
    neural codec touched the sound. `watermark` names key and handle of a mark; "off: " and a purpose means
    generated speech that was left without one.

    `spans` are the seconds (start, end) of a spoof that are synthetic, in order, exactly; () means all of it.
    `prompt` is the sha256 of the recording whose voice a generator took, `consent` why it was allowed to.
    """

    path: str
    corpus: str = ""
    speaker: str = ""
    sex: str = ""
    language: str = ""
    split: str = "train"
    seconds: float = 0.0
    rate: int = 0
    text: str = ""
    licence: str = ""
    label: str = "bonafide"
    kind: str = "speech"
    system: str = ""
    checkpoint: str = ""
    method: str = ""
    voice: str = ""
    note: str = ""
    kbps: float | None = None
    source: str = ""
    chain: str = ""
    neural_codec: bool = False
    watermark: str = ""
    seed: int = 0
    source_format: str = ""
    sha256: str = ""
    spans: Spans = ()
    prompt: str = ""
    consent: str = ""

    @property
    def marked(self) -> bool:
        """Whether a watermark is on it."""
        return bool(self.watermark) and not self.watermark.startswith(UNMARKED)

    @property
    def key(self) -> str:
        """What names the content: its digest, or the path where that is not known."""
        return self.sha256 or self.path

    @property
    def cluster(self) -> str:
        """Whose recordings go together in folds and intervals: the speaker's, or those of one source."""
        return self.speaker or self.source or self.path


COLUMNS = tuple(field.name for field in fields(Clip))
_ALWAYS = {"path", "split", "label", "kind"}
_DEFAULTS = {field.name: field.default for field in fields(Clip)}
_INTEGERS = {"rate", "seed"}
_FLOATS = {"seconds", "kbps"}
_TEXTS = set(COLUMNS) - _INTEGERS - _FLOATS - {"neural_codec", "spans"}
_WORDS = {"split": SPLITS, "label": LABELS, "kind": KINDS}


def parse(row: Mapping[str, Any], where: str, ignore: Sequence[str] = ()) -> Clip:
    """A clip from one row of a table; numbers may come as text, as in CSV, where "" is the default and spans are
    written "1.2-1.6 2.05-3".

    `where` names the row in errors; columns in `ignore` are passed over. Raises DataError for an unknown
    column or word (naming the nearest known one), a missing path, or a value of the wrong type.
    """
    values: dict[str, Any] = {}
    for name, value in row.items():
        if name in ignore:
            continue
        if name not in COLUMNS:
            raise DataError(f"{where}: unknown column '{name}'{_nearest(str(name), COLUMNS)}.")
        if value is None or (value == "" and name not in _TEXTS):
            continue
        values[name] = _typed(name, value, where)
        if name in _WORDS and values[name] not in _WORDS[name]:
            hint = _nearest(values[name], _WORDS[name])
            raise DataError(f"{where}: {name} cannot be '{values[name]}'{hint}.")
    if not values.get("path"):
        raise DataError(f"{where}: the row has no path.")
    return Clip(**values)


def _typed(name: str, value: Any, where: str) -> Any:
    number = isinstance(value, int | float | str) and not isinstance(value, bool)
    try:
        if name in _INTEGERS and number and (not isinstance(value, float) or value.is_integer()):
            return int(value)
        if name in _FLOATS and number and 0 <= float(value) < float("inf"):
            return float(value)
        if name == "spans":
            return _spans(value)
    except (ValueError, TypeError):
        pass
    if name == "neural_codec" and str(value).lower() in ("true", "false", "0", "1"):
        return str(value).lower() in ("true", "1")
    if name in _TEXTS and isinstance(value, str) and "\0" not in value:
        return value
    raise DataError(f"{where}: {name} cannot be {value!r}.")


def _spans(value: Any) -> Spans:
    """Pairs of rising seconds. Raises ValueError or TypeError for anything else."""
    pairs = [pair.split("-") for pair in value.split()] if isinstance(value, str) else value
    found = tuple((float(start), float(end)) for start, end in pairs)
    borders = [0.0, *(border for pair in found for border in pair), float("inf")]
    if any(not first <= second for first, second in pairwise(borders)):
        raise ValueError(value)
    if any(start == end for start, end in found) or borders[-2] == float("inf"):
        raise ValueError(value)
    return found


def _nearest(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}"


def read(path: Path | str) -> list[Clip]:
    """The clips of a `.jsonl` or `.parquet` manifest, their paths made absolute against its folder.

    Raises DataError for a missing file, broken rows and unknown columns; MissingPart for Parquet without
    pyarrow. The rules between rows are `check`'s.
    """
    manifest = Path(path)
    suffix = _suffix(manifest)
    if not manifest.is_file():
        raise DataError(f"There is no manifest '{manifest}'.")
    rows = _read_jsonl(manifest) if suffix == ".jsonl" else _read_parquet(manifest)
    return [resolve(parse(row, where), manifest.parent) for where, row in rows]


def resolve(clip: Clip, folder: Path) -> Clip:
    """The same clip with `path` and `source` absolute, relative ones taken from `folder`."""
    root = os.path.abspath(folder)
    source = os.path.normpath(os.path.join(root, clip.source)) if clip.source else ""
    return replace(clip, path=os.path.normpath(os.path.join(root, clip.path)), source=source)


def _suffix(manifest: Path) -> str:
    suffix = manifest.suffix.lower()
    if suffix not in (".jsonl", ".parquet"):
        raise DataError(f"A manifest ends in .jsonl or .parquet; '{manifest.name}' does not.")
    return suffix


def _read_jsonl(manifest: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    with open(manifest, encoding="utf-8") as file:
        try:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                where = f"{manifest.name}, line {number}"
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise DataError(f"{where}: not a JSON object.")
                yield where, row
        except json.JSONDecodeError as error:
            raise DataError(f"{where}: not JSON ({error.msg}).") from error
        except UnicodeDecodeError as error:
            raise DataError(f"{manifest.name}: not UTF-8 text.") from error


def _read_parquet(manifest: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    pyarrow, parquet = _pyarrow()
    try:
        table = parquet.read_table(manifest)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{manifest.name}: not a Parquet file.") from error
    for number, row in enumerate(table.to_pylist(), 1):
        yield f"{manifest.name}, row {number}", row


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingPart("Parquet manifests need pyarrow: install earwitness[train], or use .jsonl.") from error
    return pyarrow, pyarrow.parquet


def write(path: Path | str, clips: Iterable[Clip]) -> None:
    """Write a `.jsonl` or `.parquet` manifest, whole or not at all.

    Paths below the manifest's folder become relative, so that the folder can be moved. JSON Lines leave out
    values that equal the default.
    """
    manifest = Path(path)
    suffix = _suffix(manifest)
    root = os.path.abspath(manifest.parent)
    rows = [_row(clip, root) for clip in clips]
    with replacing(manifest) as temporary:
        if suffix == ".jsonl":
            with open(temporary, "w", encoding="utf-8") as file:
                for row in rows:
                    kept = {k: v for k, v in row.items() if k in _ALWAYS or v != _DEFAULTS[k]}
                    file.write(_json(kept) + "\n")
        else:
            pyarrow, parquet = _pyarrow()
            types = {"rate": pyarrow.int64(), "seed": pyarrow.int64(), "neural_codec": pyarrow.bool_()}
            types |= dict.fromkeys(_FLOATS, pyarrow.float64())
            types["spans"] = pyarrow.list_(pyarrow.list_(pyarrow.float64()))
            schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in COLUMNS])
            try:
                parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), temporary)
            except UnicodeEncodeError as error:
                raise DataError("Parquet cannot hold file names that are not UTF-8; use .jsonl.") from error


def _json(row: Mapping[str, Any]) -> str:
    """One line; letters as they are, but for the bytes of a file name that is not UTF-8."""
    text = json.dumps(row, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(row)


def _row(clip: Clip, root: str) -> dict[str, Any]:
    row = {name: getattr(clip, name) for name in COLUMNS}
    for name in ("path", "source"):
        if row[name].startswith(root + os.sep):
            row[name] = Path(row[name]).relative_to(root).as_posix()
    return row


def check(clips: Iterable[Clip]) -> None:
    """Raise DataError at the first broken rule.

    The rules: known words for split, label and kind; no path twice; a bona fide clip has no system and a
    spoof has one; only a spoof has synthetic spans, within its length; bona fide speech has a speaker; no
    speaker in two splits; a clip made from another one in the list lies in its split.
    """
    seen: dict[str, Clip] = {}
    split_of: dict[str, str] = {}
    for clip in clips:
        for name, words in _WORDS.items():
            if getattr(clip, name) not in words:
                hint = _nearest(getattr(clip, name), words)
                raise DataError(f"'{clip.path}': {name} cannot be '{getattr(clip, name)}'{hint}.")
        if clip.path in seen:
            raise DataError(f"'{clip.path}' is listed twice.")
        seen[clip.path] = clip
        if (clip.label == "spoof") != bool(clip.system):
            rule = "a spoof must name its system" if clip.label == "spoof" else "bona fide has no system"
            raise DataError(f"'{clip.path}': {rule}.")
        if clip.spans and (clip.label != "spoof" or (clip.seconds and clip.spans[-1][1] > clip.seconds + 1e-6)):
            raise DataError(f"'{clip.path}': synthetic spans lie within a spoof.")
        if clip.kind == "speech" and clip.label == "bonafide" and not clip.speaker:
            raise DataError(f"'{clip.path}': genuine speech needs a speaker, else splits cannot be disjoint.")
        first = split_of.setdefault(clip.speaker, clip.split) if clip.speaker else clip.split
        if first != clip.split:
            raise DataError(f"Speaker '{clip.speaker}' is in two splits, {first} and {clip.split}.")
    for clip in seen.values():
        source = seen.get(clip.source)
        if source is not None and source.split != clip.split:
            raise DataError(f"'{clip.path}' is in {clip.split}, but its source '{clip.source}' is in {source.split}.")


def digest(clips: Iterable[Clip]) -> str:
    """Hex SHA-256 that names a set of clips by what they hold, wherever they lie and in whatever order.

    A clip without a sha256 of its own counts by its path.
    """
    lines = sorted(f"{clip.key}\t{clip.label}\t{clip.split}\n" for clip in clips)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
