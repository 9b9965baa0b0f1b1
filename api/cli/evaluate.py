"""earwitness evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Debug, Home, Json, Quiet


def evaluate(
    scores: Annotated[
        Path,
        typer.Argument(
            metavar="SCORES",
            help="CSV or JSON Lines with path, label (bonafide|spoof), score, and if known cluster, kind, system.",
        ),
    ],
    json: Json = None,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Error rates of labelled scores (nats, above 0 for synthetic).

    EER with a 95 % interval that resamples whole clusters, AUC, min and act DCF (ASVspoof 5), C_llr.
    """
    from .. import service, table
    from .output import lines

    rows = service.evaluate(scores)
    lines(json, rows)
    if json == "-" or quiet:
        return
    header = ("group", "genuine", "synthetic", "unanswered", "EER %", "95 %", "AUC", "min DCF", "act DCF", "Cllr bit")
    table.show(
        header,
        [
            (
                row.group,
                str(row.genuine),
                str(row.synthetic),
                str(row.unanswered),
                f"{100 * row.eer:.1f}",
                ""
                if row.eer_low is None or row.eer_high is None
                else f"{100 * row.eer_low:.1f}-{100 * row.eer_high:.1f}",
                f"{row.auc:.3f}",
                f"{row.min_dcf:.3f}",
                f"{row.act_dcf:.3f}",
                f"{row.cllr:.3f}",
            )
            for row in rows
        ],
    )
