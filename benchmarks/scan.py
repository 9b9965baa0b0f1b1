"""The scan on real files that nobody here made, beside published detectors and a model that hears no speech.

    python benchmarks/scan.py --shared SHARED --cache FOLDER [--split tune|report] [--detector NAME|CARD ...]
        [--no-peers] [--plots FOLDER] [--json FILE]

Prints, for our detectors, three published ones and the trivial model on the same clips: EER with a 95 % interval that
resamples whole pages, pooled (without the `traditional` codecs), macro over pages, by kind of system, and the share
of same-sentence pairs in the right order; how many fakes are found at 1 and 5 % false alarms, pooled, by kind and
macro over kinds; what the scores cost as likelihood ratios (C_llr in bits, DCF of ASVspoof 5), with the reliability
of the first detector and, by --plots, DET, Tippett and reliability plots of ours; then its decisions at the shipped
thresholds. --json keeps all scores, so that a further table needs no further look. Every run with --split report is a
look at the final pages and is to be counted in RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import calibration
import candidate
import numpy as np
import peers
from clips import DemoClip, demo_clips
from earwitness.core import intervals, metrics
from earwitness.core.home import set_home
from earwitness.detect import registry
from earwitness.detect.options import Options
from earwitness.detect.scan import scan_many
from earwitness.detect.verdict import Failure, Verdict
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Scores (n,) of one detector on all clips; whether they are meant as likelihood ratios in nats."""

    name: str
    scores: Floats
    calibrated: bool = False


def ours(detector: str, clips: Sequence[DemoClip]) -> tuple[Judged, list[Verdict]]:
    """Our scores; a clip without a score (too little speech ...) counts as 0, neither way."""
    verdicts = []
    for found in scan_many([clip.path for clip in clips], Options(detector=detector)):
        if isinstance(found, Failure):
            raise SystemExit(f"{found.path}: {found.error}")
        verdicts.append(found)
    scores = [0.0 if verdict.score is None else verdict.score for verdict in verdicts]
    return Judged(f"earwitness {detector}", np.array(scores), registry.open(detector).settings.calibrated), verdicts


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def eer_row(judged: Judged, clips: Sequence[DemoClip]) -> list[str]:
    """Pooled EER with interval, macro EER over pages, pair order, AUC."""
    kept = np.array([clip.kind != "traditional" for clip in clips])
    scores = judged.scores[kept]
    rest = [clip for clip in clips if clip.kind != "traditional"]
    labels = np.array([clip.synthetic for clip in rest])
    pages = [clip.page for clip in rest]
    pooled = intervals.bootstrap(metrics.eer, pages, scores, labels, n=500)
    macro = metrics.by_group(metrics.eer, pages, scores, labels)
    values = np.array(list(macro.values()))
    over_pages = intervals.bootstrap(lambda x: float(np.mean(x)), list(macro), values, n=500)
    real, fake = metrics.pair_rows(labels, [clip.pair for clip in rest])
    return [
        judged.name,
        f"{percent(pooled.value)} [{percent(pooled.low)}, {percent(pooled.high)}]",
        f"{percent(values.mean())} [{percent(over_pages.low)}, {percent(over_pages.high)}]",
        percent(metrics.pair_order(scores[real], scores[fake])),
        f"{metrics.auc(scores, labels):.3f}",
    ]


def kind_row(judged: Judged, clips: Sequence[DemoClip], kinds: Sequence[str]) -> list[str]:
    """EER of each kind of system against all genuine recordings of the split."""
    kind_of = np.array([clip.kind for clip in clips])
    labels = np.array([clip.synthetic for clip in clips])
    genuine = ~labels & (kind_of != "traditional")
    cells = [judged.name]
    for kind in kinds:
        rows = genuine | (labels & (kind_of == kind))
        cells.append(percent(metrics.eer(judged.scores[rows], labels[rows])))
    return cells


def meaning(everyone: Sequence[Judged], clips: Sequence[DemoClip], kinds: Sequence[str]) -> None:
    """Print what is found at few false alarms, and what scores cost as likelihood ratios."""
    kept = np.array([clip.kind != "traditional" for clip in clips])
    rest = [clip for clip in clips if clip.kind != "traditional"]
    labels, pages = np.array([clip.synthetic for clip in rest]), [clip.page for clip in rest]
    kind_of = [clip.kind for clip in rest]
    head = [
        f"at {100 * alarms:g} % false alarms, {what}" for alarms in calibration.ALARMS for what in ("%", "macro %")
    ]
    rows = [[one.name, *calibration.detection_cells(one.scores[kept], labels, kind_of, pages)] for one in everyone]
    print(markdown(["fakes found", *head], rows))
    for alarms in calibration.ALARMS:
        rows = []
        for one in everyone:
            cells = [one.name]
            for kind in kinds:
                own = ~labels | (np.asarray(kind_of) == kind)
                cells.append(percent(metrics.detection_at(one.scores[kept][own], labels[own], alarms)))
            rows.append(cells)
        print(markdown([f"found at {100 * alarms:g} % false alarms, %", *kinds], rows))
    rows = [[one.name, *calibration.cost_cells(one.scores[kept], labels, pages, one.calibrated)] for one in everyone]
    print(markdown(["costs", *calibration.COSTS], rows))
    first = everyone[0]
    head = [f"{first.name} predicts synthetic %", "observed % at even odds", "clips"]
    print(markdown(head, calibration.reliability_rows(first.scores[kept], labels)))


def plots(everyone: Sequence[Judged], clips: Sequence[DemoClip], folder: Path) -> None:
    """DET, Tippett and reliability plots of the calibrated detectors."""
    from earwitness.api.plots import Curves, draw

    kept = np.array([clip.kind != "traditional" for clip in clips])
    flags = np.array([clip.synthetic for clip in clips])[kept]
    draw({one.name: Curves(one.scores[kept], flags) for one in everyone if one.calibrated}, folder)


def decisions(verdicts: Sequence[Verdict], clips: Sequence[DemoClip]) -> list[list[str]]:
    """How the shipped thresholds decide, by kind."""
    rows = []
    for kind in ["genuine", "traditional", *sorted({clip.kind for clip in clips if clip.synthetic})]:
        own = [
            verdict.decision
            for verdict, clip in zip(verdicts, clips, strict=True)
            if (clip.kind == kind if kind != "genuine" else not clip.synthetic and clip.kind != "traditional")
        ]
        if own:
            shares = [percent(own.count(d) / len(own)) for d in ("genuine", "synthetic", "inconclusive")]
            rows.append([kind, str(len(own)), *shares])
    return rows


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])


def main() -> None:
    parser = argparse.ArgumentParser(description="The scan on demo pages.")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="scores of the peers are kept here")
    parser.add_argument("--split", choices=("tune", "report"), default="tune")
    parser.add_argument("--folders", nargs="*", help="only these folders of demos/ (the shipped fit saw more-*)")
    parser.add_argument("--detector", nargs="+", default=[registry.DEFAULT], help=candidate.HELP)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=int, default=0, help="only so many clips, spread over the pages")
    parser.add_argument("--plots", type=Path, help="a folder for DET, Tippett and reliability plots")
    parser.add_argument("--json", type=Path, help="all scores, a line for each clip")
    chosen = parser.parse_args()
    clips = demo_clips(chosen.shared / "demos", chosen.split)
    if chosen.folders:
        clips = [clip for clip in clips if clip.page.split("/")[0] in chosen.folders]
    if chosen.limit:
        clips = clips[:: max(1, len(clips) // chosen.limit)]
    heard = [ours(candidate.detector(name), clips) for name in chosen.detector]
    everyone, verdicts = [judged for judged, _ in heard], heard[0][1]
    if not chosen.no_peers:
        set_home(chosen.cache)
        peers.prepare(chosen.shared / "peers")
        paths = [clip.path for clip in clips]
        everyone += [
            Judged(name, peers.peer_scores(name, paths, chosen.cache, workers=chosen.workers)) for name in peers.PEERS
        ]
        everyone.append(Judged("trivial", trivial(chosen.shared, chosen.split, clips)))
    if chosen.json:
        lines = [
            {"path": str(clip.path.relative_to(chosen.shared)), "page": clip.page, "kind": clip.kind}
            | {"synthetic": clip.synthetic, "decision": verdict.decision}
            | {judged.name: float(judged.scores[place]) for judged in everyone}
            for place, (clip, verdict) in enumerate(zip(clips, verdicts, strict=True))
        ]
        chosen.json.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    pages, spoof = {clip.page for clip in clips}, sum(clip.synthetic for clip in clips)
    print(f"{chosen.split}: {len(clips)} clips of {len(pages)} pages, {spoof} synthetic\n")
    head = ["detector", "pooled EER %", "macro EER %", "pairs in order %", "AUC"]
    print(markdown(head, [eer_row(judged, clips) for judged in everyone]))
    kinds = sorted({clip.kind for clip in clips if clip.synthetic})
    print(markdown(["EER % by kind", *kinds], [kind_row(judged, clips, kinds) for judged in everyone]))
    meaning(everyone, clips, kinds)
    if chosen.plots:
        plots(everyone, clips, chosen.plots)
    head = [f"decision % of {everyone[0].name}", "clips", "genuine", "synthetic", "inconclusive"]
    print(markdown(head, decisions(verdicts, clips)))


def trivial(shared: Path, split: str, clips: Sequence[DemoClip]) -> Floats:
    """The trivial model: page-wise cross-validated on tune; fitted on tune for report."""
    features = np.stack([peers.trivial_features(clip.path) for clip in clips])
    labels = np.array([clip.synthetic for clip in clips])
    if split == "tune":
        return peers.trivial_cross_validated(features, labels, [clip.page for clip in clips])
    tune = demo_clips(shared / "demos", "tune")
    train = np.stack([peers.trivial_features(clip.path) for clip in tune])
    return peers.trivial_scores(train, np.array([clip.synthetic for clip in tune]), features)


if __name__ == "__main__":
    main()
