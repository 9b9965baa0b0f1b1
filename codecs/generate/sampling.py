"""Drawing the next code: top-k, nucleus, repetition-aware sampling, classifier-free guidance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_NEVER = float("-inf")


@dataclass(frozen=True)
class Sampler:
    """How codes are drawn.

    temperature: 0 takes the likeliest. top_k: only the k likeliest, 0 for all. top_p: only the likeliest that hold
    this share together (nucleus, Holtzman et al. 2020). window, threshold: repetition-aware sampling (Chen et al.
    2024, VALL-E 2, algorithm 1): a drawn code that fills at least `threshold` of the last `window` codes is drawn
    again from the whole distribution, itself left out; window 0 switches it off.
    """

    temperature: float = 1.0
    top_k: int = 25
    top_p: float = 0.8
    window: int = 10
    threshold: float = 0.1

    def draw(self, logits: Tensor, history: Sequence[int], generator: torch.Generator) -> int:
        """One code from logits (codes,), after `history`; codes that may not come have -inf."""
        if self.temperature <= 0:
            return self._anew(logits, history, int(logits.argmax()), generator)
        scaled = logits / self.temperature
        code = _pick(nucleus(top_k(scaled, self.top_k), self.top_p), generator)
        return self._anew(scaled, history, code, generator)

    def _anew(self, logits: Tensor, history: Sequence[int], code: int, generator: torch.Generator) -> int:
        recent = list(history)[-self.window :] if self.window else []
        if not recent or recent.count(code) < self.threshold * self.window:
            return code
        others = logits.clone()
        others[code] = _NEVER
        return code if bool((others == _NEVER).all()) else _pick(others, generator)


def _pick(logits: Tensor, generator: torch.Generator) -> int:
    return int(torch.multinomial(torch.softmax(logits.double(), -1), 1, generator=generator))


def top_k(logits: Tensor, k: int) -> Tensor:
    """Logits (..., codes) with -inf at all but the k largest; k 0 keeps all. Ties at the border stay."""
    if k <= 0 or k >= logits.shape[-1]:
        return logits
    least = logits.topk(k, dim=-1).values[..., -1:]
    return logits.masked_fill(logits < least, _NEVER)


def nucleus(logits: Tensor, share: float) -> Tensor:
    """Logits (..., codes) with -inf at all but the likeliest codes that together first reach `share` of 1."""
    if share >= 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True)
    chances = ordered.softmax(-1)
    beyond = chances.cumsum(-1) - chances >= share
    return logits.masked_fill(torch.zeros_like(beyond).scatter(-1, order, beyond), _NEVER)


def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022, eq. 6): away from what is said without the condition.

    scale 1 is the conditional alone, 0 the unconditional.
    """
    return unconditional + scale * (conditional - unconditional)


def repetition_threshold(codes: Sequence[NDArray[np.int64]], window: int = 10, share: float = 0.995) -> float:
    """The threshold that real speech stays under: the `share` quantile of how much of the `window` codes before it a
    code fills, over sequences (frames,). At least one in the window, at most 1.
    """
    fills = [
        np.lib.stride_tricks.sliding_window_view(line, window + 1)
        for line in (np.asarray(sequence) for sequence in codes)
        if line.size > window
    ]
    if not fills:
        return 1.0
    windows = np.concatenate(fills)
    repeats = (windows[:, :-1] == windows[:, -1:]).sum(1)
    # The next count above the quantile: what real speech does must not be drawn anew.
    return float(min(window, np.quantile(repeats, share, method="higher") + 1) / window)
