"""Shuffle tests: what a detector hears in pauses alone, speech alone, half the band, and time turned round.

    python benchmarks/shuffles.py --shared SHARED [--detector NAME|CARD] [--clips 60] [--minutes 3]
        [--json FILE]

Genuine clips, speakers in turn, beside re-syntheses of them by the zoo, and clips of `tune` demo pages (which the
shipped fit has heard: read how the figures move, not how high they are). A detector that still tells the classes by
pauses alone has learned the studio; one that tells them as well backwards does not listen to what is said. EER with
95 % intervals that resample speakers or pages; clips without a score are left out of the EER and counted. The last
table is sound without any speech, which must be inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import candidate
import numpy as np
import options
from clips import demo_clips, speech_clips
from earwitness.core import intervals, metrics
from earwitness.core.audio import Audio
from earwitness.core.errors import DataError
from earwitness.core.sound import Samples
from earwitness.detect.scan import scan
from numpy.typing import NDArray
from scan import markdown, percent
from treatments import RATE, Answer, Source, by, demos, fakes, genuine, hear, paired, share, speakers_in_turn

HOP, REACH_DB = 80, 25.0  # 5 ms; as far under the loud frames as the detector's own rule of speech


def speech_mask(samples: Samples) -> NDArray[np.bool_]:
    """Samples (n,) within 25 ms of a frame that is loud enough to be speech."""
    frames = np.pad(samples, (0, -len(samples) % HOP)).reshape(-1, HOP)
    power = np.square(frames - frames.mean(), dtype=np.float64).mean(axis=1)
    loud = power >= np.quantile(power, 0.9) * 10 ** (-REACH_DB / 10)
    near = np.convolve(loud, np.ones(11), mode="same") > 0
    mask: NDArray[np.bool_] = np.repeat(near, HOP)[: len(samples)]
    return mask


def pauses_only(sound: Audio) -> Audio:
    return Audio(sound.samples[:, ~speech_mask(sound.samples[0])], sound.rate)


def speech_only(sound: Audio) -> Audio:
    return Audio(sound.samples[:, speech_mask(sound.samples[0])], sound.rate)


SHUFFLES: dict[str, str | Callable[[Audio], Audio]] = {
    "as it is": "",
    "pauses only": pauses_only,
    "speech only": speech_only,
    "under 4 kHz": "lowpass:4000",
    "under 2 kHz": "lowpass:2000",
    "above 4 kHz": "highpass:4000",
    "backwards": "reverse",
    "polarity turned": "polarity",
    "all phases turned by 90 degrees": "phase:90",
}


def answers_of(name: str, rows: Sequence[Answer]) -> list[str]:
    """Clips, how many got a score, EER of those, decisions of genuine clips and of fakes."""
    real = [answer for answer in rows if not answer.synthetic]
    fake = [answer for answer in rows if answer.synthetic]
    return [
        name,
        f"{len(real)} + {len(fake)}",
        str(sum(answer.score is not None for answer in rows)),
        eer_of(rows),
        share(real, "synthetic"),
        percent(sum(answer.decision == "inconclusive" for answer in real) / len(real)),
        share(fake, "synthetic"),
    ]


def eer_of(rows: Sequence[Answer]) -> str:
    """EER in per cent of the answers that have a score, "-" for less than 20 of a class."""
    scored = [answer for answer in rows if answer.score is not None]
    flags = np.array([answer.synthetic for answer in scored], dtype=bool)
    if min(flags.sum(), (~flags).sum()) < 20:
        return "-"
    scores = np.array([answer.score for answer in scored], dtype=np.float64)
    try:
        found = intervals.bootstrap(metrics.eer, [answer.cluster for answer in scored], scores, flags, n=300)
    except DataError:
        return percent(metrics.eer(scores, flags))
    return f"{percent(found.value)} [{percent(found.low)}, {percent(found.high)}]"


def without_speech(detector: str) -> list[list[str]]:
    """Decisions on 12 s of sound that holds no speech."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(12 * RATE).astype(np.float32)
    steps = np.float32(32768)
    quiet = {
        "digital silence": np.zeros_like(noise),
        "dither of 16 bits": np.round(0.5 * noise) / steps,
        "room noise, -60 dB": 1e-3 * noise,
        "loud noise, -20 dB": 0.1 * noise,
        "hum": 0.05 * np.sin(2 * np.pi * 50 * np.arange(noise.size) / RATE).astype(np.float32),
        "noise that swells each second": (0.05 * noise * (np.arange(noise.size) % RATE / RATE)).astype(np.float32),
    }
    rows = []
    for name, samples in quiet.items():
        verdict = scan(samples.astype(np.float32), RATE, detector=detector)
        score = "-" if verdict.score is None else f"{verdict.score:+.2f}"
        rows.append([name, verdict.decision, score, verdict.reasons[0]])
    return rows


def main() -> None:
    parser = options.parser("What a detector hears when something is taken away.", clips=60)
    parser.add_argument("--demos", type=int, default=150, help="clips of tune pages")
    chosen = parser.parse_args()
    detector = candidate.detector(chosen.detector)
    some = speakers_in_turn(speech_clips(chosen.shared, chosen.split), chosen.clips, chosen.seed)
    pages = demo_clips(chosen.shared / "demos", "tune")
    picked = np.random.default_rng(chosen.seed).permutation(len(pages))[: chosen.demos]
    sets: dict[str, list[Source]] = {
        f"own ({chosen.split} speakers and the zoo)": paired(genuine(some), fakes(some, chosen.seed)),
        "tune pages (heard in training)": demos([pages[place] for place in picked]),
    }
    head = ["clips, genuine + synthetic", "with a score", "EER %", "genuine called synthetic %"]
    head += ["genuine inconclusive %", "fakes found %"]
    everything: list[Answer] = []
    for title, sources in sets.items():
        answers = hear(sources, SHUFFLES, detector, workers=chosen.workers, minutes=chosen.minutes)
        everything += answers
        found = dict(by(answers, "treatment"))
        print(markdown([title, *head], [answers_of(name, found[name]) for name in SHUFFLES]), flush=True)
    print(markdown(["sound without speech", "decision", "score", "why"], without_speech(detector)))
    options.keep(everything, chosen.json)


if __name__ == "__main__":
    main()
