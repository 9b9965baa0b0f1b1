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
from ..codecs.generate.prompt import MOST_PROMPT, check_seconds, prepared
from ..codecs.generate.text import phonemise
from ..core.audio import Audio, Limits, load, save
from ..core.errors import EarwitnessError, UsageError
from ..core.files import check_target, replacing, sha256
from ..core.home import home
from ..core.weights import Card
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
    _check_best_of(best_of)
    _check_purpose(mark, purpose)
    spoken = phonemise(text, language)
    voice = prepared(load(prompt, limits=_PROMPT))
    card, facts = _allowed(model, prompt, out, consent_file)
    chosen, score = _takes(model, text, spoken, voice, seed, best_of, progress)
    facts |= {"text": text, "language": "en", "seed": chosen.seed, "best_of": best_of, "aligner_score": score}
    made = _write(chosen.audio, out, facts, key_file, records, purpose if not mark else None)
    return Spoken(out, _beside(out), chosen.audio.seconds, card.name, chosen.seed, made)


def infill(
    source: Path,
    out: Path,
    text: str,
    start: float,
    end: float,
    *,
    consent_file: Path | None = None,
    model: str = "valler",
    seed: int = 0,
    keep_samples: bool = True,
    key_file: Path | None = None,
    records: str | None = None,
    mark: bool = True,
    purpose: str = "",
) -> Spoken:
    """Write `source`, in which `text` is said, to `out` with the seconds `start` to `end` spoken again by a model.

    keep_samples: the rest stays as it is, else all goes through the model's codec. The provenance tells the exact
    span. Other arguments and errors as `speak`; UsageError for a span that cannot be, DataError when the text is not
    found.
    """
    _check_purpose(mark, purpose)
    phonemise(text)
    audio = load(source, limits=_PROMPT)
    prepared(audio)
    card, facts = _allowed(model, source, out, consent_file)
    speaker = registry.open(model)
    from ..codecs.generate import revise

    found = revise.infill(speaker, audio, text, start, end, seed, keep_samples=keep_samples)
    span = {"start": found.start, "end": found.end, "kind": "infill"}
    facts |= {"what": "speech with a synthetic span", "text": text, "language": "en", "seed": seed}
    facts |= {"spans": [span], "outside": "original samples" if keep_samples else "codec copy"}
    made = _write(found.audio, out, facts, key_file, records, purpose if not mark else None)
    return Spoken(out, _beside(out), found.audio.seconds, card.name, seed, made)


def go_on(
    prompt: Path,
    out: Path,
    seconds: float,
    *,
    consent_file: Path | None = None,
    model: str = "audiolm",
    seed: int = 0,
    best_of: int = 1,
    alone: bool = False,
    keep_samples: bool = True,
    key_file: Path | None = None,
    records: str | None = None,
    mark: bool = True,
    purpose: str = "",
    progress: Progress | None = None,
) -> Spoken:
    """Write `prompt`, continued by a model for `seconds` without a text, to `out`, marked, and its provenance.

    best_of: takes with the seeds seed, seed + 1 ..., of which the one with the most clear speech is kept. alone: only
    what the model made is written. keep_samples: the prompt stays as it is, else it goes through the model's codec.
    The provenance tells the exact span. Other arguments and errors as `speak`; UsageError for an impossible length.
    """
    _check_best_of(best_of)
    _check_purpose(mark, purpose)
    check_seconds(seconds)
    audio = load(prompt, limits=Limits(max_seconds=MOST_PROMPT))
    prepared(audio)
    card, facts = _allowed(model, prompt, out, consent_file)
    continuer = registry.open_continuer(model)
    takes = []
    for number in range(best_of):

        def tick(done: int, steps: int, number: int = number) -> None:
            if progress is not None:
                progress("continuing", number * steps + done, best_of * steps)

        takes.append(continuer.go_on(audio, seconds, seed + number, keep_samples=keep_samples, tick=tick))
    chosen = max(range(best_of), key=lambda number: takes[number].clarity)
    best = takes[chosen]
    made = best.alone() if alone else best.audio
    span = {"start": 0.0 if alone else best.start, "end": made.seconds, "kind": "continue"}
    facts |= {"seed": seed + chosen, "best_of": best_of, "clarity": round(best.clarity, 4), "spans": [span]}
    if not alone:
        facts |= {"what": "speech with a synthetic span"}
        facts |= {"outside": "original samples" if keep_samples else "codec copy"}
    told = _write(made, out, facts, key_file, records, purpose if not mark else None)
    return Spoken(out, _beside(out), made.seconds, card.name, seed + chosen, told)


def _check_best_of(best_of: int) -> None:
    if not 1 <= best_of <= _MOST_TAKES:
        raise UsageError(f"--best-of is 1 to {_MOST_TAKES}, and {best_of} is not.")


def _check_purpose(mark: bool, purpose: str) -> None:
    if not mark and not purpose.strip():
        raise UsageError("Speech is marked unless a purpose is stated for which it must not be.")


def _allowed(model: str, voice: Path, out: Path, consent_file: Path | None) -> tuple[Card, dict[str, Any]]:
    """The model's card, and the start of a provenance, when this voice may be rendered to `out`."""
    given = None if consent_file is None else consent.read(consent_file)
    card = registry.find(model)
    digest = sha256(voice)
    consent.check(digest, registry.trained_on(card), given)
    check_target(voice, out, overwrite_source=False)
    return card, {
        "what": "synthetic speech",
        "digital_source_type": "trainedAlgorithmicMedia",
        "model": {"name": card.name, "version": card.version, "sha256": card.files["safetensors"]["sha256"]},
        "prompt_sha256": digest,
        "consent": {"basis": "voice of the training manifest"} if given is None else given.public(),
    }


def _beside(out: Path) -> Path:
    return out.with_name(out.name + ".json")


def _write(
    audio: Audio, out: Path, facts: dict[str, Any], key_file: Path | None, records: str | None, unmarked: str | None
) -> dict[str, Any] | None:
    """Write sound and provenance; returns what is told of the mark, None when it is left off for `unmarked`."""
    with replacing(_beside(out)) as temporary:
        made = _marked(audio, out, facts, key_file, records) if unmarked is None else None
        if made is None:
            save(out, audio, comment=_comment(facts))
        told = facts | {
            "seconds": round(audio.seconds, 3),
            "rate": audio.rate,
            "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "earwitness": __version__,
            "mark": {"purpose_without": (unmarked or "").strip()} if made is None else made,
            "sha256": sha256(out),
        }
        temporary.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return made


def _comment(facts: Mapping[str, Any]) -> str:
    """What the file's own metadata tells: what it is, by which model, and by what the voice was rendered."""
    kept = ("what", "digital_source_type", "model", "prompt_sha256", "consent")
    return json.dumps({key: facts[key] for key in kept})


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
        made = marking.embed_file(plain, out, key, store, claims, verify=False, comment=_comment(facts))
    found = marking.verify_file(out, [key], store, "plain")
    return {"key_id": key.id, "record": made.record, "found_again": found.verdict == "marked"}
