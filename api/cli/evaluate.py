"""earwitness evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..choices import HigherIs, PlotFormat
from .options import Debug, Home, Json, Quiet
from .root import complain

if TYPE_CHECKING:
    from ..schemas import Comparison, Evaluation
    from ..trials import Joined


def evaluate(
    scores: Annotated[
        Path,
        typer.Argument(
            metavar="SCORES",
            help="Scores: CSV or JSON Lines, output of 'scan --json', or the text file of a published system.",
        ),
    ],
    protocol: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="KEY_FILE",
            help="Protocol with the labels (for MLAAD and In-the-Wild also their folder); may be repeated. "
            "Without one SCORES has a column label (bonafide|spoof), and if known cluster, kind, system, codec.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of the protocol: asvspoof2019, asvspoof2021, asvspoof5, in-the-wild, codecfake, codecfake+ or "
            "mlaad (default: recognised; a doubt is an error).",
        ),
    ] = None,
    higher_is: Annotated[
        HigherIs | None,
        typer.Option(
            help="Which class high scores mean: bonafide in ASVspoof's files, synthetic in ours (the default where "
            "the file is of our kind; others need it).",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="OTHER",
            help="Compare with other scores of the same trials, in pairs; differences are ours - theirs.",
        ),
    ] = None,
    against_higher_is: Annotated[HigherIs | None, typer.Option(help="As --higher-is, for the other file.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Nats, for FPR and FNR (default: 0.642, the Bayes threshold of ASVspoof 5).")
    ] = None,
    draws: Annotated[int, typer.Option(min=0, help="Draws of the bootstrap; 0: no intervals (large sets).")] = 1000,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write DET, Tippett and reliability plots there.")
    ] = None,
    plot_format: Annotated[PlotFormat, typer.Option(help="Kind of the plots.")] = PlotFormat.SVG,
    json: Json = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Error rates of scores against labels, for all trials, each system and each codec.

    EER (interpolated) with a 95 % interval that resamples whole clusters (speakers, pages), AUC, min and act DCF
    (ASVspoof 5), C_llr and its minimum in bits, FPR and FNR at a threshold. Scores and trials are joined by
    file name.
    """
    from .. import evaluation
    from .output import lines

    ours = evaluation.gather(scores, protocol or (), format, higher_is)
    sets = {scores.name: ours}
    theirs = None
    if against is not None:
        theirs = evaluation.gather(against, protocol or (), format, against_higher_is)
        sets[against.name if against.name != scores.name else str(against)] = theirs
    rows = evaluation.evaluate(ours.rows, threshold=threshold, draws=draws)
    compared = [] if theirs is None else evaluation.compare(ours.rows, theirs.rows, draws=draws)
    if plots is not None:
        _plot(plots, plot_format, sets)
    lines(json, [*rows, *compared])
    if not quiet:
        _remark(scores, ours, rows)
        if theirs is not None and against is not None:
            _remark(against, theirs, [])
    if json != "-" and not quiet:
        _show(rows)
        if compared:
            print()
            _show_pairs(compared)


def _plot(folder: Path, kind: PlotFormat, sets: dict[str, Joined]) -> None:
    from .. import plots

    plots.draw({name: plots.curves(own.rows) for name, own in sets.items()}, folder, kind)


def _remark(file: Path, joined: Joined, rows: list[Evaluation]) -> None:
    """On stderr: what was left out, and what speaks against the numbers."""
    missing = sum(row.missing for row in joined.rows)
    if missing:
        complain(f"{file.name}: {missing} of {len(joined.rows)} trials have no score there and are left out.")
    if joined.surplus:
        complain(f"{file.name}: {joined.surplus} scores belong to no trial of the protocol and are left out.")
    if joined.apart:
        complain(
            f"{file.name}: {joined.apart} scores belong to trials outside of the subset 'eval' and are left out."
        )
    for warning in rows[0].warnings if rows else ():
        complain(f"{file.name}: {warning}.")
    doubtful = [row.group for row in rows[1:] if row.warnings]
    if doubtful:
        complain(f"{file.name}: also doubtful, as --json says in full: {', '.join(doubtful)}.")


HEADER = (
    "group", "genuine", "synthetic", "unanswered", "missing", "EER %", "95 %", "AUC", "min DCF", "act DCF",
    "Cllr bit", "min Cllr", "FPR %", "FNR %",
)  # fmt: skip


def _show(rows: list[Evaluation]) -> None:
    from .. import table

    def number(value: float | None, factor: float = 1.0, digits: int = 3) -> str:
        return "" if value is None else f"{factor * value:.{digits}f}"

    def cells(row: Evaluation) -> tuple[str, ...]:
        between = "" if row.eer_low is None else f"{number(row.eer_low, 100, 1)}-{number(row.eer_high, 100, 1)}"
        counts = (row.genuine, row.synthetic, row.unanswered, row.missing)
        values = (row.auc, row.min_dcf, row.act_dcf, row.cllr, row.cllr_min)
        rates = (number(row.fpr, 100, 1), number(row.fnr, 100, 1))
        return (row.group, *map(str, counts), number(row.eer, 100, 1), between, *map(number, values), *rates)

    table.show(HEADER, [cells(row) for row in rows])


def _show_pairs(rows: list[Comparison]) -> None:
    from .. import table

    header = ("metric", "trials", "ours", "theirs", "difference", "95 %", "beyond chance")
    table.show(
        header,
        [
            (
                row.metric,
                str(row.trials),
                f"{row.first:.4f}",
                f"{row.second:.4f}",
                f"{row.difference:+.4f}",
                f"{row.low:+.4f} to {row.high:+.4f}",
                "yes" if row.low > 0 or row.high < 0 else "no",
            )
            for row in rows
        ],
    )
