"""What the watermark costs in quality, beside Perth on the same clips, and what a strength buys in survival.

    python benchmarks/watermark_quality.py --data AUDIO [--recordings 24] [--seconds 10] [--perth] [--curve 24] \
        [--figure FILE.png] [--json FILE]

AUDIO is a folder with a manifest.csv (split "test" is used). Five kinds of sound: speech; the same speech at -60 dB
of full scale (compared at a normal level); music; noise; and 48 kHz stereo, two talkers resampled from 16 kHz, one in
each channel, measured on its mean at 16 kHz. For strengths 1, 1.5, 2 (default), 3 and for resemble-perth 1.0.1
(--perth, the package must be importable): PESQ-WB, STOI, log-spectral distance, SNR, and ViSQOL 3 (visqol-python
3.8.0: speech mode for speech, audio mode for the rest); means with 95 % intervals over recordings or files, the worst
clip named. PESQ and STOI are defined for speech and stay out elsewhere. --curve N: strength against survival at 5 s
on N recordings, full search, found means p <= 1e-6. --figure: spectrograms of one clip (needs matplotlib).

audiowmark is not run (GPL program). Its documents state a factor of 1 % on amplitudes at the default strength 10 and
no listening score; its author posted an SNR of 36.04 dB for one stereo track at strength 10
(github.com/swesterfeld/audiowmark/pull/34, 2023-05-03).
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from earwitness import watermark
from earwitness.core.audio import Audio, load, resample
from earwitness.core.intervals import wilson
from earwitness.core.run import seed_for
from earwitness.datasets import readers
from earwitness.watermark import attacks
from visqol import VisqolApi
from watermark_lab import RATE, Floats, a_key, heading, mark, mean, quality
from watermark_survival import GOAL_P, Perth, Recording, recordings, resyntheses

STRENGTHS = (1.0, 1.5, 2.0, 3.0)
CURVE = (0.75, 1.0, 1.5, 2.0, 2.5, 3.0)
SURVIVAL = ("opus:16", "noise-pink:10", "opus:6", "vocos")
QUIET_DB = -60.0


@dataclass(frozen=True)
class Clip:
    """One sound of a set: samples (channels, n)."""

    kind: str
    name: str
    group: str
    samples: Floats
    rate: int


@dataclass(frozen=True)
class Row:
    """One clip with one mark."""

    system: str
    kind: str
    clip: str
    group: str
    pesq: float | None
    stoi: float | None
    distance: float
    snr: float
    visqol: float


def clips(folder: Path, talkers: list[Recording], seconds: int) -> Iterator[Clip]:
    length = seconds * RATE
    speech = [Clip("speech", one.name, one.name, one.samples[None, :length], RATE) for one in talkers]
    yield from speech
    for one in speech:
        level = 10 * np.log10(np.mean(np.square(one.samples, dtype=np.float64)))
        factor = np.float32(10 ** ((QUIET_DB - level) / 20))
        yield Clip("near-silence", one.name, one.group, one.samples * factor, RATE)
    for clip in sorted(readers.read_folder(folder), key=lambda one: one.path):
        if clip.split == "test" and clip.kind in ("music", "noise"):
            sound = load(Path(clip.path), rate=RATE).mono().samples[:, :length]
            if sound.shape[1] >= 4 * RATE:
                yield Clip(clip.kind, Path(clip.path).stem[:40], clip.path, sound, RATE)
    for left, right in zip(speech[::2], speech[1::2], strict=False):
        short = min(left.samples.shape[1], right.samples.shape[1])
        pair = Audio(np.concatenate([left.samples[:, :short], right.samples[:, :short]]), RATE)
        yield Clip(
            "stereo at 48 kHz", f"{left.name} | {right.name}", left.group, resample(pair, 48_000).samples, 48_000
        )


@cache
def visqol(mode: str) -> VisqolApi:
    api = VisqolApi()
    api.create(mode=mode)
    return api


def mos(original: Floats, heard: Floats, speech: bool) -> float:
    """ViSQOL of mono samples at 16 kHz: speech mode at 16 kHz, audio mode at 48 kHz."""
    rate = RATE if speech else 48_000
    pair = [resample(Audio(one[None], RATE), rate).samples[0].astype(np.float64) for one in (original, heard)]
    return float(visqol("speech" if speech else "audio").measure_from_arrays(pair[0], pair[1], rate).moslqo)


def judge(system: str, clip: Clip, marked: Floats) -> Row:
    """Of a marked clip (channels, n), on the mean of its channels at 16 kHz, at a level that metrics are made for."""
    pair = [resample(Audio(one, clip.rate).mono(), RATE).samples[0] for one in (clip.samples, marked)]
    length = min(len(one) for one in pair)
    if clip.kind == "near-silence":
        factor = np.float32(10 ** ((-26.0 - QUIET_DB) / 20))
        pair = [one * factor for one in pair]
    original, heard = (one[:length] for one in pair)
    speech = clip.kind in ("speech", "near-silence", "stereo at 48 kHz")
    found = quality(original, heard)
    return Row(
        system,
        clip.kind,
        clip.name,
        clip.group,
        found.pesq if speech else None,
        found.stoi if speech else None,
        found.distance,
        found.snr,
        mos(original, heard, speech),
    )


def rows(folder: Path, talkers: list[Recording], seconds: int, perth: Perth | None) -> Iterator[Row]:
    key, rng = a_key(16), np.random.default_rng(2)
    for clip in clips(folder, talkers, seconds):
        handle = int(rng.integers(2**32))
        for strength in STRENGTHS:
            marked = mark(clip.samples, key, handle, strength, clip.rate)
            yield judge(f"ours, strength {strength:g}", clip, marked)
        if perth is not None and clip.rate == RATE:
            yield judge("Perth", clip, perth.mark(f"{clip.kind} {clip.name}", clip.samples[0])[None])


def table(found: list[Row]) -> str:
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in found:
        groups[row.kind, row.system].append(row)
    head = ("kind", "mark", "clips", "PESQ-WB", "least", "STOI", "least", "LSD dB", "SNR dB", "ViSQOL", "least")
    lines = [heading(*head)]
    for (kind, system), those in groups.items():
        cells = [kind, system, str(len(those))]
        for field, digits, worst in (
            ("pesq", 2, 1),
            ("stoi", 3, 1),
            ("distance", 2, 0),
            ("snr", 1, 0),
            ("visqol", 2, 1),
        ):
            values: list[float | None] = [getattr(row, field) for row in those]
            cells.append(mean(values, [row.group for row in those], digits))
            if worst:
                cells.append(_least(those, values, digits))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _least(those: list[Row], values: list[float | None], digits: int) -> str:
    known = [(value, row.clip) for value, row in zip(values, those, strict=True) if value is not None]
    return "-" if not known else "{:.{}f} ({})".format(min(known)[0], digits, min(known)[1].replace("|", "+"))


def curve(talkers: list[Recording]) -> str:
    """Strength against survival at 5 s: one row a strength."""
    key, resynthesise = a_key(17), resyntheses(None)
    lines = [heading("strength", "PESQ-WB", "STOI", *(f"{name}, found at 5 s" for name in SURVIVAL))]
    for strength in CURVE:
        rng = np.random.default_rng(3)
        costs, hits = [], dict.fromkeys(SURVIVAL, 0)
        for one in talkers:
            sound = one.samples[: 5 * RATE]
            marked = mark(sound, key, int(rng.integers(2**32)), strength)
            costs.append(quality(sound, marked))
            for name in SURVIVAL:
                seed = seed_for(0, f"{name} {one.name}")
                heard = attacks.attack(name, Audio(marked[None], RATE), seed, resynthesise).samples
                hits[name] += watermark.verify(heard, RATE, key).p_value <= GOAL_P
        who = [one.name for one in talkers]
        shares = [wilson(count, len(talkers)) for count in hits.values()]
        cells = [f"{strength:g}", mean([one.pesq for one in costs], who), mean([one.stoi for one in costs], who, 3)]
        cells += [f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]" for share in shares]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figure(file: Path, sound: Floats) -> None:
    """Spectrograms of 4 s: unmarked, marked, and what the mark changed, in dB."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from scipy.signal import stft

    sound = sound[: 4 * RATE]
    marked = mark(sound, a_key(18), 1)

    def draw(x: Floats) -> Floats:
        return np.asarray(20 * np.log10(np.abs(stft(x, RATE, nperseg=512, noverlap=384)[2]) + 1e-5), np.float32)

    panels = (("unmarked", draw(sound)), ("marked", draw(marked)), ("marked - unmarked", draw(marked) - draw(sound)))
    canvas, axes = pyplot.subplots(3, 1, figsize=(9, 8), sharex=True, layout="constrained")
    for axis, (name, values) in zip(axes, panels, strict=True):
        low, high, colours = (-6, 6, "RdBu_r") if "-" in name else (-90, -20, "magma")
        shown = axis.imshow(
            values,
            origin="lower",
            aspect="auto",
            extent=(0, len(sound) / RATE, 0, 8),
            vmin=low,
            vmax=high,
            cmap=colours,
        )
        axis.set(title=name, ylabel="kHz")
        canvas.colorbar(shown, ax=axis, label="dB")
    axes[-1].set_xlabel("s")
    canvas.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recordings", type=int, default=24)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--perth", action="store_true")
    parser.add_argument("--curve", type=int, default=0, metavar="N")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    talkers = recordings(options.data, options.recordings)
    if options.figure:
        figure(options.figure, talkers[0].samples)
    perth = Perth() if options.perth else None
    found = list(rows(options.data, talkers, options.seconds, perth))
    print(table(found), flush=True)
    if options.json:
        options.json.write_text("".join(json.dumps(asdict(row)) + "\n" for row in found), encoding="utf-8")
    if options.curve:
        print(f"\nStrength against survival, {min(options.curve, len(talkers))} recordings of 5 s:\n")
        print(curve(talkers[: options.curve]))


if __name__ == "__main__":
    main()
