"""How well scores tell synthetic from genuine: ROC, EER, AUC, costs, C_llr, pairs, spans in time.

Scores are higher for synthetic; `synthetic` is a boolean array of the same length. False positive means a genuine
clip that was flagged, false negative a synthetic one that was not; a clip is flagged when its score is *above*
the threshold. Calibrated scores are log-likelihood ratios in nats. ASVspoof counts the other way round (its
scores are high for bona fide, its "miss" is a rejected bona fide): the costs below are where that is converted,
and nowhere else. Functions of scores and labels raise DataError for a missing class, unequal lengths, NaN or infinite
scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .costs import ASVSPOOF5_RATIO, ASVSPOOF5_THRESHOLD, act_dcf, cllr, cllr_min, min_dcf, pav_llr
from .errors import DataError
from .intervals import Interval, bootstrap, clopper_pearson, clustered_proportion, wilson
from .localisation import SegmentScores, false_spans, overlap, range_eer, segment_scores
from .ranking import (
    Det,
    Rates,
    auc,
    classes,
    det_points,
    detection_at,
    eer,
    eer_by_ties,
    pair_order,
    pair_rows,
    rates,
    tie_share,
)
from .reliability import Reliability, reliability
from .signal_metrics import log_spectral_distance, mel_distance, si_sdr

__all__ = [
    "ASVSPOOF5_RATIO",
    "ASVSPOOF5_THRESHOLD",
    "Det",
    "Interval",
    "Rates",
    "Reliability",
    "SegmentScores",
    "Summary",
    "act_dcf",
    "auc",
    "bootstrap",
    "by_group",
    "cllr",
    "cllr_min",
    "clopper_pearson",
    "clustered_proportion",
    "det_points",
    "detection_at",
    "eer",
    "eer_by_ties",
    "false_spans",
    "log_spectral_distance",
    "mel_distance",
    "min_dcf",
    "overlap",
    "pair_order",
    "pair_rows",
    "pav_llr",
    "range_eer",
    "rates",
    "reliability",
    "segment_scores",
    "si_sdr",
    "summarise",
    "tie_share",
    "wilson",
]


@dataclass(frozen=True)
class Summary:
    """Everything that a report prints about one set of scores; the last six assume LLRs in nats.

    eer: NaN when all scores are equal, see `eer`.
    """

    genuine: int
    synthetic: int
    eer: float
    auc: float
    min_dcf: float
    ties: float
    act_dcf: float
    cllr: float
    cllr_min: float
    threshold: float
    fpr: float
    fnr: float


def by_group(function: Callable[..., float], groups: Sequence[str], *columns: ArrayLike) -> dict[str, float]:
    """`function` of the columns' rows in each group, by group name; groups that it refuses (DataError) are left out.

    The mean of the values is the macro average; its interval is `bootstrap(mean, names, values)`.
    """
    names = np.asarray(groups, dtype=object)
    arrays = [np.asarray(column) for column in columns]
    found: dict[str, float] = {}
    for name in dict.fromkeys(groups):
        rows = names == name
        try:
            found[name] = function(*(array[rows] for array in arrays))
        except DataError:
            continue
    return found


def summarise(llr: ArrayLike, synthetic: ArrayLike, threshold: float = ASVSPOOF5_THRESHOLD) -> Summary:
    """The whole row of a results table; `threshold` is the shipped one, in nats."""
    real, fake = classes(llr, synthetic)
    at = rates(llr, synthetic, threshold)
    return Summary(
        genuine=real.size,
        synthetic=fake.size,
        eer=eer(llr, synthetic) if np.ptp(np.concatenate([real, fake])) else float("nan"),
        auc=auc(llr, synthetic),
        min_dcf=min_dcf(llr, synthetic),
        ties=tie_share(llr, synthetic),
        act_dcf=act_dcf(llr, synthetic),
        cllr=cllr(llr, synthetic),
        cllr_min=cllr_min(llr, synthetic),
        threshold=threshold,
        fpr=at.fpr,
        fnr=at.fnr,
    )
