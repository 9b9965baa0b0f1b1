"""Recipe sections of the training loop, apart from it so that a recipe can be read without torch."""

from __future__ import annotations

from .recipe import Strict


class Optimiser(Strict):
    """AdamW with a linear warm-up and a cosine down to `final` of the rate, for each network."""

    rate: float = 5e-4
    critic_rate: float = 2e-4
    betas: tuple[float, float] = (0.8, 0.99)
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup: int = 100
    final: float = 0.05


class Schedule(Strict):
    """How long, how often to save, which steps to keep as checkpoints for dataset building."""

    steps: int
    ema: float = 0.999
    log_every: int = 100
    checkpoint_minutes: float = 10.0
    keep: tuple[int, ...] = ()
