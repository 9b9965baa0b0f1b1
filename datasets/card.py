"""The card of a built dataset: README.md with recipe, digest, counts, licences and audit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .audit import LIMIT, Report
from .manifest import LABELS, SPLITS, Clip

# Who is to be named for the corpora that earwitness knows. Anything else is the owner's to state.
CREDITS = {
    "ami": "AMI Consortium, AMI Meeting Corpus",
    "asterisk-armelle": "Copyright 2006 Michel Gutierrez; voice Armelle Desjardins",
    "asterisk-core": "Digium, Asterisk core sounds; voices Allison Smith, June Wallack, Carlo Flora, ivrvoice.ru",
    "asterisk-menardi": "Marco Menardi and Paola Dal Zot, http://www.voip.ammdomus.it",
    "cmu-arctic": "Carnegie Mellon University, CMU ARCTIC",
    "common-voice": "Mozilla Common Voice contributors",
    "earnings22": "Rev, Earnings-22",
    "fleurs": "Google, FLEURS",
    "librispeech": "V. Panayotov et al., LibriSpeech, https://www.openslr.org/12",
    "librivox": "LibriVox volunteers",
    "ljspeech": "Linda Johnson and Keith Ito, LJ Speech",
    "mfa": "Michael McAuliffe, Montreal Forced Aligner",
    "picovoice-barista": "Picovoice, speech-to-intent-benchmark",
    "pocketsphinx-librivox": "LibriVox volunteers",
    "precise-es": "MycroftAI, Precise Community Data",
    "rhasspy-kerstin": "Rhasspy, dataset-voice-kerstin",
    "rhasspy-nathalie": "Rhasspy, dataset-voice-nathalie",
    "speechocean762": "Junbo Zhang et al., speechocean762, https://www.openslr.org/101",
    "vctk": "CSTR, University of Edinburgh, VCTK",
    "voices": "Lab41 and SRI International, VOiCES",
}


@dataclass(frozen=True)
class Generators:
    """Beside the clips: the licence of the weights behind each system, and how many clips were left out by reason."""

    licences: Mapping[str, str]
    left_out: Mapping[str, int]


def card(
    name: str, about: str, recipe: str, digest: str, clips: Sequence[Clip], report: Report, generators: Generators
) -> str:
    """Markdown; `recipe` is the recipe's text as used, `about` a sentence on what the set is for."""
    parts = [
        f"# {name}",
        about,
        "Fakes here are machine-made copies of the genuine clips, or synthesis of their texts, for training and "
        "testing detectors. A bona fide "
        "clip and its fakes went the same way (rate, level, container, augmentation) but for the system.",
        f"Digest: `{digest}`",
        "## Clips",
        _counts(clips),
        "## Corpora, licences, credits",
        _licences(clips),
        _voices(clips),
        _generators(clips, generators),
        "## Audit",
        _audit(report),
        "## Recipe",
        f"```json\n{recipe}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _counts(clips: Sequence[Clip]) -> str:
    groups: dict[tuple[str, str, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        mode = f" {clip.kbps:g} kbit/s" if clip.kbps is not None else ""
        checkpoint = f" {clip.checkpoint}" if clip.checkpoint else ""
        augmented = " + chain" if clip.chain else ""
        groups[clip.split, clip.label, f"{clip.system}{mode}{checkpoint}{augmented}".strip()].append(clip)
    rows = [
        [
            *key,
            str(len(group)),
            f"{sum(clip.seconds for clip in group) / 3600:.2f}",
            str(len({clip.speaker for clip in group})),
        ]
        for key, group in sorted(
            groups.items(), key=lambda item: (SPLITS.index(item[0][0]), LABELS.index(item[0][1]), item[0][2])
        )
    ]
    return _table(["split", "label", "system", "clips", "hours", "speakers"], rows)


def _licences(clips: Sequence[Clip]) -> str:
    corpora: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if not clip.voice:
            corpora[clip.corpus].append(clip)
    rows = [
        [
            corpus,
            ", ".join(sorted({clip.licence for clip in group if clip.licence})) or "not stated",
            CREDITS.get(corpus, "not known to earwitness; ask the owner"),
            ", ".join(sorted({clip.language for clip in group if clip.language})),
        ]
        for corpus, group in sorted(corpora.items())
    ]
    return _table(["corpus", "licence", "credit", "languages"], rows)


def _voices(clips: Sequence[Clip]) -> str:
    """The voices of synthesisers; "" when there are none."""
    rows = sorted({(clip.system, clip.voice, clip.language, clip.licence, clip.note) for clip in clips if clip.voice})
    return f"## Voices\n\n{_table(['engine', 'voice', 'language', 'licence', 'note'], rows)}" if rows else ""


def _generators(clips: Sequence[Clip], behind: Generators) -> str:
    """Generators by mode: their weights, by what they rendered voices, whether marked; "" when there are none."""
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.prompt:
            groups[clip.system].append(clip)
    rows = [
        [
            system,
            str(len(group)),
            ", ".join(sorted({clip.checkpoint for clip in group})),
            behind.licences.get(system, ""),
            ", ".join(f"{why} ({count})" for why, count in sorted(Counter(clip.consent for clip in group).items())),
            ", ".join(sorted({"marked" if clip.marked else clip.watermark for clip in group})),
            ", ".join(sorted({clip.licence for clip in group if clip.licence})) or "not stated",
        ]
        for system, group in sorted(groups.items())
    ]
    if not rows:
        return ""
    head = ["system", "clips", "weights", "their licence", "voices by", "watermark", "licence of the clips"]
    left_out = [f"Left out: {number} of the clips, {why}." for why, number in sorted(behind.left_out.items())]
    return "\n\n".join(["## Generators", _WORDS, _table(head, rows), *left_out])


_WORDS = (
    "Speech in a real person's voice, made by a model. `prompt` of a row is the digest of the recording whose voice "
    "it is, `spans` the seconds of the model's in a recording that is real elsewhere. Whoever passes a clip on keeps "
    "these columns, the licence and credit of its corpus, and the word that it is synthetic."
)


def _audit(report: Report) -> str:
    rows = [[cue, f"{auc:.3f}"] for cue, auc in report.cues.items()] + [["all together", f"{report.joint:.3f}"]]
    words = (
        f"AUC with which a logistic model tells spoof from bona fide by a cue that is not the voice "
        f"({report.clips} clips, cross-validated by speaker; 0.5 is nothing, above {LIMIT:g} is a leak):"
    )
    return f"{words}\n\n{_table(['cue', 'AUC'], rows)}"
