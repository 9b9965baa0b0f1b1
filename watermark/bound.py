"""How unlikely a correlation is without the key: bounds that hold for any audio whatever."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

# The best constant for which P(z >= t) <= constant * Q(t) for every Rademacher sum: Bentkus and Dzindzalieta,
# "A tight Gaussian bound for weighted sums of Rademacher random variables", Bernoulli 21 (2015).
_BENTKUS_DZINDZALIETA = 3.178


def log_p(z: NDArray[np.floating[Any]] | float) -> NDArray[np.float64]:
    """Natural logarithm of a bound on P(Z >= z) for Z = sum(c y) / sqrt(sum(y^2)), chips c fair coins, y fixed.

    The smaller of Hoeffding's exp(-z^2 / 2) and Bentkus and Dzindzalieta's 3.178 Q(z); 0 for z <= 0.
    """
    z = np.asarray(z, np.float64)
    hoeffding = -np.square(np.maximum(z, 0.0)) / 2
    gaussian = np.log(_BENTKUS_DZINDZALIETA) + log_ndtr(-z)
    found: NDArray[np.float64] = np.minimum(np.minimum(hoeffding, gaussian), 0.0)
    return found


def threshold(p: float, hypotheses: float) -> float:
    """The z beyond which the bound, times the number of hypotheses tried, is at most p."""
    low, high = 0.0, 60.0
    target = np.log(p) - np.log(hypotheses)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if log_p(middle) > target else (low, middle)
    return high
