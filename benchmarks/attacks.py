"""Attacks on a detector: how many fakes it still finds after each, on the zoo's fakes and on `tune` pages.

    python benchmarks/attacks.py --shared SHARED [--detector NAME|CARD] [--clips 60] [--transfer 16]
        [--minutes 3] [--json FILE]

Only the fakes are attacked; the genuine clips, for the EER, stay as they are. "found" is the share called synthetic
at the shipped threshold, "drop" its fall in points (95 % interval, resampling speakers or pages, both rates of the
same clips), "genuine" the share that passes for a recording. Tune pages were heard in training: read the drop.

The transfer attack asks AASIST (published weights, SHARED/peers), not the detector: projected gradient ascent of its
bona fide logit on 4.04 s of each fake, the noise scaled to a level under the speech (momentum as in Dong et al.,
CVPR 2018). White noise of the same level stands beside it: what it does is no transfer.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import candidate
import numpy as np
import options
import torch
from clips import demo_clips, speech_clips
from earwitness.core import audio, intervals, metrics
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError
from earwitness.core.sound import Samples
from earwitness.detect.aasist import AASIST, Aasist
from scan import markdown, percent
from treatments import (
    RATE,
    Answer,
    Source,
    Treatment,
    by,
    demos,
    fakes,
    genuine,
    hear,
    opened,
    share,
    speakers_in_turn,
    treated,
)

ATTACKS: dict[str, Treatment] = {
    "none": "",
    "white noise 20 dB": "noise-white:20",
    "white noise 10 dB": "noise-white:10",
    "babble 15 dB": "babble:15",
    "to 11 kHz and back": "resample:11025",
    "random equaliser, 6 dB": "eq:6",
    "random equaliser, 12 dB": "eq:12",
    "played and heard again": "rerecord",
    "room and phone band": "room:0.4@6,bandpass:300@3400",
    "MP3 64, Opus 16, AAC 32": "mp3:64,opus:16,aac:32",
    "Opus 6": "opus:6",
    "10 % slower, same pitch": "stretch:0.9",
    "10 % faster, phase vocoder": "stretch-vocoder:1.1",
    "speed +5 %": "speed:1.05",
    "pitch +1 semitone": "pitch:1",
    "suppressor": "denoise:18",
    "wow and flutter": "wander:0.5",
    "room, noise, MP3, speed": "room:0.3@6,noise-pink:20,mp3:64,speed:1.03",
}
HEAD = ("fakes", "found %", "drop, points", "called genuine %", "EER %")


def row(title: str, before: Sequence[Answer], after: Sequence[Answer], real: Sequence[Answer]) -> list[str]:
    """How detection of the same fakes changes, and EER against genuine clips that nobody attacked."""
    was, now = (np.array([a.decision == "synthetic" for a in rows], dtype=float) for rows in (before, after))
    clusters = [answer.cluster for answer in after]
    fall = intervals.bootstrap(lambda a, b: float(np.mean(a - b)), clusters, was, now, n=500)
    everyone = [*real, *after]
    scores = np.array([answer.score or 0.0 for answer in everyone])
    flags = np.array([answer.synthetic for answer in everyone])
    names = [answer.cluster for answer in everyone]
    try:
        found = intervals.bootstrap(metrics.eer, names, scores, flags, n=300)
        eer = f"{percent(found.value)} [{percent(found.low)}, {percent(found.high)}]"
    except DataError:
        eer = "-"
    return [
        title,
        str(len(after)),
        share(after, "synthetic"),
        f"{percent(fall.value)} [{percent(fall.low)}, {percent(fall.high)}]",
        percent(sum(answer.decision == "genuine" for answer in after) / len(after)),
        eer,
    ]


@lru_cache(maxsize=1)
def network(weights: Path) -> Aasist:
    model = Aasist(AASIST)
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=True)
    return model.eval().requires_grad_(False)


def fooled(samples: Samples, weights: Path, snr: float, steps: int) -> Samples:
    """Samples (64600,) plus noise `snr` dB below them that raises AASIST's bona fide logit over its spoof logit."""
    model, sound = network(weights), torch.from_numpy(samples)[None]
    size = float(sound.square().mean().sqrt()) * 10 ** (-snr / 20)
    noise, slope = torch.zeros_like(sound), torch.zeros_like(sound)
    for _ in range(steps):
        noise.requires_grad_(True)
        logits = model(sound + noise)
        (gradient,) = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), noise)
        slope = slope + gradient / gradient.abs().mean().clamp_min(1e-20)
        noise = noise.detach() + 2 * size / steps * slope.sign()
        noise = noise * min(1.0, size / max(1e-12, float(noise.square().mean().sqrt())))
    result: Samples = (sound + noise)[0].numpy()
    return result


def bona_fide(samples: Samples, weights: Path) -> float:
    """AASIST's bona fide logit over its spoof logit; it takes anything above its threshold for a recording."""
    with torch.no_grad():
        spoof, real = network(weights)(torch.from_numpy(samples)[None])[0].tolist()
    return float(real - spoof)


def transfer(
    sources: Sequence[Source], weights: Path, levels: Sequence[float], steps: int, folder: Path
) -> tuple[dict[str, list[Source]], list[list[str]]]:
    """Fakes as files in `folder` by what was done to them, and rows of how AASIST itself takes that."""
    made: dict[str, list[Source]] = defaultdict(list)
    logits: dict[str, list[float]] = defaultdict(list)
    for place, source in enumerate(sources):
        sound = opened(source, AASIST.samples / RATE)
        exact = np.resize(sound.samples[0], AASIST.samples)
        versions = {"none": exact}
        for level in levels:
            noisy = treated(f"noise-white:{level:g}", Audio(exact[None], RATE), place).samples[0]
            versions[f"white noise {level:g} dB below"] = noisy
            versions[f"AASIST's gradients {level:g} dB below"] = fooled(exact, weights, level, steps)
        for number, (title, samples) in enumerate(versions.items()):
            file = folder / f"{place}-{number}.wav"
            audio.save(file, Audio(np.clip(samples, -1.0, 1.0)[None], RATE))
            made[title].append(replace(source, path=file, system="", kbps=None))
            logits[title].append(bona_fide(samples, weights))
    before = np.array(logits["none"])
    rows = []
    for title, values in logits.items():
        moved = np.array(values) - before
        rows.append([title, f"{np.mean(values):+.2f}", f"{moved.mean():+.2f}", percent(float(np.mean(moved > 1.0)))])
    return made, rows


def main() -> None:
    parser = options.parser("Attacks on a detector.", clips=60)
    parser.add_argument("--demos", type=int, default=80, help="clips of tune pages")
    parser.add_argument("--transfer", type=int, default=16, help="fakes of the transfer attack, 0 for none")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--levels", type=float, nargs="*", default=[30.0, 20.0])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    detector = candidate.detector(chosen.detector)
    some = speakers_in_turn(speech_clips(chosen.shared, chosen.split), chosen.clips, chosen.seed)
    pages = demo_clips(chosen.shared / "demos", "tune")
    picked = np.random.default_rng(chosen.seed).permutation(len(pages))[: chosen.demos].tolist()
    sets = {
        f"the zoo's fakes of {chosen.split} speakers": [*genuine(some), *fakes(some, chosen.seed)],
        "fakes of tune pages (heard in training)": demos([pages[place] for place in picked]),
    }
    everything: list[Answer] = []
    for title, sources in sets.items():
        real = hear([one for one in sources if not one.synthetic], {"": ""}, detector, workers=chosen.workers)
        fake = [one for one in sources if one.synthetic]
        attacked = hear(fake, ATTACKS, detector, workers=chosen.workers, minutes=chosen.minutes)
        everything += [*real, *attacked]
        found = dict(by(attacked, "treatment"))
        rows = [row(name, found["none"], found[name], real) for name in ATTACKS]
        print(markdown([f"attack on {title}", *HEAD], rows), flush=True)
    if chosen.transfer:
        weights = chosen.shared / "peers" / "aasist" / "AASIST.pth"
        short = AASIST.samples / RATE
        targets = [one for sources in sets.values() for one in sources if one.synthetic]
        targets = targets[:: max(1, len(targets) // chosen.transfer)][: chosen.transfer]
        plain = [one for sources in sets.values() for one in sources if not one.synthetic]
        real = hear(plain, {"": ""}, detector, seconds=short, workers=chosen.workers)
        with tempfile.TemporaryDirectory() as folder:
            made, taken = transfer(targets, weights, chosen.levels, chosen.steps, Path(folder))
            answers = {title: hear(own, {title: ""}, detector) for title, own in made.items()}
        everything += [answer for own in answers.values() for answer in own]
        rows = [row(title, answers["none"], own, real) for title, own in answers.items()]
        print(markdown(["transfer attack", *HEAD], rows))
        print(markdown(["AASIST itself", "bona fide logit", "moved by", "moved by more than 1 %"], taken))
    options.keep(everything, chosen.json)


if __name__ == "__main__":
    main()
