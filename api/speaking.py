"""The use case of generated speech: text, prompt, consent, the best of some takes, the mark, its provenance."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..codecs.generate import consent, registry
from ..codecs.generate.prompt import prepared
from ..codecs.generate.text import phonemise
from ..core.audio import Limits, load, save
from ..core.errors import EarwitnessError, UsageError
from ..core.files import check_target, replacing, sha256
from ..core.home import home
from . import marking
from .workshop import Progress

# The key that marks speech when none is named; made under EARWITNESS_HOME at its first use.
KEY = "speech.key"
_PROMPT = Limits(max_seconds=600.0)
_MOST_TAKES = 64


@dataclass(frozen=True)
class Spoken:
    """What was written. mark: see `_marked`; None when it was switched off."""

    audio: Path
    provenance: Path
    seconds: float
    model: str
    seed: int
    mark: Mapping[str, Any] | None


def generators() -> list[registry.Listing]:
    """Every generator, untrained ones last."""
    return registry.listings()


def speak(
    text: str,
    prompt: Path,
    out: Path,
    *,
    consent_file: Path | None = None,
    model: str = "matcha",
    language: str = "en",
    seed: int = 0,
    best_of: int = 1,
    key_file: Path | None = None,
    records: str | None = None,
    mark: bool = True,
    purpose: str = "",
    progress: Progress | None = None,
) -> Spoken:
    """Write `text` in the voice of `prompt` to `out`, marked, and its provenance to `<out>.json`: both or neither.

    best_of: takes with the seeds seed, seed + 1 ..., of which the one that is understood best is kept. key_file: of
    the mark; default KEY. mark False needs a `purpose`, which the provenance states. Raises UsageError for a text or
    language that cannot be spoken and for a voice without consent; InputError for an unusable prompt or consent;
    WeightsError for an untrained model; MissingPart without torch; EarwitnessError when the model says nothing.
    """
    if not 1 <= best_of <= _MOST_TAKES:
        raise UsageError(f"--best-of is 1 to {_MOST_TAKES}, and {best_of} is not.")
    if not mark and not purpose.strip():
        raise UsageError("Speech is marked unless a purpose is stated for which it must not be.")
    spoken = phonemise(text, language)
    audio = load(prompt, limits=_PROMPT)
    voice = prepared(audio)
    given = None if consent_file is None else consent.read(consent_file)
    card = registry.find(model)
    prompt_digest = sha256(prompt)
    consent.check(prompt_digest, registry.trained_on(card), given)
    check_target(prompt, out, overwrite_source=False)
    chosen, score = _takes(model, text, spoken, voice, seed, best_of, progress)
    facts: dict[str, Any] = {
        "what": "synthetic speech",
        "digital_source_type": "trainedAlgorithmicMedia",
        "text": text,
        "language": "en",
        "model": {"name": card.name, "version": card.version, "sha256": card.files["safetensors"]["sha256"]},
        "seed": chosen.seed,
        "best_of": best_of,
        "aligner_score": score,
        "prompt_sha256": prompt_digest,
        "consent": {"basis": "voice of the training manifest"} if given is None else given.public(),
        "seconds": round(chosen.audio.seconds, 3),
        "rate": chosen.audio.rate,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "earwitness": __version__,
    }
    beside = out.with_name(out.name + ".json")
    with replacing(beside) as temporary:
        made = _marked(chosen.audio, out, facts, key_file, records) if mark else None
        if made is None:
            save(out, chosen.audio)
        facts["mark"] = {"purpose_without": purpose.strip()} if made is None else made
        facts["sha256"] = sha256(out)
        temporary.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Spoken(out, beside, chosen.audio.seconds, card.name, chosen.seed, made)


def _takes(
    model: str, text: str, spoken: Any, voice: Any, seed: int, best_of: int, progress: Progress | None
) -> tuple[Any, float | None]:
    """The chosen take and its score."""
    from ..codecs.generate.rank import Take, ranked

    speaker = registry.open(model)
    takes, failed = list[Take](), EarwitnessError("Nothing was said.")
    for number in range(best_of):
        try:
            takes.append(Take(seed + number, speaker.speak(spoken, voice, seed + number)))
        except EarwitnessError as error:
            failed = error
        if progress is not None:
            progress("speaking", number + 1, best_of)
    if not takes:
        raise failed
    best = ranked(takes, text, spoken)[0] if best_of > 1 else takes[0]
    return best, best.score


def _marked(
    audio: Any, out: Path, facts: Mapping[str, Any], key_file: Path | None, records: str | None
) -> dict[str, Any]:
    """Write `audio` marked to `out`: key, record, and whether the mark was found again.

    Short speech carries the mark without being long enough to prove it, so a mark that is not found is no refusal.
    """
    file = home() / KEY if key_file is None else key_file
    if key_file is None and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        marking.make_key(file)
    (key,) = marking.read_keys([file])
    store = marking.records_to_write(records)
    claims = {"synthetic": True, "model": facts["model"], "consent": facts["consent"]}
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "speech.wav"
        save(plain, audio, "FLOAT")
        made = marking.embed_file(plain, out, key, store, claims, verify=False)
    found = marking.verify_file(out, [key], store, "plain")
    return {"key_id": key.id, "record": made.record, "found_again": found.verdict == "marked"}
